//! Badges as if nothing from some time on had been posted, compared with the recount.

use std::collections::BTreeSet;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Recount;
use crate::service::Service;

/// What became of questions about times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BeforeTimes {
    /// So many were answered with more than 0.
    pub unread: usize,
    /// So many went back too far.
    pub too_old: usize,
}

impl Recount {
    /// Times of messages that are known, about as many as `count`, each with the millisecond after it, and one after all of them.
    pub fn times(&self, tenant: &str, count: usize) -> BTreeSet<u64> {
        let rooms = self.oracle.rooms_of_tenant(tenant).into_iter();
        let known = rooms.flat_map(|room| self.oracle.known_messages(tenant, room));
        let times: BTreeSet<u64> = known.map(|known| known.time).collect();
        let step = times.len() / count + 1;
        let mut chosen: BTreeSet<u64> =
            times.iter().step_by(step).flat_map(|time| [*time, time + 1]).collect();
        chosen.extend(times.last().map(|last| last + 1));
        chosen
    }

    /// Asks the service for the badges by each of these lists of tags before each of these times. Panics if an answer is
    /// another than the recount.
    #[track_caller]
    pub fn check_before_times(
        &self,
        service: &Service,
        (tenant, users): (&str, &[&str]),
        lists: &[&[&str]],
        times: &BTreeSet<u64>,
    ) -> BeforeTimes {
        let asker = service.asker();
        let mut found = BeforeTimes::default();
        for before_ms in times {
            let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(*before_ms) * 1_000_000);
            let time = time.expect("a time of an event").format(&Rfc3339).expect("a time has a text");
            for (user, tags) in users.iter().flat_map(|user| lists.iter().map(move |tags| (user, tags))) {
                let body = json!({ "tags": tags, "beforeTime": time });
                let answer = asker.try_post("/badges/byRoomTagsAndTime", &body, tenant, user);
                let place = format!("{tenant} {user} {body}: {answer:?}");
                match self.oracle.by_tags_before(tenant, user, tags, self.skip_muted, *before_ms) {
                    Some((total, parts)) => {
                        assert_eq!(answer.status, 200, "{place}");
                        let expected = json!({ "totalBadge": total, "data": parts });
                        assert_eq!(answer.json()["result"], expected, "{place}");
                        found.unread += usize::from(total > 0);
                    }
                    None => {
                        assert_eq!(
                            (answer.status, answer.error_code().as_str()),
                            (400, "TIME_TOO_OLD"),
                            "{place}"
                        );
                        found.too_old += 1;
                    }
                }
            }
        }
        found
    }
}
