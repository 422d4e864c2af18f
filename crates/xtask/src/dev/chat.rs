//! The hours of the demo: the team chats, buttons of the page are pressed, and the badge is shown.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use xtask::NatsServer;

use super::page::{Action, Page};
use super::question::{Badges, Question};
use super::settings::Settings;
use super::stop::{Stop, Waited};
use super::tallymark::{Publisher, Service, must_run};
use super::team::Team;

/// The team does the same in every run, unless somebody meddles.
const SEED: u64 = 42;
/// Between two looks at whether a button was pressed.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// From a pressed button, or the last look of a team that waits, to the next look at the badge.
const PAUSE: Duration = Duration::from_millis(300);

/// What the demo was started with.
pub(super) struct Started<'a> {
    pub(super) executable: &'a Path,
    pub(super) settings: &'a Settings,
    pub(super) question: &'a Question,
    pub(super) stop: &'a Stop,
}

/// Lets the team chat, does what buttons say, and shows the badge whenever it changes, until somebody asks to stop.
pub(super) fn chat(
    started: &Started<'_>,
    nats: &mut NatsServer,
    service: &mut Service,
    publisher: &mut Publisher,
    page: &Page,
) -> Result<()> {
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let mut team = Team::new(SEED, &run.to_string());
    for step in team.opening() {
        publisher.publish(&step.event)?;
    }
    let mut shown: Option<Badges> = None;
    let mut said = "the team is there".to_owned();
    let mut team_chats = true;
    let mut next_look = Instant::now() + PAUSE;
    loop {
        if started.stop.wait(LOOK_INTERVAL) == Waited::Stopped {
            return Ok(());
        }
        for press in page.presses() {
            let done = match press.action {
                Action::InRoom(room, action) => match team.by_hand(room, action) {
                    Ok(step) => {
                        publisher.publish(&step.event)?;
                        Ok(step.said)
                    }
                    Err(problem) => Err(problem),
                },
                Action::TeamChats(chats) => {
                    team_chats = chats;
                    Ok(if chats { "the team chats" } else { "the team waits" }.to_owned())
                }
                Action::RestartService => {
                    service.kill()?;
                    *service = Service::start(started.executable, started.settings)?;
                    if service.wait_until_ready(started.settings, started.stop)? == Waited::Stopped {
                        return Ok(());
                    }
                    Ok("the service was killed and started again".to_owned())
                }
            };
            if let Ok(happened) = &done {
                said.clone_from(happened);
                next_look = Instant::now() + PAUSE;
            }
            press.answer(done);
        }
        if Instant::now() < next_look {
            continue;
        }
        must_run(nats.process().context("the nats-server was stopped")?)?;
        service.must_run()?;
        let badges = started.question.ask().or_else(|error| service.blame(error))?;
        if shown.as_ref() != Some(&badges) {
            println!("{badges}   {said}");
            shown = Some(badges);
        }
        next_look = Instant::now() + PAUSE;
        if team_chats {
            let step = team.next();
            publisher.publish(&step.event)?;
            said = step.said;
            next_look = Instant::now() + step.pause;
        }
    }
}
