//! What tells one message from any other that may come to stand at its sequence.

use sha2::{Digest, Sha256};

/// A hash of a stored message: its subject, the time the server stored it, its headers in any
/// order, and its body. A name may come more than once; its values keep their order.
pub(crate) fn fingerprint<'a>(
    subject: &str,
    stored_at_ns: i64,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    body: &[u8],
) -> [u8; 32] {
    let mut headers: Vec<_> = headers.collect();
    headers.sort_by_key(|&(name, _)| name);
    let mut hash = Sha256::new();
    // Each part is preceded by its length, so that no two messages give the same bytes.
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(subject.as_bytes());
    part(&stored_at_ns.to_be_bytes());
    part(&(headers.len() as u64).to_be_bytes());
    for (name, value) in headers {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    part(body);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    const HEADERS: [(&str, &str); 3] = [("A", "1"), ("B", "2"), ("A", "3")];

    fn of(subject: &str, ns: i64, headers: &[(&str, &str)], body: &[u8]) -> [u8; 32] {
        fingerprint(subject, ns, headers.iter().copied(), body)
    }

    #[test]
    fn every_part_counts() {
        let original = of("chat.demo", 7, &HEADERS, b"body");
        assert_ne!(original, of("chat.other", 7, &HEADERS, b"body"));
        assert_ne!(original, of("chat.demo", 8, &HEADERS, b"body"));
        assert_ne!(original, of("chat.demo", 7, &HEADERS[..2], b"body"));
        assert_ne!(original, of("chat.demo", 7, &[("A", "3"), ("B", "2"), ("A", "1")], b"body"));
        assert_ne!(original, of("chat.demo", 7, &HEADERS, b"bodx"));
        assert_ne!(of("ab", 7, &[], b"c"), of("a", 7, &[], b"bc"));
        assert_ne!(of("a", 7, &[("A", "1")], b""), of("a", 7, &[], b"A1"));
    }

    #[test]
    fn the_order_of_names_does_not() {
        let sorted = [("A", "1"), ("A", "3"), ("B", "2")];
        assert_eq!(of("chat.demo", 7, &HEADERS, b"body"), of("chat.demo", 7, &sorted, b"body"));
    }

    /// A store holds fingerprints: they must come out the same in every version.
    #[test]
    fn it_is_what_it_always_was() {
        let hex: String =
            of("chat.demo", 7, &HEADERS, b"body").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "46d346c68ac7201f1e973c4cd49d837c6de446094041b54522a12e72cb069cc7");
    }
}
