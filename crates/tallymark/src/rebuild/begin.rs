//! The generation that is counted into: the one of an interrupted rebuild, a new one, or one made of a snapshot.

use anyhow::bail;
use counters::Counters;
use store::{DataDir, Metrics, OpenError, Options, Origin, PolicyNames, Role, Standby, Store};

use crate::output::note;

/// A generation to be counted into.
pub(super) struct Begun {
    pub(super) opened: (Store, Counters),
    /// Where it comes from, for the operator.
    pub(super) how: String,
}

/// `first` is the stream's first sequence.
pub(super) fn begin(options: &Options, restart: bool, first: u64) -> anyhow::Result<Begun> {
    let data_dir = DataDir::beside(&options.data_dir);
    std::fs::create_dir_all(options.data_dir.join("generations"))?;
    for generation in store::generations(&options.data_dir)? {
        let Role::Standby(Standby { origin: Origin::Rebuild, is_complete: false, policies, .. }) =
            generation.role
        else {
            continue;
        };
        let number = generation.number;
        if generation.is_in_use {
            bail!("another rebuild is counting into generation {number}: wait for it, or stop it first");
        }
        if restart {
            data_dir.remove(number)?;
            continue;
        }
        if policies != options.policies {
            note(&format!(
                "generation {number} was left by a rebuild with {}: `tallymark generations remove {number}` removes it",
                PolicyNames(policies)
            ));
            continue;
        }
        match Store::open_standby(options, &Metrics::default(), number, &|_| {}) {
            Ok(opened) => {
                let how = format!("an interrupted rebuild goes on after sequence {}", opened.1.applied());
                return Ok(Begun { opened, how });
            }
            Err(OpenError::Damaged { damage, .. }) => {
                note(&format!("generation {number}, of an interrupted rebuild, is removed: {damage}"));
                data_dir.remove(number)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if first <= 1 {
        let opened = Store::begin_standby(options, &Metrics::default())?;
        return Ok(Begun { opened, how: "counting from the stream's beginning".to_owned() });
    }
    from_snapshot(options, first)
}

/// The oldest has the longest tail to be counted anew.
fn from_snapshot(options: &Options, first: u64) -> anyhow::Result<Begun> {
    let mut snapshots = store::snapshots_in(&options.data_dir)?;
    snapshots.reverse();
    let mut why_not = Vec::new();
    for snapshot in snapshots {
        let sequence = snapshot.sequence;
        if sequence.saturating_add(1) < first {
            why_not.push(format!("the one of sequence {sequence} ends before that"));
            continue;
        }
        match Store::standby_from_snapshot(options, &Metrics::default(), &snapshot, Origin::Rebuild) {
            Ok(opened) => {
                let how = format!(
                    "the stream begins at sequence {first}, so counting begins with the snapshot of sequence {sequence}"
                );
                return Ok(Begun { opened, how });
            }
            Err(error) => why_not.push(format!("the one of sequence {sequence}: {error}")),
        }
    }
    let why_not = if why_not.is_empty() { "there is none".to_owned() } else { why_not.join("; ") };
    bail!(
        "the stream begins at sequence {first}, so not everything can be counted anew, and no snapshot can be counted on \
         from with {}: {why_not}",
        PolicyNames(options.policies)
    )
}
