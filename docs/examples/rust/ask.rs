//! Asks Tallymark for badges with ureq, a plain HTTP client.
//!
//!     ask badge [TAG…]       the badge, of the rooms with all of these tags
//!     ask after SEQ [TAG…]   the same, with every event up to SEQ in it
//!     ask again N            the badge N times, a second apart; `unchanged` where it is the same
//!     ask live N [TAG…]      the next N badges, as they change
//!
//! BADGE_URL, BADGE_CLIENT_KEY and BADGE_TOKEN say where, which app and who.
#![allow(clippy::print_stdout, reason = "this is what it is for")]

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use ureq::{Agent, Body, http::Response};

/// How often an answer that may pass is asked for again.
const TRIES: u32 = 20;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Asker {
    agent: Agent,
    url: String,
    client_key: String,
    token: String,
}

impl Asker {
    fn new() -> Result<Self> {
        let variable = |name: &str| env::var(name).map_err(|error| format!("{name}: {error}"));
        // A stream is begun anew every five minutes at the latest, whatever has become of its connection.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_secs(20)))
            .timeout_recv_body(Some(Duration::from_secs(300)))
            .build();
        let (client_key, token) = (variable("BADGE_CLIENT_KEY")?, variable("BADGE_TOKEN")?);
        Ok(Self { agent: config.new_agent(), url: variable("BADGE_URL")?, client_key, token })
    }

    /// Asks until there is an answer. 401 means that the app has to get another token, 400 that it asks for nonsense:
    /// neither is tried again.
    fn ask(
        &self,
        path: &str,
        query: &[(&str, &str)],
        header: Option<(&str, &str)>,
    ) -> Result<Response<Body>> {
        let mut tries = 0;
        loop {
            let mut request = self.agent.get(format!("{}{path}", self.url));
            request = request.header("IM-CLIENT-KEY", &self.client_key);
            request = request.header("IM-Authorization", &self.token);
            request = request.query_pairs(query.iter().copied());
            if let Some((name, value)) = header {
                request = request.header(name, value);
            }
            let mut wait = 1_u64 << tries.min(5);
            match request.call() {
                Ok(answer) if [200, 304].contains(&answer.status().as_u16()) => return Ok(answer),
                Ok(mut answer) => {
                    let status = answer.status().as_u16();
                    if tries >= TRIES || ![429, 503].contains(&status) {
                        return Err(format!("{status}: {}", answer.body_mut().read_to_string()?).into());
                    }
                    let after = answer.headers().get("Retry-After").and_then(|value| value.to_str().ok());
                    wait = after.map_or(Ok(wait), str::parse)?;
                }
                Err(error) if tries >= TRIES => return Err(error.into()),
                Err(_) => {}
            }
            tries += 1;
            sleep(Duration::from_secs(wait));
        }
    }
}

fn number(text: &str) -> Result<u64> {
    let body: Value = serde_json::from_str(text)?;
    let number = body.pointer("/result/badge").unwrap_or(&body["badge"]);
    number.as_u64().ok_or_else(|| format!("there is no badge in {text}").into())
}

fn tags(tags: &[String]) -> Vec<(&str, &str)> {
    tags.iter().map(|tag| ("roomTags", tag.as_str())).collect()
}

/// Whoever publishes that something was read learns the event's sequence. With it as `minSeq` they never see the old
/// number.
fn badge(asker: &Asker, query: &[(&str, &str)]) -> Result<()> {
    let mut answer = asker.ask("/me/badge", query, None)?;
    println!("{}", number(&answer.body_mut().read_to_string()?)?);
    Ok(())
}

fn again(asker: &Asker, times: u32) -> Result<()> {
    let mut tag = None;
    for _ in 0..times {
        let if_none_match = tag.as_deref().map(|tag| ("If-None-Match", tag));
        let mut answer = asker.ask("/me/badge", &[], if_none_match)?;
        if answer.status() == 304 {
            println!("unchanged");
        } else {
            println!("{}", number(&answer.body_mut().read_to_string()?)?);
        }
        tag = answer.headers().get("ETag").and_then(|tag| Some(tag.to_str().ok()?.to_owned()));
        sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// A connection that ends is made anew, from the last event on.
fn live(asker: &Asker, count: usize, tags: &[(&str, &str)]) -> Result<()> {
    let mut left = count;
    let mut last: Option<String> = None;
    let mut event = String::new();
    loop {
        let last_event = last.as_deref().map(|id| ("Last-Event-ID", id));
        let answer = asker.ask("/me/badge/live", tags, last_event)?;
        for line in BufReader::new(answer.into_body().into_reader()).lines() {
            // The connection broke.
            let Ok(line) = line else { break };
            match line.split_once(": ") {
                Some(("id", id)) => last = Some(id.to_owned()),
                Some(("event", name)) => name.clone_into(&mut event),
                Some(("data", data)) if event == "badge" => {
                    println!("{}", number(data)?);
                    left -= 1;
                    if left == 0 {
                        return Ok(());
                    }
                }
                // The only other event says why this is the end of the stream. An empty line ends an event, and one
                // that begins with a colon says that all is well.
                Some(_) | None => {}
            }
        }
        sleep(Duration::from_secs(1));
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let asker = Asker::new()?;
    match words[..] {
        ["badge", ..] => badge(&asker, &tags(&arguments[1..])),
        ["after", sequence, ..] => {
            badge(&asker, &[&[("minSeq", sequence)], &tags(&arguments[2..])[..]].concat())
        }
        ["again", times] => again(&asker, times.parse()?),
        ["live", count, ..] => live(&asker, count.parse()?, &tags(&arguments[2..])),
        _ => Err("one of: badge [TAG…], after SEQ [TAG…], again N, live N [TAG…]".into()),
    }
}
