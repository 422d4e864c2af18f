//! What a crate must never depend on, however indirectly.

use anyhow::{Result, ensure};

use crate::cargo::{cargo, printed_by};

struct Rule {
    package: &'static str,
    /// With or without the package's default features.
    features: Features,
    never: &'static [&'static str],
}

#[derive(PartialEq, Eq)]
enum Features {
    Default,
    None,
}

/// The rules count without bytes, clocks and waiting; a badge is answered without store and stream; a judge
/// shares nothing with the judged; and so on, as docs/architecture.md says.
const RULES: [Rule; 7] = [
    Rule { package: "events", features: Features::None, never: &["serde", "serde_core"] },
    Rule {
        package: "counters",
        features: Features::Default,
        never: &["tokio", "serde", "serde_core", "sled", "async-nats", "axum"],
    },
    Rule { package: "store", features: Features::Default, never: &["async-nats", "axum"] },
    Rule { package: "consumer", features: Features::Default, never: &["axum"] },
    Rule { package: "query", features: Features::Default, never: &["sled", "async-nats", "ureq"] },
    Rule { package: "oracle", features: Features::Default, never: &["counters", "store"] },
    // It takes a C++ compiler, which no check may need.
    Rule { package: "fuzz", features: Features::Default, never: &["libfuzzer-sys"] },
];

pub(super) fn check() -> Result<()> {
    for rule in RULES {
        let mut command = cargo(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
        command.args(["--package", rule.package]);
        if rule.features == Features::None {
            command.arg("--no-default-features");
        }
        let tree = printed_by(&mut command)?;
        let found = forbidden_in(&tree, rule.never);
        ensure!(
            found.is_empty(),
            "{} must not depend on {}; `cargo tree -e normal -p {} -i {}` shows how it does",
            rule.package,
            found.join(", "),
            rule.package,
            found[0]
        );
        println!("{} depends on none of {}", rule.package, rule.never.join(", "));
    }
    Ok(())
}

/// Which of the packages `never` are in a tree of lines such as `serde v1.0.0 (*)`.
fn forbidden_in(tree: &str, never: &[&'static str]) -> Vec<&'static str> {
    let is_there = |package: &&str| tree.lines().any(|line| line.split(' ').next() == Some(package));
    never.iter().copied().filter(is_there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_forbidden() {
        let tree = "counters v0.1.0 (/somewhere/counters)\nserde_json v1.0.0\nsled v0.34.7\nsled v0.34.7 (*)";
        assert_eq!(forbidden_in(tree, &["serde", "sled", "axum"]), ["sled"]);
    }

    #[test]
    fn a_real_tree_shows_what_it_has() {
        let mut command = cargo(["tree", "--offline", "--edges", "normal", "--prefix", "none"]);
        let tree = printed_by(command.args(["--package", "xtask"])).unwrap();
        assert_eq!(forbidden_in(&tree, &["clap", "serde_json", "oracle"]), ["clap", "serde_json"]);
    }
}
