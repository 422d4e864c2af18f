//! A button of the page, pressed.

use std::sync::mpsc::Sender;

use serde_json::Value;

use crate::dev::team::PLANS;

/// A pressed button, and who waits to hear what came of it.
pub(in crate::dev) struct Press {
    pub(in crate::dev) action: Action,
    answer: Sender<Result<String, String>>,
}

impl Press {
    pub(super) fn new(action: Action, answer: Sender<Result<String, String>>) -> Self {
        Self { action, answer }
    }

    /// What happened, or why nothing did.
    pub(in crate::dev) fn answer(self, said: Result<String, String>) {
        // Who pressed may have left.
        self.answer.send(said).ok();
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dev) enum Action {
    /// Something in the room of that place in the plans.
    InRoom(usize, InRoom),
    /// The team goes on, or waits.
    TeamChats(bool),
    /// The service is killed and started again.
    RestartService,
}

/// What is to be done in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dev) enum InRoom {
    /// This member posts.
    Post(&'static str),
    /// The user reads all of it.
    Read,
    /// The user marks the newest message as unread.
    MarkUnread,
    /// Whoever posted the newest message takes it back.
    Recall,
}

impl Action {
    /// From `{"do":"post","room":"general","user":"bob"}` and the like; else what is wrong with it.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let text = |name: &str| body[name].as_str().ok_or_else(|| format!("`{name}` has to be a text"));
        let action = match text("do")? {
            "post" => {
                let (place, user) = (place_of(text("room")?)?, text("user")?);
                let member = PLANS[place].members.iter().find(|member| **member == user);
                let member = member.ok_or_else(|| format!("{user} is not in {}", PLANS[place].name))?;
                return Ok(Self::InRoom(place, InRoom::Post(member)));
            }
            "read" => InRoom::Read,
            "mark_unread" => InRoom::MarkUnread,
            "recall" => InRoom::Recall,
            "let_team_chat" => return Ok(Self::TeamChats(true)),
            "let_team_wait" => return Ok(Self::TeamChats(false)),
            "restart_service" => return Ok(Self::RestartService),
            other => return Err(format!("there is no button for `{other}`")),
        };
        Ok(Self::InRoom(place_of(text("room")?)?, action))
    }
}

fn place_of(room: &str) -> Result<usize, String> {
    PLANS.iter().position(|plan| plan.name == room).ok_or_else(|| format!("there is no room {room}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_says_what_and_where() {
        let check = |body: &str, expected: Result<Action, &str>| {
            assert_eq!(Action::parse(body.as_bytes()), expected.map_err(str::to_owned), "{body}");
        };
        let post = Action::InRoom(5, InRoom::Post("bob"));
        check(r#"{"do":"post","room":"ann-and-bob","user":"bob"}"#, Ok(post));
        check(r#"{"do":"read","room":"general"}"#, Ok(Action::InRoom(0, InRoom::Read)));
        check(r#"{"do":"mark_unread","room":"general"}"#, Ok(Action::InRoom(0, InRoom::MarkUnread)));
        check(r#"{"do":"recall","room":"lunch"}"#, Ok(Action::InRoom(1, InRoom::Recall)));
        check(r#"{"do":"let_team_chat"}"#, Ok(Action::TeamChats(true)));
        check(r#"{"do":"let_team_wait"}"#, Ok(Action::TeamChats(false)));
        check(r#"{"do":"restart_service"}"#, Ok(Action::RestartService));

        let chloe = r#"{"do":"post","room":"ann-and-bob","user":"chloe"}"#;
        check(chloe, Err("chloe is not in ann-and-bob"));
        check(r#"{"do":"read","room":"attic"}"#, Err("there is no room attic"));
        check(r#"{"do":"read"}"#, Err("`room` has to be a text"));
        check(r#"{"do":"drop"}"#, Err("there is no button for `drop`"));
        check("[]", Err("`do` has to be a text"));
        check("{", Err("EOF while parsing an object at line 1 column 1"));
    }
}
