//! The settings: from the environment, over a file, over defaults.
//!
//! [`table`] holds every setting once; everything else here reads it. Errors say the setting, where
//! its value stands, the value and what is expected, and are reported all at once.

mod default_file;
mod given;
mod keys;
mod problem;
mod server_urls;
mod shape;
mod sources;
mod table;
mod tenant_fields;
mod tenants;
#[cfg(test)]
mod tests;
mod tokens;
mod types;
mod value;

use std::path::{Path, PathBuf};

pub(crate) use default_file::default_file;
pub(crate) use given::Given;
pub(crate) use problem::Problems;
pub(crate) use server_urls::Login;
pub(crate) use sources::Environment;
pub(crate) use types::*;

use problem::Problem;
use sources::{Layer, TENANT};
use table::{OPERATOR_TOKEN, TLS_CERTIFICATE_FILE, TLS_KEY_FILE, settings};

/// Where settings come from, to read them more than once.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) file: Option<PathBuf>,
    pub(crate) environment: Environment,
}

impl Origin {
    /// Reads the settings as they are now.
    pub(crate) fn load(&self) -> Result<Settings, Problems> {
        Settings::load(self.file.as_deref(), &self.environment)
    }
}

impl Settings {
    /// Reads the settings: `environment` over the file, if there is one, over the defaults.
    pub(crate) fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, Problems> {
        let mut settings = Self::default();
        let mut problems = Vec::new();
        let mut layers = sources::defaults();
        if let Some(file) = file {
            layers.extend(sources::file(file, &mut problems));
        }
        layers.extend(sources::environment(environment, &mut problems));
        settings.take(&layers, &mut problems);
        if problems.is_empty() { Ok(settings) } else { Err(Problems(problems)) }
    }

    /// Sets every value in turn, so that the last one stands and all of them are checked.
    fn take(&mut self, layers: &Layer, problems: &mut Vec<Problem>) {
        let mut listen = None;
        for (name, node) in layers {
            self.given.note(name, node);
            if *name == TENANT {
                self.tenants = tenants::read(node, problems);
            } else if let Some(setting) = settings().find(|setting| setting.name == *name)
                && setting.shape.set(self, node).is_none()
            {
                let problem = if *name == OPERATOR_TOKEN { Problem::hidden } else { Problem::invalid };
                problems.push(problem(name, node, setting.shape.expected()));
            }
            if matches!(*name, "http.listen" | "http.operator_listen") {
                listen = Some((name, node));
            }
        }
        let http = &self.http;
        let (certificate, key) = (&http.tls_certificate_file, &http.tls_key_file);
        if certificate.is_some() != key.is_some() {
            let (given, missing) = match certificate {
                Some(_) => (TLS_CERTIFICATE_FILE, TLS_KEY_FILE),
                None => (TLS_KEY_FILE, TLS_CERTIFICATE_FILE),
            };
            let last = layers.iter().rfind(|(name, _)| *name == given);
            problems
                .extend(last.map(|(_, node)| Problem::invalid(given, node, format!("{missing} beside it"))));
        }
        if let Some((name, node)) = listen
            && http.listen == http.operator_listen
            && http.listen.port() != 0
        {
            let expected = "different addresses for http.listen and http.operator_listen";
            problems.push(Problem::invalid(name, node, expected));
        }
    }
}
