//! What can go wrong, and when.

use std::fmt::Write as _;

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Fault {
    // Deliveries.
    DeliveredTwice,
    NotDelivered,
    OutOfOrder,
    DeliveredAgain,
    Undeliverable,
    // The connection, and the server behind it.
    Reconnected,
    Disconnected,
    ConsumerGone,
    NoAnswers,
    // The stream.
    MessageDeleted,
    Purged,
    TailLost,
    TailReplaced,
    RecreatedShorter,
    RecreatedLonger,
    RestoredCopy,
    StreamDeleted,
    // The process.
    Killed,
    PowerCut,
    TornPowerCut,
    PowerCutEverywhere,
    /// Asked to end while it opens the store.
    Interrupted,
    // The disk.
    RowFlipped,
    RowRemoved,
    OldRow,
    SnapshotDamaged,
    MarkerDamaged,
    /// The marker and all snapshots.
    AllDamaged,
    CurrentDamaged,
    DiskFull,
    OperationFails,
    OperationPanics,
    OpeningRefused,
    OpeningHangs,
    OpeningKills,
    FileInTheWay,
}

/// What the service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Phase {
    Opening,
    Loading,
    Recovering,
    /// Between the questions and answers with which a session begins.
    Connecting,
    /// Between two messages that are read one by one because they could not be delivered.
    ByHand,
    CatchingUp,
    Live,
    Committing,
    Snapshotting,
    Stopping,
}

impl Fault {
    pub(super) const ALL: [Self; 36] = [
        Self::DeliveredTwice,
        Self::NotDelivered,
        Self::OutOfOrder,
        Self::DeliveredAgain,
        Self::Undeliverable,
        Self::Reconnected,
        Self::Disconnected,
        Self::ConsumerGone,
        Self::NoAnswers,
        Self::MessageDeleted,
        Self::Purged,
        Self::TailLost,
        Self::TailReplaced,
        Self::RecreatedShorter,
        Self::RecreatedLonger,
        Self::RestoredCopy,
        Self::StreamDeleted,
        Self::Killed,
        Self::PowerCut,
        Self::TornPowerCut,
        Self::PowerCutEverywhere,
        Self::Interrupted,
        Self::RowFlipped,
        Self::RowRemoved,
        Self::OldRow,
        Self::SnapshotDamaged,
        Self::MarkerDamaged,
        Self::AllDamaged,
        Self::CurrentDamaged,
        Self::DiskFull,
        Self::OperationFails,
        Self::OperationPanics,
        Self::OpeningRefused,
        Self::OpeningHangs,
        Self::OpeningKills,
        Self::FileInTheWay,
    ];

    pub(super) fn is_of_delivery(self) -> bool {
        self <= Self::Undeliverable
    }

    pub(super) fn is_of_stream(self) -> bool {
        (Self::MessageDeleted..=Self::StreamDeleted).contains(&self)
    }

    /// Whether the fault can happen in that phase at all.
    pub(super) fn is_possible(self, phase: Phase) -> bool {
        let is_starting = phase <= Phase::Recovering;
        match self {
            // There is no consumer yet, or nobody asks it.
            _ if self.is_of_delivery() => phase > Phase::ByHand,
            Self::ConsumerGone => phase > Phase::ByHand,
            // There is no connection yet.
            Self::Reconnected => !is_starting,
            Self::Interrupted => is_starting,
            // No database is opened later, and a new one can't be the one that kills.
            Self::OpeningRefused => matches!(phase, Phase::Opening | Phase::Recovering),
            // The opening of a new, empty database is not watched.
            Self::OpeningHangs | Self::OpeningKills => phase == Phase::Opening,
            // Files are made then.
            Self::FileInTheWay => {
                matches!(
                    phase,
                    Phase::Opening
                        | Phase::Loading
                        | Phase::Recovering
                        | Phase::Snapshotting
                        | Phase::Stopping
                )
            }
            // The database is not used then.
            Self::OperationFails | Self::OperationPanics => {
                !matches!(phase, Phase::Connecting | Phase::ByHand)
            }
            _ => true,
        }
    }
}

impl Phase {
    pub(super) const ALL: [Self; 10] = [
        Self::Opening,
        Self::Loading,
        Self::Recovering,
        Self::Connecting,
        Self::ByHand,
        Self::CatchingUp,
        Self::Live,
        Self::Committing,
        Self::Snapshotting,
        Self::Stopping,
    ];
}

/// All pairs that are possible, in a fixed order.
pub(super) fn pairs() -> Vec<(Fault, Phase)> {
    let pairs = Fault::ALL.into_iter().flat_map(|fault| Phase::ALL.map(|phase| (fault, phase)));
    pairs.filter(|(fault, phase)| fault.is_possible(*phase)).collect()
}

/// How often each fault happened in each phase.
#[derive(Debug, Clone, Default)]
pub(super) struct Coverage {
    counts: Vec<u64>,
}

impl Coverage {
    pub(super) fn note(&mut self, fault: Fault, phase: Phase) {
        self.counts.resize(Fault::ALL.len() * Phase::ALL.len(), 0);
        self.counts[place(fault, phase)] += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        let length = self.counts.len().max(other.counts.len());
        self.counts.resize(length, 0);
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, other)| *count += other);
    }

    pub(super) fn count(&self, fault: Fault, phase: Phase) -> u64 {
        self.counts.get(place(fault, phase)).copied().unwrap_or(0)
    }

    /// How many faults happened.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(super) fn never(&self) -> Vec<(Fault, Phase)> {
        pairs().into_iter().filter(|(fault, phase)| self.count(*fault, *phase) == 0).collect()
    }

    /// One line a fault.
    pub(super) fn table(&self) -> String {
        let mut table = format!("{:20}", "");
        for phase in Phase::ALL {
            let _ = write!(table, "{:>13}", format!("{phase:?}"));
        }
        for fault in Fault::ALL {
            let _ = write!(table, "\n{:20}", format!("{fault:?}"));
            for phase in Phase::ALL {
                let count = self.count(fault, phase);
                let text = if fault.is_possible(phase) { count.to_string() } else { "-".to_owned() };
                let _ = write!(table, "{text:>13}");
            }
        }
        table
    }
}

fn place(fault: Fault, phase: Phase) -> usize {
    fault as usize * Phase::ALL.len() + phase as usize
}
