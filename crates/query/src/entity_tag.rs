//! Entity tags (RFC 9110, section 8.8.3): what an asker has already need not be sent again.
//!
//! A tag is made of an answer that was worked out, never of what it was worked out from: whoever asks with a tag gets
//! the counts read anew, and is told whether the answer is the same as theirs.

use std::io::Write;

use axum::http::header::IF_NONE_MATCH;
use axum::http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

/// Stands for the body of an answer: the same body has the same tag, another body another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityTag(HeaderValue);

impl EntityTag {
    /// Of the answer whose body has nothing but this number.
    pub(crate) fn of_number(number: u64) -> Self {
        // The longest number has 20 digits. In place: every badge has a tag.
        let mut tag = [0_u8; 22];
        let mut rest = &mut tag[..];
        write!(rest, "\"{number}\"").expect("there is room for the longest");
        let left = rest.len();
        Self::of_text(&tag[..tag.len() - left])
    }

    /// Of any other body.
    pub(crate) fn of_body(body: &[u8]) -> Self {
        let digits: String = Sha256::digest(body)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Self::of_text(format!("\"{digits}\"").as_bytes())
    }

    fn of_text(tag: &[u8]) -> Self {
        Self(HeaderValue::from_bytes(tag).expect("digits and quotation marks can be sent in a header"))
    }

    /// Whether `If-None-Match` has this tag: the asker has this very body already. Compared weakly, as RFC 9110,
    /// section 13.1.2, has it.
    pub(crate) fn is_known(&self, headers: &HeaderMap) -> bool {
        headers.get_all(IF_NONE_MATCH).iter().any(|known| {
            let known = known.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            let mut known = known.map(|tag| tag.strip_prefix(b"W/").unwrap_or(tag));
            known.any(|tag| tag == self.0.as_bytes() || tag == b"*")
        })
    }

    /// As a header says it.
    pub(crate) fn into_value(self) -> HeaderValue {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line a case: `number | values of If-None-Match, separated by ; | whether it is known`.
    fn check(line: &str) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let mut headers = HeaderMap::new();
        for value in fields[1].split(';').map(str::trim).filter(|value| !value.is_empty()) {
            headers.append(IF_NONE_MATCH, value.parse().expect("a header value"));
        }
        let tag = EntityTag::of_number(fields[0].parse().expect("a number"));
        assert_eq!(tag.is_known(&headers), fields[2] == "known", "{line}");
    }

    #[test]
    fn what_the_asker_has_is_compared_with_what_there_is() {
        for line in [
            r#"7 |                    | new"#,
            r#"7 | "7"                | known"#,
            r#"7 | W/"7"              | known"#,
            r#"7 | *                  | known"#,
            r#"7 | "8"                | new"#,
            r#"7 | "77"               | new"#,
            r#"7 | 7                  | new"#,
            r#"7 | "8", "7"           | known"#,
            r#"7 | "8" ,W/"7","9"     | known"#,
            r#"7 | "8"; "7"           | known"#,
            r#"7 | "8"; "9"           | new"#,
        ] {
            check(line);
        }
    }

    #[test]
    fn other_bodies_have_other_tags() {
        let tag = EntityTag::of_body(b"{}").into_value();
        assert_eq!(tag, "\"44136fa355b3678a1146ad16f7e8649e\"");
        assert_ne!(EntityTag::of_body(b"{ }"), EntityTag::of_body(b"{}"));
        assert_eq!(EntityTag::of_number(u64::MAX).into_value(), "\"18446744073709551615\"");
    }
}
