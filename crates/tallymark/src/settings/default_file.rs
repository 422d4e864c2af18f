//! The output of `tallymark config default`: a settings file that sets every setting to its default.

use std::fmt::Write;

use super::table::settings;
use super::tenant_fields::FIELDS;

const WIDTH: usize = 100;

/// A complete settings file, in which every setting has its default and is explained.
pub(crate) fn default_file() -> String {
    let mut file = String::new();
    comment(&mut file, "Every setting of tallymark with its default.");
    comment(
        &mut file,
        "Each can also be given as an environment variable, which wins over this file: \
         TALLYMARK_DATA_DIR, TALLYMARK_NATS__URL (two underscores between table and name). \
         Relative paths start at the working directory.",
    );
    let mut table = "";
    for setting in settings() {
        file.push('\n');
        let (within, name) = setting.name.split_once('.').unwrap_or(("", setting.name));
        if within != table {
            table = within;
            _ = writeln!(file, "[{table}]");
        }
        comment(&mut file, setting.meaning);
        comment(&mut file, &format!("Takes {}.", setting.shape.expected()));
        _ = writeln!(file, "{name} = {}", setting.default);
    }
    file.push('\n');
    comment(
        &mut file,
        "Tenants: the chat applications that may ask, one [[tenant]] each. None by default, so \
         that nobody may. TALLYMARK_TENANT takes all of them as a TOML list of inline tables.",
    );
    for field in FIELDS {
        let text =
            format!("{}: {} Takes {} ({}).", field.name, field.meaning, field.expected, field.presence);
        comment(&mut file, &text);
    }
    file.push_str(
        r#"#
# [[tenant]]
# name = "demo"
# client_keys = ["demo-client-key"]
# token = { algorithm = "HS256", secret = "demo-secret" }
"#,
    );
    file
}

/// Writes a comment in lines of at most [`WIDTH`] characters.
fn comment(file: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            _ = writeln!(file, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    _ = writeln!(file, "{line}");
}
