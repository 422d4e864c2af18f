//! `cargo xtask dev`: a nats-server, Tallymark and a small team that chats, until Ctrl-C.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use xtask::{NatsServer, Options, Store};

use crate::cargo::{cargo, pass};
use question::Question;
use settings::Settings;
use stop::{Stop, Waited};
use tallymark::{Publisher, Service};
use team::{TAG, Team, USER};

mod http;
mod question;
mod settings;
mod stop;
mod tallymark;
mod team;

/// The team does the same in every run.
const SEED: u64 = 42;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The port for badges [default: 8080, or any free one if that is taken]
    #[arg(long)]
    port: Option<u16>,
    /// Go on with the streams and counts of the last run
    #[arg(long)]
    keep: bool,
}

/// Whatever was started is stopped in order at the end, and killed where an error ends this.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let home = xtask::target().join("dev");
    fs::create_dir_all(&home)?;
    let _lock = lock(&home)?;
    if !arguments.keep {
        remove(&home.join("nats"))?;
        remove(&home.join("data"))?;
    }
    pass(&mut cargo(["build", "--package", "tallymark"]))?;
    let executable = xtask::target().join("debug").join("tallymark");

    let stop = Stop::listen()?;
    let store = Store::At(home.join("nats"));
    let mut nats = NatsServer::start(&Options { store, ..Options::default() })?;
    let settings = Settings::write(&home, &nats.url(), arguments.port)?;
    let mut service = Service::start(&executable, &settings)?;
    if service.wait_until_ready(&settings, &stop)? == Waited::Through {
        let mut publisher = Publisher::start(&executable, &settings)?;
        let question = Question::new(settings.badge)?;
        println!("\n{}", welcome(&nats, &settings, &question));
        chat(&mut nats, &mut service, &mut publisher, &question, &stop)?;
        println!("\nstopping");
        publisher.stop()?;
    }
    service.stop()?;
    nats.stop()?;
    println!("stopped");
    Ok(())
}

/// Lets the team chat, and shows the badge whenever it changes.
fn chat(
    nats: &mut NatsServer,
    service: &mut Service,
    publisher: &mut Publisher,
    question: &Question,
    stop: &Stop,
) -> Result<()> {
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let mut team = Team::new(SEED, &run.to_string());
    for step in team.opening() {
        publisher.publish(&step.event)?;
    }
    let mut shown = None;
    loop {
        let step = team.next();
        publisher.publish(&step.event)?;
        if stop.wait(step.pause) == Waited::Stopped {
            return Ok(());
        }
        tallymark::must_run(nats.process().context("the nats-server was stopped")?)?;
        service.must_run()?;
        let badges = question.ask().or_else(|error| service.blame(error))?;
        if shown.as_ref() != Some(&badges) {
            println!("{badges}   {}", step.said);
            shown = Some(badges);
        }
    }
}

fn welcome(nats: &NatsServer, settings: &Settings, question: &Question) -> String {
    let shown = |path: &Path| path.strip_prefix(xtask::root()).unwrap_or(path).display().to_string();
    let (url, streams) = (nats.url(), shown(nats.directory()));
    let (badge, operator, file) = (settings.badge, settings.operator, shown(&settings.file));
    let (all, tagged) = (question.curl(), question.curl_tagged());
    format!(
        "nats-server   {url} (files in {streams})
badges        http://{badge}/me/badge (settings in {file}, log beside it)
operator      http://{operator}/readyz and /metrics

{USER}'s badge:

{all}

only the rooms tagged \"{TAG}\":

{tagged}

Ctrl-C stops everything.
"
    )
}

/// Two demos would take each other's files away.
fn lock(home: &Path) -> Result<File> {
    let path = home.join("lock");
    let lock = File::create(&path)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            bail!("another `cargo xtask dev` runs: it has locked {}", path.display())
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} can't be deleted", directory.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
