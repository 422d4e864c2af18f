//! From a step to its event.

use events::{
    Body, Event, History, MessagePosted, MessageRead, MessageRecalled, MessageUnread, RoomDeleted,
    RoomJoined, RoomLeft, RoomMuted, RoomTagged, UserDeleted,
};

use super::Problem;
use super::words::{Words, unexpected};

const ROOM: &str = "a room";
const MESSAGE: &str = "a message";
const USER: &str = "a user";
const USERS: &str = "users";

pub(super) fn parse(text: &str) -> Result<Event<'_>, Problem> {
    let mut words = Words::of(text)?;
    let body = match words.next("a step")? {
        "posted" => Body::MessagePosted(posted(&mut words)?),
        "read" => Body::MessageRead(MessageRead {
            room: words.id(ROOM)?,
            user: words.id(USER)?,
            upto: if words.skip("upto") { Some(words.id(MESSAGE)?) } else { None },
        }),
        "unread" => Body::MessageUnread(MessageUnread {
            room: words.id(ROOM)?,
            user: words.id(USER)?,
            from: {
                words.expect("from")?;
                words.id(MESSAGE)?
            },
        }),
        "recalled" => {
            Body::MessageRecalled(MessageRecalled { room: words.id(ROOM)?, message: words.id(MESSAGE)? })
        }
        "joined" => Body::RoomJoined(RoomJoined {
            room: words.id(ROOM)?,
            users: words.ids(USERS)?,
            history: if words.skip("history") {
                words.expect("all")?;
                History::All
            } else {
                History::None
            },
        }),
        "left" => Body::RoomLeft(RoomLeft { room: words.id(ROOM)?, users: words.ids(USERS)? }),
        "tagged" => Body::RoomTagged(RoomTagged { room: words.id(ROOM)?, tags: words.tags("tags")? }),
        step @ ("muted" | "unmuted") => Body::RoomMuted(RoomMuted {
            room: words.id(ROOM)?,
            user: words.id(USER)?,
            muted: step == "muted",
        }),
        "room_deleted" => Body::RoomDeleted(RoomDeleted { room: words.id(ROOM)? }),
        "user_deleted" => Body::UserDeleted(UserDeleted { user: words.id(USER)? }),
        other => return Err(Problem::UnknownStep(other.to_owned())),
    };
    let tenant = words.tenant;
    words.end()?;
    Ok(Event { tenant, body })
}

fn posted<'a>(words: &mut Words<'a>) -> Result<MessagePosted<'a>, Problem> {
    let (room, message) = (words.id(ROOM)?, words.id(MESSAGE)?);
    words.expect("by")?;
    let mut posted = MessagePosted {
        room,
        message,
        sender: words.id(USER)?,
        at: None,
        silent: false,
        mentions: Vec::new(),
        mention_all: false,
    };
    while !words.is_at_end() {
        let option = "`silent`, `at`, `mentions` or `mention_all`";
        match words.next(option)? {
            "silent" => posted.silent = true,
            "at" => posted.at = Some(words.number("milliseconds")?),
            "mentions" => posted.mentions = words.ids(USERS)?,
            "mention_all" => posted.mention_all = true,
            other => return Err(unexpected(option, other)),
        }
    }
    Ok(posted)
}
