//! Rules of this repository that no compiler knows. Each takes all files and names what breaks it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

mod links;

/// A file may have more lines of Rust than this only when [`LONG_FILES`] says why.
const MOST_LINES: usize = 400;

/// Files that may be longer, each with its reason.
const LONG_FILES: [(&str, &str); 0] = [];

/// What is looked at, from the root; anything else there is no source.
const PLACES: [&str; 8] =
    ["README.md", "Cargo.toml", ".deny.toml", ".ci", "crates", "tests", "docs", "deploy"];

/// A text of the repository.
struct File {
    /// From the root, with `/`.
    path: String,
    text: String,
}

impl File {
    fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|is| is == extension)
    }
}

pub(super) fn check() -> Result<()> {
    let mut files = Vec::new();
    for place in PLACES {
        let path = xtask::root().join(place);
        if path.exists() {
            read(&path, &mut files).with_context(|| format!("{} can't be read", path.display()))?;
        }
    }
    let mut broken = Vec::new();
    broken.extend(long_files(&files, &LONG_FILES));
    broken.extend(unfinished(&files));
    broken.extend(crates_without_readme(&files));
    broken.extend(links::dead(&files, &|path| xtask::root().join(path).exists()));
    if !broken.is_empty() {
        bail!("{} broken:\n  {}", broken.len(), broken.join("\n  "));
    }
    println!("{} files obey them", files.len());
    Ok(())
}

fn read(path: &PathBuf, files: &mut Vec<File>) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        return entries.iter().try_for_each(|entry| read(&entry.path(), files));
    }
    // Data for tests need not be text.
    if let Ok(text) = String::from_utf8(fs::read(path)?) {
        let path = path.strip_prefix(xtask::root())?.to_string_lossy().into_owned();
        files.push(File { path, text });
    }
    Ok(())
}

fn long_files(files: &[File], allowed: &[(&str, &str)]) -> Vec<String> {
    let is_allowed = |file: &File| allowed.iter().any(|(path, _)| *path == file.path);
    let is_long = |file: &&File| file.is("rs") && file.text.lines().count() > MOST_LINES;
    let long = files.iter().filter(is_long).filter(|file| !is_allowed(file)).map(|file| {
        let lines = file.text.lines().count();
        format!("{} has {lines} lines of Rust; divide it at {MOST_LINES}", file.path)
    });
    let needless = allowed
        .iter()
        .filter(|(path, _)| !files.iter().filter(is_long).any(|file| file.path == *path))
        .map(|(path, _)| format!("{path} is no longer long; take it from the list of long files"));
    long.chain(needless).collect()
}

/// Words of work put off. Spelled in two parts, so that this file is none of those found.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("dbg", "!(")];

fn unfinished(files: &[File]) -> Vec<String> {
    let sources = files
        .iter()
        .filter(|file| ["rs", "md", "toml", "yaml", "yml"].iter().any(|extension| file.is(extension)));
    let lines = sources.flat_map(|file| file.text.lines().enumerate().map(move |line| (file, line)));
    let found = lines.filter_map(|(file, (index, line))| {
        let word = UNFINISHED.iter().find(|word| line.contains(**word))?;
        Some(format!("{}:{}: `{word}` is work put off: do it or file it", file.path, index + 1))
    });
    found.collect()
}

/// A crate's README is its documentation, so that neither can say what the other doesn't.
fn crates_without_readme(files: &[File]) -> Vec<String> {
    let find = |path: String| files.iter().find(|file| file.path == path);
    let crates = files.iter().filter_map(|file| {
        let directory = file.path.strip_suffix("/Cargo.toml")?;
        directory.starts_with("crates/").then_some(directory)
    });
    let broken = crates.filter_map(|directory| {
        if find(format!("{directory}/README.md")).is_none_or(|readme| readme.text.trim().is_empty()) {
            return Some(format!("{directory} has no README.md"));
        }
        let main =
            find(format!("{directory}/src/lib.rs")).or_else(|| find(format!("{directory}/src/main.rs")))?;
        let includes = main.text.contains("#![doc = include_str!(\"../README.md\")]");
        (!includes).then(|| format!("{} does not include the crate's README.md as its docs", main.path))
    });
    broken.collect()
}

#[cfg(test)]
mod tests;
