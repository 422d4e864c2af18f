//! What publishing says of itself, while it goes on and at its end.

use std::time::Duration;

use super::order::Counts;
use crate::progress::rate;

pub(super) fn events_and_rate(counts: &Counts, elapsed: Duration) -> String {
    let events = counts.published + counts.duplicates;
    format!("{events} events, {:.0}/s", rate(events, elapsed))
}

pub(super) fn summary(lines: u64, skipped: u64, counts: &Counts, elapsed: Duration) -> String {
    let Counts { published, duplicates, .. } = counts;
    format!(
        "{lines} lines: {published} published, {duplicates} duplicates, {skipped} skipped \
         in {:.1} s ({:.0} events/s)",
        elapsed.as_secs_f64(),
        rate(published + duplicates, elapsed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_every_count() {
        let counts = Counts { published: 90, duplicates: 7, bytes: 5_000 };
        assert_eq!(
            summary(100, 2, &counts, Duration::from_millis(500)),
            "100 lines: 90 published, 7 duplicates, 2 skipped in 0.5 s (194 events/s)"
        );
        let nothing = summary(0, 0, &Counts::default(), Duration::ZERO);
        assert_eq!(nothing, "0 lines: 0 published, 0 duplicates, 0 skipped in 0.0 s (0 events/s)");
    }
}
