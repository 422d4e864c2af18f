//! What a run tells in the end.

use std::fmt;
use std::time::Duration;

/// What came of one part.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its headline.
    pub title: String,
    /// Heads of the columns.
    pub columns: Vec<&'static str>,
    /// The rows of the table.
    pub rows: Vec<Vec<String>>,
    /// What else there is to tell.
    pub notes: Vec<String>,
    /// What was wrong, with all that is needed to see it again.
    pub wrong: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Nothing has come of it yet.
    pub(crate) fn new(title: &str, columns: &[&'static str]) -> Self {
        Self {
            title: title.to_owned(),
            columns: columns.to_vec(),
            rows: Vec::new(),
            notes: Vec::new(),
            wrong: Vec::new(),
            took: Duration::ZERO,
        }
    }
}

impl fmt::Display for Report {
    /// As markdown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "### {}\n", self.title)?;
        writeln!(formatter, "| {} |", self.columns.join(" | "))?;
        let rule = |place| if place == 0 { "|---|" } else { "--:|" };
        writeln!(formatter, "{}", (0..self.columns.len()).map(rule).collect::<String>())?;
        for row in &self.rows {
            writeln!(formatter, "| {} |", row.join(" | "))?;
        }
        writeln!(formatter)?;
        for note in &self.notes {
            writeln!(formatter, "{note}  ")?;
        }
        writeln!(formatter, "{:.0} s  ", self.took.as_secs_f64())?;
        if self.wrong.is_empty() {
            return writeln!(formatter, "nothing was wrong");
        }
        writeln!(formatter, "\n**{} wrong:**\n", self.wrong.len())?;
        self.wrong.iter().try_for_each(|wrong| writeln!(formatter, "- {wrong}"))
    }
}
