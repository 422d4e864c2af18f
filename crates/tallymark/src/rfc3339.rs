//! Times as operators write and read them: RFC 3339. Everywhere else they are milliseconds since the Unix epoch.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads a time. Parts of a millisecond are dropped.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let expected = "expected a time such as 2026-01-31T08:00:00Z or 2026-01-31T09:00:00.250+01:00";
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| expected.to_owned())?;
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).map_err(|_| format!("{expected}, from 1970 on"))
}

/// Writes a time in UTC; a number where that is no time that can be written.
pub(crate) fn format(ms: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| ms.to_string())
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn times_are_read_and_written() {
        assert_eq!(parse("1970-01-01T00:00:01Z"), Ok(1_000));
        assert_eq!(parse("2026-01-31T09:00:00.2509+01:00"), Ok(1_769_846_400_250));
        assert_eq!(format(1_769_846_400_250), "2026-01-31T08:00:00.25Z");
        assert_eq!(format(u64::MAX), u64::MAX.to_string());
        for wrong in ["", "2026-01-31", "1769846400250", "2026-02-30T00:00:00Z", "1969-12-31T23:59:59Z"] {
            assert!(parse(wrong).unwrap_err().starts_with("expected a time such as"), "{wrong}");
        }
    }
}
