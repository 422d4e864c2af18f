use super::*;

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

/// Both lists as texts, one line each.
fn check(broken: &[String], expected: &[&str]) {
    assert_eq!(broken.join("\n"), expected.join("\n"));
}

#[test]
fn a_long_file_needs_a_reason_and_a_reason_a_long_file() {
    let (limit, over) = ("x\n".repeat(MOST_LINES), "x\n".repeat(MOST_LINES + 1));
    let files = [file("a.rs", &limit), file("b.rs", &over), file("c.rs", &over), file("d.md", &over)];
    check(
        &long_files(&files, &[("c.rs", "one table"), ("a.rs", "was one table")]),
        &[
            "b.rs has 401 lines of Rust; divide it at 400",
            "a.rs is no longer long; take it from the list of long files",
        ],
    );
}

#[test]
fn work_put_off_is_found() {
    let words = UNFINISHED;
    let files = [
        file("a.rs", &format!("fine\n// {}: later\n", words[0])),
        file("b.md", &format!("{} this", words[1])),
        file("c.rs", &format!("{}x)", words[2])),
        file("d.ndjson", words[0]),
        file("e.rs", "let todo = debug(1);"),
    ];
    check(
        &unfinished(&files),
        &[
            &format!("a.rs:2: `{}` is work put off: do it or file it", words[0]),
            &format!("b.md:1: `{}` is work put off: do it or file it", words[1]),
            &format!("c.rs:1: `{}` is work put off: do it or file it", words[2]),
        ],
    );
}

#[test]
fn a_crate_has_a_readme_and_shows_it() {
    let include = "#![doc = include_str!(\"../README.md\")]\n";
    let files = [
        file("crates/good/Cargo.toml", ""),
        file("crates/good/README.md", "# Good"),
        file("crates/good/src/lib.rs", include),
        file("crates/program/Cargo.toml", ""),
        file("crates/program/README.md", "# Program"),
        file("crates/program/src/main.rs", "//! Says something else.\n"),
        file("crates/none/Cargo.toml", ""),
        file("crates/none/src/lib.rs", include),
        file("crates/empty/Cargo.toml", ""),
        file("crates/empty/README.md", " \n"),
        file("tests/Cargo.toml", ""),
    ];
    check(
        &crates_without_readme(&files),
        &[
            "crates/program/src/main.rs does not include the crate's README.md as its docs",
            "crates/none has no README.md",
            "crates/empty has no README.md",
        ],
    );
}

#[test]
fn links_lead_somewhere() {
    let readme = "\
# Tallymark
[fine](docs/http.md) and [fine](docs/http.md#what-is-a-badge), [gone](docs/gone.md)
[no heading](docs/http.md#gone) [elsewhere](https://example.org/x) [a place](deploy/)
```
[in code](nowhere.md)
```
[defined]: docs/missing.md
[here](#tallymark) [not here](#elsewhere)
";
    let http =
        "# HTTP\n## What is a *badge*?\n[up](../README.md) [`Id`](crate::Id) [item](Item) [up](../gone.md)\n";
    let files = [file("README.md", readme), file("docs/http.md", http)];
    let exists = |path: &str| ["README.md", "docs/http.md", "deploy"].contains(&path);
    check(
        &links::dead(&files, &exists),
        &[
            "README.md:2: the link to `docs/gone.md` is dead: there is no docs/gone.md",
            "README.md:3: the link to `docs/http.md#gone` is dead: docs/http.md has no heading `#gone`",
            "README.md:7: the link to `docs/missing.md` is dead: there is no docs/missing.md",
            "README.md:8: the link to `#elsewhere` is dead: README.md has no heading `#elsewhere`",
            "docs/http.md:3: the link to `../gone.md` is dead: there is no gone.md",
        ],
    );
}
