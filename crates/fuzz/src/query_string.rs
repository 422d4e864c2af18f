//! Query strings.

use query::fuzzing::room_tags;

/// Reads the input as a query string and compares its tags with those that the plainest reader finds.
pub fn query_string(input: &[u8]) -> Vec<String> {
    // The HTTP library lets nothing else through.
    let Ok(query) = str::from_utf8(input) else { return vec!["not text".to_owned()] };
    let found = room_tags(query);
    assert_eq!(found, expected(query), "{query:?}");
    vec![found.map_or_else(|| "refused".to_owned(), |tags| format!("{} tags", tags.len()))]
}

/// The contract's sentences one after the other: each piece is split and decoded in full, whether
/// it matters or not.
fn expected(query: &str) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    for piece in query.split('&') {
        let parts: Vec<&str> = piece.splitn(2, '=').collect();
        let name = form_decoded(parts[0]).bytes;
        if name.starts_with(b"roomTags[") {
            return None;
        }
        if name == b"roomTags" {
            let value = form_decoded(parts.get(1).unwrap_or(&""));
            let tag = String::from_utf8(value.bytes).ok()?;
            let fits = !tag.is_empty() && tag.len() <= 128 && !tag.chars().any(char::is_control);
            if value.is_broken || !fits {
                return None;
            }
            tags.push(tag);
        }
    }
    let mut distinct: Vec<String> = Vec::new();
    for tag in tags {
        if !distinct.contains(&tag) {
            distinct.push(tag);
        }
    }
    (distinct.len() <= 32).then_some(distinct)
}

struct Decoded {
    bytes: Vec<u8>,
    /// Whether a `%` stood there without two hexadecimal digits. It stands for itself then.
    is_broken: bool,
}

fn form_decoded(text: &str) -> Decoded {
    let mut rest = text.as_bytes();
    let mut decoded = Decoded { bytes: Vec::new(), is_broken: false };
    loop {
        let byte;
        (byte, rest) = match *rest {
            [] => return decoded,
            [b'%', high, low, ref after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digits =
                    [char::from(high), char::from(low)].map(|digit| digit.to_digit(16).unwrap_or_default());
                let value = u8::try_from(digits[0] * 16 + digits[1]).unwrap_or_default();
                (value, after)
            }
            [b'%', ref after @ ..] => {
                decoded.is_broken = true;
                (b'%', after)
            }
            [b'+', ref after @ ..] => (b' ', after),
            [plain, ref after @ ..] => (plain, after),
        };
        decoded.bytes.push(byte);
    }
}
