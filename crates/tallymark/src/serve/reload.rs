//! Settings that are read again while the service runs. Tenants and keys change between two requests, the certificate
//! between two connections, and no connection is touched.

use std::time::SystemTime;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use query::{Admission, Cors};
use tokio::sync::mpsc::UnboundedReceiver;

use super::certificate::Certificate;
use super::tenants::TenantMaker;
use crate::settings::{Given, Origin, Problems};

/// What changes while the service runs, beside the tenants.
const CHANGEABLE: [&str; 1] = ["http.token_cache_entries"];

/// Reads the settings again when asked to.
pub(super) struct Reload {
    pub(super) origin: Origin,
    /// What the service was started with, or what is in force since.
    pub(super) given: Given,
    pub(super) maker: TenantMaker,
    pub(super) admission: Admission,
    pub(super) cors: Cors,
    pub(super) certificate: Option<Certificate>,
    pub(super) metrics: Metrics,
}

impl Reload {
    /// As long as the service runs.
    pub(super) async fn run(mut self, mut requested: UnboundedReceiver<()>) {
        self.maker.prepare(now()).await;
        while requested.recv().await.is_some() {
            match self.reload().await {
                Ok(tenants) => {
                    self.metrics.counted(true);
                    tracing::info!(tenants, "settings read again");
                }
                Err(problems) => {
                    self.metrics.counted(false);
                    tracing::error!("settings not read again, the old ones stay in force: {problems}");
                }
            }
        }
    }

    async fn reload(&mut self) -> Result<usize, Problems> {
        let settings = self.origin.load()?;
        let tenants = self.maker.make(&settings)?;
        // The last that can fail, and if it does it changes nothing.
        self.certificate.as_ref().map_or(Ok(()), Certificate::reload)?;
        self.maker.prepare(now()).await;
        self.cors.replace(&tenants);
        self.admission.admit(tenants);
        self.admission.remember(settings.http.token_cache_entries);
        for name in self.left(&settings.given) {
            tracing::warn!("{name} was changed: that takes a restart, and the old value stays in force");
        }
        Ok(settings.tenants.len())
    }

    /// The names of settings that are changed and can't be.
    fn left(&self, given: &Given) -> Vec<&'static str> {
        let differences = self.given.differences(given);
        differences.into_iter().filter(|name| !CHANGEABLE.contains(name)).collect()
    }
}

fn now() -> std::time::Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// How often settings were read again.
#[derive(Debug, Clone)]
pub(super) struct Metrics(Family<Labels, Counter>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    result: &'static str,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let reloads = Family::default();
        for done in [true, false] {
            let _ = reloads.get_or_create(&labels(done));
        }
        Self(reloads)
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("settings_reloads", "Settings that were read again, by result", self.0.clone());
    }

    fn counted(&self, done: bool) {
        self.0.get_or_create(&labels(done)).inc();
    }
}

fn labels(done: bool) -> Labels {
    Labels { result: if done { "done" } else { "refused" } }
}
