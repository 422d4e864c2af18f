//! `tallymark dead-letters requeue`.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use async_nats::jetstream::message::PublishMessage;
use async_nats::{Client, jetstream};
use clap::Args;
use events::{Prefix, Received, receive};

use super::letter::Letter;
use super::{DeadLetters, print};
use crate::settings::Nats;

pub(super) const HELP: &str = "\
The event goes to its original subject and counts from the stream's end on, like any new event: what came after the
malformed one is not undone. A body that would be malformed again is refused, and so is a copy that is cut (a copy has
at most 64 KiB), unless --body gives the whole one. A dead letter published twice within the stream's duplicate window
(2 minutes unless the stream says otherwise) is stored once, whatever its body; later than that, twice.
The dead letter itself stays where it is.

Examples:
  tallymark dead-letters requeue 7 --config tallymark.toml
  tallymark dead-letters requeue 7 --body corrected.json
  tallymark dead-letters show 7 --body | jq -c '.sender = \"ann\"' | tallymark dead-letters requeue 7 --body -";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The dead letter's sequence, as listed
    #[arg(value_name = "SEQUENCE", value_parser = clap::value_parser!(u64).range(1..))]
    sequence: u64,
    /// Publish this body instead of the copied one, JSON or MessagePack; - is standard input
    #[arg(long, value_name = "FILE|-")]
    body: Option<PathBuf>,
}

pub(super) async fn run(
    dead: &DeadLetters,
    client: Client,
    nats: &Nats,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let letter = dead.letter(arguments.sequence).await?;
    let body = body(&letter, &nats.subject_prefix, arguments.body.as_deref())?;
    let max = client.max_payload();
    let message = PublishMessage::build()
        .message_id(format!("{}:{}", dead.stream, letter.sequence))
        // Another stream that took the subject by mistake would swallow the event.
        .expected_stream(&nats.stream);
    // What headers take is little beside this.
    if body.len() > max.saturating_sub(1_024) {
        bail!("the body has {} bytes, and a message of this server at most {max}", body.len());
    }
    let failed = || format!("dead letter {} was not published to {:?}", letter.sequence, nats.stream);
    let jetstream = jetstream::new(client);
    let publish = jetstream.send_publish(letter.head.subject.clone(), message.payload(body.into()));
    let stored = publish.await.with_context(failed)?.await.with_context(failed)?;
    let how = if stored.duplicate { "was already there" } else { "published" };
    let (from, stream, to) = (letter.sequence, &nats.stream, stored.sequence);
    print(format!("dead letter {from}: {how}, as sequence {to} of {stream}\n").as_bytes())
}

/// What is to be published, which is not malformed.
fn body(letter: &Letter, prefix: &Prefix, given: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    let body = match given {
        Some(file) => read(file)?,
        None if letter.is_cut() => bail!(
            "the copy is cut: it has {} of {} bytes; give the whole body with --body, for example from sequence {} of \
             {:?}",
            letter.body.len(),
            letter.head.length,
            letter.head.sequence,
            letter.head.stream
        ),
        None => letter.body.clone(),
    };
    match receive(prefix, &letter.head.subject, &body) {
        Received::Event(_) => {}
        Received::Malformed(malformed) if malformed.tenant_and_kind().is_none() => bail!(
            "it would be malformed again, whatever its body: {malformed}. Publish the event with tallymark publish"
        ),
        Received::Malformed(malformed) => {
            bail!("it would be malformed again: {malformed}; give a corrected body with --body")
        }
        Received::OutsidePrefix => bail!(
            "its subject {:?} does not begin with {prefix:?} (nats.subject_prefix) any more",
            letter.head.subject,
            prefix = prefix.as_str()
        ),
    }
    Ok(body)
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        let mut body = Vec::new();
        io::stdin().lock().read_to_end(&mut body).context("standard input can't be read")?;
        return Ok(body);
    }
    std::fs::read(file).with_context(|| format!("can't read {}", file.display()))
}
