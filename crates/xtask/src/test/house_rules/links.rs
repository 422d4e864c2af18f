//! Relative links between the documents.

use std::path::{Component, Path};

use super::File;

/// The links of all Markdown files that lead to no file, or to no heading of one.
pub(super) fn dead(files: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut dead = Vec::new();
    for file in files.iter().filter(|file| file.is("md")) {
        for (line, target) in targets(&file.text) {
            if let Some(why) = why_dead(file, target, files, exists) {
                dead.push(format!("{}:{line}: the link to `{target}` is dead: {why}", file.path));
            }
        }
    }
    dead
}

fn why_dead(file: &File, target: &str, files: &[File], exists: &dyn Fn(&str) -> bool) -> Option<String> {
    let (path, heading) = match target.split_once('#') {
        Some((path, heading)) => (path, Some(heading)),
        None => (target, None),
    };
    // Other sites are not looked at; a name without a dot or slash is an item that rustdoc checks.
    let is_item = heading.is_none() && !path.contains(['.', '/']);
    if path.contains(':') || is_item {
        return None;
    }
    let path = if path.is_empty() { file.path.clone() } else { resolve(&file.path, path) };
    if !exists(&path) {
        return Some(format!("there is no {path}"));
    }
    let target = files.iter().find(|file| file.path == path && file.is("md"))?;
    let heading = heading?;
    (!anchors(&target.text).any(|anchor| anchor == heading))
        .then(|| format!("{path} has no heading `#{heading}`"))
}

/// Where a link in the file `from` leads, from the root.
fn resolve(from: &str, link: &str) -> String {
    let mut parts: Vec<_> = Path::new(from).parent().into_iter().flat_map(Path::iter).collect();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => {
                parts.pop();
            }
            Component::Normal(part) => parts.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts.join("/".as_ref()).to_string_lossy().into_owned()
}

/// The lines of a document outside its code blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        (!in_code && !is_fence).then_some((index + 1, line))
    })
}

/// The targets of `[text](target)` and `[text]: target`, with their lines.
fn targets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(text).flat_map(|(number, line)| {
        let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        let definition =
            line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target.trim());
        inline.chain(definition).map(move |target| (number, target))
    })
}

/// The anchors of a document's headings, formed as code hosts do: lower case, spaces to hyphens, no punctuation.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    prose(text).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.map(|character| if character == ' ' { '-' } else { character }).collect()
    })
}
