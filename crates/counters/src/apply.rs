//! One event, one call: finds the rule that it is about. The rules themselves are in the modules
//! below, each named by its number.

mod members;
mod messages;
mod rooms;

use events::{Body, Event, MessageKey};

use crate::outcome::{Applied, Full, Outcome, Reason, Remembered};
use crate::{Counters, RoomIndex};

/// What an event names, found once and used twice: to look its message id up, and to apply it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    pub(crate) room: Option<RoomIndex>,
    pub(crate) key: Option<MessageKey>,
}

impl Located {
    /// The message id to look up among those that the room remembers, before the event is applied.
    pub fn message(&self) -> Option<(RoomIndex, MessageKey)> {
        Some((self.room?, self.key?))
    }
}

impl Applied {
    pub(crate) fn new(outcome: Outcome) -> Self {
        Self { outcome, remember: None, deleted: None, fallen_out: 0 }
    }

    pub(crate) fn changed() -> Self {
        Self::new(Outcome::Changed)
    }

    pub(crate) fn unchanged(reason: Reason) -> Self {
        Self::new(Outcome::Unchanged(reason))
    }
}

impl Counters {
    /// Finds the room and the message that an event names.
    pub fn locate(&self, event: &Event<'_>) -> Located {
        let (room, message) = match &event.body {
            Body::MessagePosted(body) => (&body.room, Some(&body.message)),
            Body::MessageRead(body) => (&body.room, body.upto.as_ref()),
            Body::MessageUnread(body) => (&body.room, Some(&body.from)),
            Body::MessageRecalled(body) => (&body.room, Some(&body.message)),
            Body::RoomJoined(body) => (&body.room, None),
            Body::RoomLeft(body) => (&body.room, None),
            Body::RoomTagged(body) => (&body.room, None),
            Body::RoomMuted(body) => (&body.room, None),
            Body::RoomDeleted(body) => (&body.room, None),
            Body::UserDeleted(_) => return Located { room: None, key: None },
        };
        Located {
            room: self.rooms.find(event.tenant.as_str(), room),
            key: message.map(|message| MessageKey::of(message)),
        }
    }

    /// Applies one event. `located` is what [`locate`](Self::locate) said of it just before;
    /// `found` is what is remembered of the message id that it names, known or not any more;
    /// `stored_at` is when the stream stored the event, in milliseconds since the Unix epoch.
    pub fn apply(
        &mut self,
        event: &Event<'_>,
        located: Located,
        found: Option<Remembered>,
        stored_at: u64,
    ) -> Result<Applied, Full> {
        let known = self.known(located.room, found);
        let tenant = event.tenant.as_str();
        let Located { room, key } = located;
        Ok(match &event.body {
            Body::MessagePosted(body) => return self.posted(tenant, body, located, known, stored_at),
            Body::MessageRead(body) => self.read(tenant, body, room, key, known),
            Body::MessageUnread(body) => self.unread_from(tenant, body, room, known),
            Body::MessageRecalled(body) => return self.recalled(tenant, body, located, known),
            Body::RoomJoined(body) => return self.joined(tenant, body, room),
            Body::RoomLeft(body) => self.left(tenant, body, room),
            Body::RoomTagged(body) => return self.tagged(tenant, body, room),
            Body::RoomMuted(body) => self.muted(tenant, body, room),
            Body::RoomDeleted(_) => self.room_deleted(room),
            Body::UserDeleted(body) => self.user_deleted(tenant, &body.user),
        })
    }

    /// Rule 4: known are exactly the newest `message_window` messages of the room in order of
    /// posting, silent ones included.
    fn known(&self, room: Option<RoomIndex>, found: Option<Remembered>) -> Option<Remembered> {
        let posted = self.rooms.get(room?)?.posted;
        let newest_forgotten = posted.saturating_sub(u64::from(self.policies.message_window));
        found.filter(|remembered| remembered.order > newest_forgotten)
    }

    /// Numbers up to this one can't come above a cursor again once they are below it: `unread`
    /// names a known message (rules 4 and 7), so it moves a cursor to `head - message_window` at
    /// the lowest.
    fn lowest_reachable_cursor(&self, head: u32) -> u32 {
        head.saturating_sub(self.policies.message_window)
    }
}
