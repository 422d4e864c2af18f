//! Badges as if nothing from some time on had been posted: who applies events knows when what was posted.

use std::collections::BTreeMap;
use std::sync::Arc;

use counters::{Counters, MutedRooms, UserIndex};
use query::{AskBeforeTime, BeforeTime, BeforeTimeQuestion, NotBeforeTime};
use store::{NumberBefore, Store, StoreError};
use tokio::sync::Semaphore;

use super::live::Live;

/// For how many rooms events wait at a time: each may have to be looked up on the disk, some eight times.
const ROOMS_AT_ONCE: usize = 16;
/// How often, of all who ask: the others wait here, where no event waits behind them.
const QUESTIONS_AT_ONCE: usize = 2;

/// What one room adds.
struct Part {
    tags: Vec<String>,
    unread: u64,
}

/// Asks the line that is live.
pub(super) fn ask(live: Live) -> AskBeforeTime {
    let turns = Arc::new(Semaphore::new(QUESTIONS_AT_ONCE));
    Arc::new(move |question| {
        let asking = Asking { live: live.clone(), turns: turns.clone(), question: Arc::new(question) };
        Box::pin(asking.answer())
    })
}

struct Asking {
    live: Live,
    turns: Arc<Semaphore>,
    question: Arc<BeforeTimeQuestion>,
}

impl Asking {
    /// A few rooms at a time, each of which is exact for the sequence of that moment. Rooms go by their names: another
    /// line of counting may take the place of this one meanwhile, and has numbers of its own for them.
    async fn answer(self) -> Result<BeforeTime, NotBeforeTime> {
        let listed =
            self.see(|counters, _, question| (rooms_of(counters, question), counters.applied())).await;
        let (rooms, applied) = listed?;
        let mut found = BeforeTime { total: 0, parts: BTreeMap::new(), applied };
        found.parts.extend(self.question.tags.iter().map(|tag| (tag.clone(), 0)));
        for rooms in rooms.chunks(ROOMS_AT_ONCE) {
            let rooms = rooms.to_vec();
            for part in
                self.see(move |counters, store, question| parts(counters, store, question, &rooms)).await??
            {
                found.total += part.unread;
                for tag in part.tags {
                    *found.parts.entry(tag).or_default() += part.unread;
                }
            }
        }
        Ok(found)
    }

    async fn see<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Counters, &Store, &BeforeTimeQuestion) -> T + Send + 'static,
    ) -> Result<T, NotBeforeTime> {
        let _turn = self.turns.acquire().await.map_err(|_| NotBeforeTime::NotReady)?;
        let question = self.question.clone();
        let seen = self.live.see_stored(move |counters, store| look(counters, store, &question)).await;
        seen.map_err(|_| NotBeforeTime::NotReady)
    }
}

/// The user's rooms that have a tag that is asked for.
fn rooms_of(counters: &Counters, question: &BeforeTimeQuestion) -> Vec<String> {
    let Some(user) = counters.user(&question.tenant, &question.user) else { return Vec::new() };
    let mut rooms = Vec::new();
    counters.each_membership(user, |room, _| {
        let fact = counters.room_fact(room);
        if let (Some(fact), Some((_, id))) = (fact, counters.room_name(room))
            && fact.tags.iter().any(|tag| is_wanted(question, tag))
        {
            rooms.push(id.to_owned());
        }
    });
    rooms
}

fn is_wanted(question: &BeforeTimeQuestion, tag: &str) -> bool {
    question.tags.is_empty() || question.tags.iter().any(|wanted| wanted == tag)
}

fn parts(
    counters: &Counters,
    store: &Store,
    question: &BeforeTimeQuestion,
    rooms: &[String],
) -> Result<Vec<Part>, NotBeforeTime> {
    let Some(user) = counters.user(&question.tenant, &question.user) else { return Ok(Vec::new()) };
    let parts = rooms.iter().map(|room| part(counters, store, question, (user, room)));
    let parts: Vec<_> = parts.collect::<Result<_, _>>().map_err(|error| {
        tracing::error!(%error, "the times of messages can't be read");
        NotBeforeTime::NotReady
    })?;
    let parts = parts.into_iter().flatten().map(|part| part.ok_or(NotBeforeTime::TooOld));
    parts.collect()
}

/// `None` if there is nothing to add; nothing within that if the times are forgotten.
fn part(
    counters: &Counters,
    store: &Store,
    question: &BeforeTimeQuestion,
    (user, room): (UserIndex, &str),
) -> Result<Option<Option<Part>>, StoreError> {
    let Some(room) = counters.room(&question.tenant, room) else { return Ok(None) };
    let (Some(of_room), Some(member)) = (counters.room_fact(room), counters.member_fact(user, room)) else {
        return Ok(None);
    };
    let tags = of_room.tags.iter().filter(|tag| is_wanted(question, tag));
    let tags: Vec<String> = tags.map(|tag| tag.to_string()).collect();
    if tags.is_empty() {
        return Ok(None);
    }
    let is_skipped = member.muted && question.muted_rooms == MutedRooms::Skip;
    if is_skipped || member.cursor >= of_room.head {
        return Ok(Some(Some(Part { tags, unread: 0 })));
    }
    let last = if of_room.time < question.before_ms {
        of_room.head
    } else {
        match store.number_before(counters, room, question.before_ms)? {
            NumberBefore::Is(number) => number,
            // Nothing up to there is unread, whichever number it is.
            NumberBefore::AtMost(number) if number <= member.cursor => number,
            NumberBefore::AtMost(_) => return Ok(Some(None)),
        }
    };
    let unread = counters.unread_up_to(user, room, last).unwrap_or(0);
    Ok(Some(Some(Part { tags, unread })))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use counters::Policies;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::registry::Registry;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::serve::live::Face;

    /// However many ask, no more questions stand before events than that.
    #[tokio::test]
    async fn only_so_many_stand_before_events() {
        let live = Live::new(Registry::default(), Gauge::default(), (MutedRooms::Count, Duration::ZERO));
        let (questions, mut asked) = unbounded_channel();
        let (id, status) = live.new_line();
        let reader = Counters::new(Policies::default()).reader();
        live.adopt(Face { id, status, reader, snapshots: unbounded_channel().0, questions }, None);
        let ask = ask(live);
        for number in 0..50 {
            let question = BeforeTimeQuestion {
                tenant: "demo".to_owned(),
                user: format!("user{number}"),
                tags: Vec::new(),
                before_ms: 1,
                muted_rooms: MutedRooms::Count,
            };
            tokio::spawn(ask(question));
        }
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        let mut waiting = Vec::new();
        while let Ok(question) = asked.try_recv() {
            waiting.push(question);
        }
        assert_eq!(waiting.len(), QUESTIONS_AT_ONCE);
        // As soon as one is done with, the next comes.
        drop(waiting.pop());
        assert!(asked.recv().await.is_some());
    }
}
