//! What `/metrics` says.

/// The metrics of one moment.
#[derive(Debug, Clone)]
pub struct Metrics(String);

impl Metrics {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text as it was served.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The sum over all label sets of a metric, 0 if it is not there.
    pub fn sum(&self, name: &str) -> u64 {
        self.series(name).map(|(_, value)| value).sum()
    }

    /// The value with exactly this one label; 0 if it is not there.
    pub fn with(&self, name: &str, label: &str, value: &str) -> u64 {
        let labels = format!("{{{label}=\"{value}\"}}");
        self.series(name).find(|(found, _)| *found == labels).map_or(0, |(_, value)| value)
    }

    /// Labels and values of a metric.
    fn series<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        self.0.lines().filter_map(move |line| {
            let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            let is_name = labels.is_empty() || labels.starts_with('{');
            Some((labels, value.parse().ok()?)).filter(|_| is_name)
        })
    }
}
