//! What is asked after each mishap, when the service has applied the whole stream.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;
use oracle::Oracle;
use tests::{Nats, Service, until};

use crate::heard::Heard;
use crate::load::{Load, TAGS, TENANTS};

/// So many users, drawn anew each time.
const SAMPLE: usize = 200;

/// Whose badges are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Users {
    /// Some, at random.
    Sample,
    /// Everybody's.
    All,
}

/// Runs something that may panic, as everything does that waits for a service in vain.
pub(crate) fn attempt<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(said(&*panic)))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic that says nothing").to_owned()
}

/// Waits until the service has applied what the judge has heard, and compares: the digest of
/// everything, badges, dead letters.
pub(crate) fn examine(
    service: &mut Service,
    nats: &Nats,
    heard: &mut Heard,
    users: (Users, u32),
    random: &mut Rng,
) -> Result<(), String> {
    service.applied(heard.sequence());
    service.ready();
    let found = digest(service, heard.sequence());
    let expected = heard.digest();
    if found != expected {
        return Err(format!(
            "at sequence {} the digest is {found}, the judge's {expected}",
            heard.sequence()
        ));
    }
    match users {
        (Users::Sample, users) => badges_of_some(service, heard.oracle(), users, random)?,
        (Users::All, users) => badges_of_all(service, heard.oracle(), users)?,
    }
    until("all dead letters", || match service.metrics().sum("tallymark_dead_letters_waiting") {
        0 => Ok(()),
        waiting => Err(format!("{waiting} wait")),
    });
    heard.hear_letters(nats)
}

/// The service's digest of everything up to this sequence, which is the stream's last.
pub(crate) fn digest(service: &Service, sequence: u64) -> String {
    until(&format!("the digest at sequence {sequence}"), || {
        let status = service.status().map_err(|error| error.to_string())?;
        let digest = &status["digest"];
        match digest["value"].as_str() {
            Some(value) if digest["sequence"] == sequence => Ok(value.to_owned()),
            _ => Err(status.to_string()),
        }
    })
}

/// Asks for the badges of some users, a third of them with a tag.
fn badges_of_some(service: &Service, oracle: &Oracle, users: u32, random: &mut Rng) -> Result<(), String> {
    for _ in 0..SAMPLE {
        let tenant = TENANTS[random.usize(..TENANTS.len())];
        let user = Load::user(random.u32(..users));
        let tag = [TAGS[random.usize(..TAGS.len())]];
        let tags: &[&str] = if random.u32(..3) == 0 { &tag } else { &[] };
        let expected = oracle.badge(tenant, &user, tags, false);
        same(service, tenant, &user, tags, expected)?;
    }
    Ok(())
}

fn badges_of_all(service: &Service, oracle: &Oracle, users: u32) -> Result<(), String> {
    for tenant in TENANTS {
        let expected = oracle.badges(tenant, &[], false);
        for user in (0..users).map(Load::user) {
            same(service, tenant, &user, &[], expected.get(&*user).copied().unwrap_or(0))?;
        }
    }
    Ok(())
}

fn same(service: &Service, tenant: &str, user: &str, tags: &[&str], expected: u64) -> Result<(), String> {
    let found = service.badge(tenant, user, tags).count;
    if found == expected {
        return Ok(());
    }
    Err(format!("the badge of {user} of {tenant} with tags {tags:?} is {found}, expected {expected}"))
}
