//! The figures in docs/benchmarks.md, with their plots: everything between two marks is written by this program.

use std::fmt::Write as _;
use std::fs;
use std::thread::available_parallelism;

use anyhow::{Context, Result};

use crate::side_by_side::Table;

const DIRECTORY: &str = "docs";
/// Beside the page.
const PLOTS: &str = "benchmarks";
const BEGIN: &str = "<!-- figures: written by `cargo xtask bench --write` -->";
const END: &str = "<!-- end of figures -->";

/// Replaces the figures of one benchmark, and keeps those of the others.
pub(crate) fn write(table: &Table, date: Option<&str>) -> Result<()> {
    let path = xtask::root().join(DIRECTORY).join("benchmarks.md");
    let text = fs::read_to_string(&path).with_context(|| format!("{} can't be read", path.display()))?;
    let (before, rest) = text.split_once(BEGIN).context("docs/benchmarks.md has lost its mark of figures")?;
    let (old, after) = rest.split_once(END).context("docs/benchmarks.md has lost its end of figures")?;
    let date = date.map(|date| format!("{date} ")).unwrap_or_default();
    let directory = xtask::root().join(DIRECTORY).join(PLOTS);
    let mut plots = String::new();
    for plot in &table.plots {
        fs::create_dir_all(&directory)?;
        fs::write(directory.join(format!("{}.svg", plot.name)), plot.drawn()?)?;
        writeln!(plots, "\n![{}]({PLOTS}/{}.svg)", plot.title, plot.name)?;
    }
    let section = format!("{table}{plots}\nMeasured {date}on {}.\n", machine()?);
    let figures = with_section(old, table.title, &section);
    fs::write(&path, format!("{before}{BEGIN}{figures}{END}{after}"))?;
    Ok(())
}

fn with_section(figures: &str, title: &str, section: &str) -> String {
    let heading = format!("### {title}\n");
    let (before, after) = match figures.split_once(&heading) {
        None => (figures, ""),
        Some((before, old)) => (before, old.find("### ").map_or("", |next| &old[next..])),
    };
    format!("{}\n\n{section}\n{after}", before.trim_end())
}

/// Cores and memory.
fn machine() -> Result<String> {
    let cores = available_parallelism()?;
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let kib: Option<u64> = kib.and_then(|kib| kib.parse().ok());
    let memory = kib.map_or_else(String::new, |kib| format!(" and {} GiB of memory", kib >> 20));
    Ok(format!("{cores} cores{memory}"))
}

#[cfg(test)]
mod tests {
    use super::with_section;

    #[test]
    fn a_section_takes_the_place_of_its_older_self() {
        let one = with_section("\n\n", "Post", "### Post\n\n1\n");
        let two = with_section(&one, "Badge", "### Badge\n\n2\n");
        assert_eq!(two, "\n\n### Post\n\n1\n\n### Badge\n\n2\n\n");
        let three = with_section(&two, "Post", "### Post\n\n3\n");
        assert_eq!(three, "\n\n### Post\n\n3\n\n### Badge\n\n2\n\n");
    }
}
