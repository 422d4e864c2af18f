//! Collects what the file and the environment give: each setting's name with its value and place.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::problem::{Problem, nearest};
use super::shape::Shape;
use super::table::{PREFIX, Setting, settings, variable};
use super::value::{Entry, Node, Source, Value, entries};

/// The name under which tenants stand beside the settings of the table.
pub(super) const TENANT: &str = "tenant";

/// The environment, read once when the process starts.
pub(crate) type Environment = BTreeMap<OsString, OsString>;

/// What one source gives: dotted names with values. A later value replaces an earlier one.
pub(super) type Layer = Vec<(&'static str, Node)>;

/// The known name equal to this one.
fn known(name: &str) -> Option<&'static str> {
    let names = settings().map(|setting| setting.name).chain([TENANT]);
    names.into_iter().find(|known| *known == name)
}

/// What is built in.
pub(super) fn defaults() -> Layer {
    let node = |setting: &Setting| {
        let found = DeValue::parse(setting.default).ok()?;
        Some((setting.name, Node::from_toml(&found, &|_| Source::Default)))
    };
    settings().filter_map(node).collect()
}

/// What the file gives.
pub(super) fn file(path: &Path, problems: &mut Vec<Problem>) -> Layer {
    let mut given = Layer::new();
    let shown: Arc<str> = path.display().to_string().into();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let reason = format!("the settings file can't be read: {error}");
            problems.push(Problem::File { place: shown.to_string(), reason });
            return given;
        }
    };
    let line = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    let locate = |span: std::ops::Range<usize>| Source::File { path: shown.clone(), line: line(span.start) };
    match DeTable::parse(&text) {
        Ok(table) => names("", entries(table.get_ref(), &locate), &mut given, problems),
        Err(error) => {
            // Only the parser's message: the line itself may hold a secret.
            let line = error.span().map_or(1, |span| line(span.start));
            let reason = format!("not TOML: {}", error.message());
            problems.push(Problem::File { place: format!("{shown}:{line}"), reason });
        }
    }
    given
}

/// Walks a table of the file down to the settings.
fn names(within: &str, entries: Vec<Entry>, given: &mut Layer, problems: &mut Vec<Problem>) {
    for Entry { key, source, node } in entries {
        let name = format!("{within}{key}");
        if let Some(name) = known(&name) {
            given.push((name, node));
            continue;
        }
        let inner = format!("{name}.");
        let is_table = settings().any(|setting| setting.name.starts_with(&inner));
        match node.value {
            Value::Table(entries) if is_table || !entries.is_empty() => {
                names(&inner, entries, given, problems);
            }
            _ if is_table => {
                problems.push(Problem::hidden(&name, &node, format!("a table, [{name}]")));
            }
            _ => {
                let known = settings().map(|setting| setting.name).chain([TENANT]);
                problems.push(Problem::unknown(&source, &name, known));
            }
        }
    }
}

/// What the environment gives.
pub(super) fn environment(environment: &Environment, problems: &mut Vec<Problem>) -> Layer {
    let mut given = Layer::new();
    let ours: Vec<_> = settings().map(Setting::variable).chain([variable(TENANT)]).collect();
    for (variable, value) in environment {
        let name = variable.to_string_lossy();
        let Some(short) = name.strip_prefix(PREFIX) else { continue };
        if !ours.contains(&name.to_string()) && !is_service_link(&name, &value.to_string_lossy()) {
            let known = ours.iter().filter_map(|known| known.strip_prefix(PREFIX));
            problems.push(Problem::Unknown {
                source: Source::Variable(name.as_ref().into()),
                name: name.to_string(),
                nearest: nearest(short, known).map(|known| format!("{PREFIX}{known}")),
            });
        }
    }
    let mut take = |name: &str, setting: &'static str, shape: Option<&Shape>| {
        let Some(value) = environment.get(&OsString::from(name)) else { return };
        match variable_value(name, value, shape) {
            Ok(node) => given.push((setting, node)),
            Err(problem) => problems.push(problem),
        }
    };
    for setting in settings() {
        // Deployments often pass these on unset, as empty text.
        if let Some(name) = setting.shared_variable()
            && environment.get(&OsString::from(name)).is_some_and(|value| !value.is_empty())
        {
            take(name, setting.name, Some(&setting.shape));
        }
        take(&setting.variable(), setting.name, Some(&setting.shape));
    }
    take(&variable(TENANT), TENANT, None);
    given
}

/// Whether Kubernetes set the variable, as it does in every container for a service whose name begins
/// with `tallymark`.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_protocol = |part: &str| ["_TCP", "_UDP", "_SCTP"].iter().any(|end| part.contains(end));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && value.contains("://"))
        || name.split_once("_PORT_").is_some_and(|(_, part)| is_protocol(part))
}

/// The value of a variable: the text itself where a setting takes text, else TOML.
fn variable_value(name: &str, value: &OsString, shape: Option<&Shape>) -> Result<Node, Problem> {
    let problem = |reason: String| Problem::Variable { name: name.to_owned(), reason };
    let text = value.to_str().ok_or_else(|| problem("the value is not UTF-8".to_owned()))?;
    let source = Source::Variable(name.into());
    if shape.is_some_and(Shape::is_text) {
        return Ok(Node { value: Value::Text(text.to_owned()), source });
    }
    match (DeValue::parse(text.trim()), shape) {
        (Ok(found), _) => Ok(Node::from_toml(&found, &|_| source.clone())),
        // An invalid value of a plain setting is told with what the setting expects.
        (Err(_), Some(_)) => Ok(Node { value: Value::Text(text.to_owned()), source }),
        (Err(error), None) => Err(problem(format!(
            "expected a TOML list of tables, [{{ name = …, client_keys = […], token = {{ … }} }}], but: {}",
            error.message()
        ))),
    }
}
