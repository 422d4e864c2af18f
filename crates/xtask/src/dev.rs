//! `cargo xtask dev`: a nats-server, Tallymark and a small team that chats, until Ctrl-C.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xtask::{NatsServer, Options, Store};

use crate::cargo::{cargo, pass};
use chat::{Started, chat};
use page::{Page, Place};
use question::Question;
use settings::Settings;
use stop::{Stop, Waited};
use tallymark::{Publisher, Service};
use team::{TAG, USER};

mod chat;
mod http;
mod page;
mod question;
mod settings;
mod stop;
mod tallymark;
mod team;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The port for badges; 0: any free one, for operators too [default: 8080, or any free one if that is taken]
    #[arg(long)]
    port: Option<u16>,
    /// Go on with the streams and counts of the last run
    #[arg(long)]
    keep: bool,
    /// Where streams, counts, settings and logs are [default: target/dev]
    #[arg(long)]
    home: Option<PathBuf>,
    /// Runs this tallymark instead of building one
    #[arg(long)]
    executable: Option<PathBuf>,
}

/// Whatever was started is stopped in order at the end, and killed where an error ends this.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let home = arguments.home.clone().unwrap_or_else(|| xtask::target().join("dev"));
    fs::create_dir_all(&home)?;
    let _lock = lock(&home)?;
    if !arguments.keep {
        remove(&home.join("nats"))?;
        remove(&home.join("data"))?;
    }
    let executable = match &arguments.executable {
        Some(executable) => executable.clone(),
        None => {
            pass(&mut cargo(["build", "--package", "tallymark"]))?;
            xtask::target().join("debug").join("tallymark")
        }
    };

    let stop = Stop::listen()?;
    let place = Place::take()?;
    let store = Store::At(home.join("nats"));
    let mut nats = NatsServer::start(&Options { store, ..Options::default() })?;
    let settings = Settings::write(&home, &nats.url(), arguments.port, &place.origin())?;
    let mut service = Service::start(&executable, &settings)?;
    if service.wait_until_ready(&settings, &stop)? == Waited::Through {
        let mut publisher = Publisher::start(&executable, &settings)?;
        let question = Question::new(settings.badge)?;
        println!("\n{}", welcome(&nats, &settings, &question, &place.origin()));
        let page = Page::serve(place, &question);
        let started =
            Started { executable: &executable, settings: &settings, question: &question, stop: &stop };
        chat(&started, &mut nats, &mut service, &mut publisher, &page)?;
        println!("\nstopping");
        drop(page);
        publisher.stop()?;
    }
    service.stop()?;
    nats.stop()?;
    println!("stopped");
    Ok(())
}

fn welcome(nats: &NatsServer, settings: &Settings, question: &Question, page: &str) -> String {
    let shown = |path: &Path| path.strip_prefix(xtask::root()).unwrap_or(path).display().to_string();
    let (url, streams) = (nats.url(), shown(nats.directory()));
    let (badge, operator, file) = (settings.badge, settings.operator, shown(&settings.file));
    let (all, tagged) = (question.curl(), question.curl_tagged());
    format!(
        "demo page     {page}/
nats-server   {url} (files in {streams})
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
