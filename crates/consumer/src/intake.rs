//! What to do with one delivered message, by its sequences alone.

use crate::gaps::Gap;

/// The numbers that the server gives a delivered message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sequences {
    /// Its place in the stream.
    pub(crate) stream: u64,
    /// Its place among what this consumer delivered, from 1.
    pub(crate) consumer: u64,
    /// How many messages the stream held after it when it was delivered.
    pub(crate) pending: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is next; `lost` are the sequences before it that are accepted as lost.
    Apply { lost: Option<Gap> },
    /// It was applied before.
    Skip,
    /// Neither it nor anything after it from this consumer may be applied.
    Stop(Stop),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A message of the consumer did not arrive, or arrived twice.
    OutOfOrder { expected: u64, found: u64 },
    /// Messages of the stream are missing.
    Gap(Gap),
    /// The stream's end was delivered, and it is before the sequence where the stream ended when
    /// the consumer was made: what is between is missing, and nothing will come to show it.
    EndsEarly { at: u64, expected: u64 },
}

/// The messages of one consumer, in the order of their arrival.
#[derive(Debug)]
pub(crate) struct Intake {
    delivered: u64,
    /// The stream's last sequence, as it was before the first message was asked for.
    stream_end: u64,
}

impl Intake {
    pub(crate) fn new(stream_end: u64) -> Self {
        Self { delivered: 0, stream_end }
    }

    pub(crate) fn next(&mut self, applied: u64, message: Sequences, accepted: &[Gap]) -> Step {
        let expected = self.delivered + 1;
        if message.consumer != expected {
            return Step::Stop(Stop::OutOfOrder { expected, found: message.consumer });
        }
        self.delivered = expected;
        if message.stream <= applied {
            return Step::Skip;
        }
        if message.stream == applied + 1 {
            return Step::Apply { lost: None };
        }
        let gap = Gap { first: applied + 1, last: message.stream - 1 };
        if gap.is_within(accepted) { Step::Apply { lost: Some(gap) } } else { Step::Stop(Stop::Gap(gap)) }
    }

    /// To be asked after a message was applied or skipped.
    pub(crate) fn after(&self, message: Sequences) -> Option<Stop> {
        (message.pending == 0 && message.stream < self.stream_end)
            .then_some(Stop::EndsEarly { at: message.stream, expected: self.stream_end })
    }
}

#[cfg(test)]
mod tests {
    use super::{Intake, Sequences, Step, Stop};
    use crate::gaps::Gap;

    /// One line a case: applied so far and the stream's end | messages as `consumer:stream:pending`
    /// | what happens to each. The accepted gap is always 20-29.
    #[track_caller]
    fn check(line: &str) {
        let fields: Vec<_> = line.split('|').map(str::trim).collect();
        let number = |text: &str| text.parse::<u64>().unwrap();
        let (applied, end) = fields[0].split_once(" of ").unwrap();
        let mut applied = number(applied);
        let mut intake = Intake::new(number(end));
        let mut steps = Vec::new();
        for message in fields[1].split_whitespace() {
            let numbers: Vec<_> = message.split(':').map(number).collect();
            let message = Sequences { consumer: numbers[0], stream: numbers[1], pending: numbers[2] };
            let mut step = intake.next(applied, message, &[Gap { first: 20, last: 29 }]);
            if let Step::Apply { .. } = step {
                applied = message.stream;
            }
            if !matches!(step, Step::Stop(_))
                && let Some(stop) = intake.after(message)
            {
                step = Step::Stop(stop);
            }
            steps.push(match step {
                Step::Apply { lost: None } => "apply".to_owned(),
                Step::Apply { lost: Some(gap) } => format!("apply-without-{gap}"),
                Step::Skip => "skip".to_owned(),
                Step::Stop(Stop::OutOfOrder { expected, found }) => format!("order-{expected}-{found}"),
                Step::Stop(Stop::Gap(gap)) => format!("gap-{gap}"),
                Step::Stop(Stop::EndsEarly { at, expected }) => format!("early-{at}-{expected}"),
            });
        }
        assert_eq!(steps.join(" "), fields[2], "{line}");
    }

    #[test]
    fn messages_come_in_order_once() {
        check("0 of 3  | 1:1:2 2:2:1 3:3:0 | apply apply apply");
        check("2 of 3  | 1:1:2 2:2:1 3:3:0 | skip skip apply");
        check("0 of 9  | 1:1:8 3:3:6       | apply order-2-3");
        check("0 of 9  | 1:1:8 1:2:7       | apply order-2-1");
        check("0 of 9  | 2:1:8             | order-1-2");
    }

    #[test]
    fn a_jump_is_a_gap() {
        check("0 of 9  | 1:1:8 2:3:6       | apply gap-2-2");
        check("0 of 9  | 1:4:5             | gap-1-3");
        check("19 of 40 | 1:30:10 2:31:9   | apply-without-20-29 apply");
        check("18 of 40 | 1:30:10          | gap-19-29");
        check("24 of 40 | 1:30:10          | apply-without-25-29");
    }

    #[test]
    fn the_end_is_where_the_stream_ended() {
        check("0 of 3  | 1:1:1 2:2:0       | apply early-2-3");
        check("2 of 3  | 1:2:0             | early-2-3");
        check("0 of 2  | 1:1:1 2:2:0 3:3:0 | apply apply apply");
    }
}
