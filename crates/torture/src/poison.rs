//! Poison: malformed messages of every sort among many good ones, and one service that must not stop once.

use std::path::PathBuf;

use events::Reason;
use tests::{Metrics, until};

use crate::chat::Chat;
use crate::examination::{Users, attempt};
use crate::load::Scale;
use crate::plan::{Amount, Plan};
use crate::report::Report;
use crate::teller::Teller;

/// Events between two examinations.
const PIECE: usize = 50_000;

/// Has one service count as many events as that.
pub fn poison(plan: &Plan, amount: Amount, scale: Scale) -> Report {
    let mut teller = Teller::new("poison");
    let mut report = Report::new("Poison", &["malformed", "events", "dead letters"]);
    let mut chat = Chat::new(plan.executable.clone(), plan.seed, scale);
    let outcome = attempt(|| {
        chat.service.restart();
        while chat.heard.sequence() < amount.runs as u64 && amount.has_time() {
            let left = amount.runs - usize::try_from(chat.heard.sequence()).unwrap_or(amount.runs);
            chat.under_load(left.min(PIECE), 0, |_, _| ());
            chat.examine(Users::Sample)?;
            teller.tell(|| format!("{} events, {} malformed", chat.heard.sequence(), chat.heard.malformed()));
        }
        if amount.has_time() && chat.heard.malformed() < chat.malformed_sorts() {
            let (heard, sorts) = (chat.heard.malformed(), chat.malformed_sorts());
            return Err(format!(
                "{heard} malformed messages, expected one of each of {sorts} sorts at least"
            ));
        }
        chat.examine(Users::All)?;
        let metrics = chat.service.metrics();
        never_stopped(&metrics)?;
        all_counted(&chat, &metrics)
    });
    let row = |name: &str, events: u64, letters: u64| {
        vec![name.to_owned(), events.to_string(), letters.to_string()]
    };
    for reason in Reason::ALL {
        let count = chat.heard.malformed_for(reason);
        report.rows.push(row(reason.as_str(), count, count));
    }
    let (all, malformed) = (chat.heard.sequence(), chat.heard.malformed());
    report.rows.push(row("no reason: counted", all - malformed, 0));
    report.rows.push(row("all", all, malformed));
    report.notes.push(format!("{} sorts of malformed messages, in turns", chat.malformed_sorts()));
    if let Err(what) = outcome {
        let place: PathBuf = chat.service.keep();
        report.wrong.push(format!("seed {}: {what}; everything is in {}", plan.seed, place.display()));
    }
    report.took = teller.took();
    report
}

/// One process, one consumer, no fence.
fn never_stopped(metrics: &Metrics) -> Result<(), String> {
    let expected = [
        ("tallymark_consumers_created_total", 1),
        ("tallymark_reconnects_total", 0),
        ("tallymark_fenced", 0),
    ];
    for (name, expected) in expected {
        let found = metrics.sum(name);
        if found != expected {
            return Err(format!("{name} is {found}, expected {expected}"));
        }
    }
    Ok(())
}

/// Every message is in the metrics, as what it is.
fn all_counted(chat: &Chat, metrics: &Metrics) -> Result<(), String> {
    for reason in Reason::ALL {
        let found = metrics.with("tallymark_events_malformed_total", "reason", reason.as_str());
        let expected = chat.heard.malformed_for(reason);
        if found != expected {
            return Err(format!("{found} events are malformed for {reason}, expected {expected}"));
        }
    }
    let good = chat.heard.sequence() - chat.heard.malformed();
    until("all good events in the metrics", || match chat.service.metrics().sum("tallymark_events_total") {
        found if found == good => Ok(()),
        found => Err(format!("{found} of {good}")),
    });
    Ok(())
}
