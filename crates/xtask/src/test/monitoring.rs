//! Alert rules, their tests and the dashboard in `deploy/`. Whether the metrics they name are there is a test of the
//! whole service, in `tests/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use xtask::{Tool, ToolError};

use crate::cargo::pass;

const RULES: &str = "deploy/prometheus/alerts.yaml";
const RULE_TESTS: &str = "deploy/prometheus/alerts_test.yaml";
const CONFIGURATION: &str = "deploy/prometheus/prometheus.yaml";
const DASHBOARD: &str = "deploy/grafana/tallymark.json";
/// The page with a section for each alert.
const RUNBOOK: &str = "docs/operating.md";

pub(super) fn check() -> Result<()> {
    let rules = text(RULES)?;
    let mut broken = untested(&rules, &text(RULE_TESTS)?);
    broken.extend(without_runbook(&rules, &text(RUNBOOK)?));
    let dashboard: Value = serde_json::from_str(&text(DASHBOARD)?).context(DASHBOARD)?;
    broken.extend(broken_panels(&dashboard));
    if !broken.is_empty() {
        bail!("{} broken:\n  {}", broken.len(), broken.join("\n  "));
    }

    let promtool = match Tool::PROMTOOL.find_or_install() {
        Ok(promtool) => promtool,
        Err(error @ ToolError::NotInstalled { .. }) => {
            let why = error.to_string().replace('\n', ". ");
            println!(
                "promtool: SKIPPED; rules, rule tests and the dashboard's queries were not checked: {why}"
            );
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    println!("promtool: {}", promtool.display());
    let run = |arguments: &[&str], file: &Path| {
        let mut command = Command::new(&promtool);
        pass(command.args(arguments).arg(file).current_dir(xtask::root()).stdin(Stdio::null()))
    };
    // It reads the rules too.
    run(&["check", "config"], Path::new(CONFIGURATION))?;
    run(&["test", "rules"], Path::new(RULE_TESTS))?;
    let queries = xtask::target().join("tmp").join("dashboard-queries.json");
    fs::create_dir_all(queries.parent().expect("it lies in a directory"))?;
    fs::write(&queries, as_rules(&dashboard).to_string())?;
    run(&["check", "rules", "--lint=none"], &queries).with_context(|| format!("the queries of {DASHBOARD}"))
}

fn text(path: &str) -> Result<String> {
    fs::read_to_string(xtask::root().join(path)).with_context(|| format!("{path} can't be read"))
}

/// The names of the alerts, in their order.
fn alerts(rules: &str) -> impl Iterator<Item = &str> {
    rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "))
}

/// Which alerts no test shows to fire, or not to. promtool does not ask for either.
fn untested(rules: &str, tests: &str) -> Vec<String> {
    let (mut fires, mut is_quiet) = (BTreeSet::new(), BTreeSet::new());
    for case in tests.split("- alertname: ").skip(1) {
        let name = case.lines().next().unwrap_or_default();
        if case.contains("exp_alerts: []") { &mut is_quiet } else { &mut fires }.insert(name);
    }
    let missing = |shown: &BTreeSet<&str>, what: &str| -> Vec<String> {
        let never = alerts(rules).filter(|name| !shown.contains(name));
        never.map(|name| format!("no test in {RULE_TESTS} shows {name} {what}")).collect()
    };
    [missing(&fires, "firing"), missing(&is_quiet, "not firing")].concat()
}

/// Which alerts don't lead whoever is paged to a section of their own on that page.
fn without_runbook(rules: &str, page: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().unwrap_or_default();
        let runbook = format!("{RUNBOOK}#{}", name.to_lowercase());
        let found = rule.lines().find_map(|line| line.trim().strip_prefix("runbook: "));
        if found != Some(&runbook) {
            broken.push(format!("the alert {name} has no `runbook: {runbook}`"));
        }
        let is_heading = |line: &str| line.starts_with('#') && line.trim_start_matches('#').trim() == name;
        if !page.lines().any(is_heading) {
            broken.push(format!("{RUNBOOK} has no section {name}"));
        }
    }
    broken
}

/// The panels of a dashboard without its rows.
fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().into_iter().flatten().filter(|panel| panel["type"] != "row")
}

/// The queries of a panel.
fn queries(panel: &Value) -> impl Iterator<Item = &str> {
    panel["targets"].as_array().into_iter().flatten().filter_map(|target| target["expr"].as_str())
}

/// What Grafana would take, and show nothing for.
fn broken_panels(dashboard: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let mut ids = BTreeSet::new();
    for panel in panels(dashboard) {
        let title = &panel["title"];
        if !ids.insert(panel["id"].as_u64()) {
            broken.push(format!("{DASHBOARD}: another panel has the id of {title}"));
        }
        if queries(panel).next().is_none() {
            broken.push(format!("{DASHBOARD}: {title} asks for nothing"));
        }
        if panel["datasource"]["uid"] != "${datasource}" {
            broken.push(format!("{DASHBOARD}: {title} does not ask the datasource that was chosen"));
        }
    }
    if ids.is_empty() {
        broken.push(format!("{DASHBOARD} has no panels"));
    }
    broken
}

/// The queries of a dashboard as rules, which is what promtool can check. Grafana's variables stand in texts and for
/// durations.
fn as_rules(dashboard: &Value) -> Value {
    let queries = panels(dashboard).flat_map(queries);
    let rule = |(number, query): (usize, &str)| {
        let query = query.replace("$__rate_interval", "1m");
        json!({ "record": format!("query_{number}"), "expr": query })
    };
    let rules: Vec<Value> = queries.enumerate().map(rule).collect();
    json!({ "groups": [{ "name": "dashboard", "rules": rules }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "\
      - alert: Away
        annotations:
          runbook: docs/operating.md#away
      - alert: Lost
        annotations:
          runbook: docs/operating.md#away
";

    #[test]
    fn an_alert_is_shown_firing_and_not() {
        let check = |tests: &str, expected: &[&str]| assert_eq!(untested(RULES, tests), expected, "{tests}");
        let fires = |name| format!("- alertname: {name}\n  exp_alerts:\n    - exp_labels: {{ a: b }}\n");
        let is_quiet = |name| format!("- alertname: {name}\n  exp_alerts: []\n");
        let all = [fires("Away"), is_quiet("Away"), is_quiet("Lost"), fires("Lost")];
        check(&all.concat(), &[]);
        check(&all[1..].concat(), &["no test in deploy/prometheus/alerts_test.yaml shows Away firing"]);
        check(
            &[&all[0], &all[1], &all[3]].map(String::as_str).concat(),
            &["no test in deploy/prometheus/alerts_test.yaml shows Lost not firing"],
        );
    }

    #[test]
    fn an_alert_leads_to_its_section() {
        let no_link = "the alert Lost has no `runbook: docs/operating.md#lost`";
        let no_section = "docs/operating.md has no section Lost";
        assert_eq!(without_runbook(RULES, "### Away\n### Lost\n"), [no_link]);
        assert_eq!(without_runbook(RULES, "### Away\nLost\n### Lost and found\n"), [no_link, no_section]);
    }

    #[test]
    fn a_panel_that_would_show_nothing_is_found() {
        let panel = |id: u32, uid: &str, expr: Option<&str>| {
            let targets: Vec<Value> = expr.into_iter().map(|expr| json!({ "expr": expr })).collect();
            json!({ "id": id, "title": id, "datasource": { "uid": uid }, "targets": targets })
        };
        let here = "${datasource}";
        let row = json!({ "id": 1, "type": "row" });
        let good = json!({ "panels": [row, panel(1, here, Some("up")), panel(2, here, Some("up"))] });
        assert!(broken_panels(&good).is_empty());
        let bad = [panel(1, here, Some("up")), panel(1, here, Some("up")), panel(2, here, None)];
        let bad = json!({ "panels": [bad[0], bad[1], bad[2], panel(3, "elsewhere", Some("up"))] });
        assert_eq!(
            broken_panels(&bad),
            [
                "deploy/grafana/tallymark.json: another panel has the id of 1",
                "deploy/grafana/tallymark.json: 2 asks for nothing",
                "deploy/grafana/tallymark.json: 3 does not ask the datasource that was chosen",
            ]
        );
        assert_eq!(broken_panels(&json!({})), ["deploy/grafana/tallymark.json has no panels"]);
    }
}
