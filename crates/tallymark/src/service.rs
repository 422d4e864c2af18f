//! The running service, for commands: where it is, and what it answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;
use store::{DataDir, OpenError};
use ureq::Agent;
use ureq::http::StatusCode;

use crate::settings::Settings;

/// How long one answer may take. A page of accounts is worked out between two batches of events.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often to look how far the service is.
const LOOK: Duration = Duration::from_millis(20);

/// Who has the data directory.
pub(crate) enum Found {
    /// A service, which can be asked.
    Running(Service),
    /// Nobody: now it is this process.
    Files(DataDir),
}

/// A running service.
#[derive(Clone)]
pub(crate) struct Service {
    agent: Agent,
    url: String,
    token: Option<String>,
}

impl Service {
    /// Finds the service that has the data directory of these settings, or is at `url`.
    pub(crate) fn find(settings: &Settings, url: Option<&str>) -> anyhow::Result<Found> {
        if let Some(url) = url {
            return Ok(Found::Running(Self::at(settings, url)?));
        }
        match DataDir::open(&settings.data_dir) {
            Ok(data_dir) => Ok(Found::Files(data_dir)),
            Err(OpenError::InUse(path)) => {
                let url = DataDir::announced(&path)?;
                if url.is_empty() {
                    bail!(
                        "another process has {} and does not say where it can be asked: it is just starting, or no service; \
                         try again, or name the operator listener with --operator",
                        path.display()
                    );
                }
                Ok(Found::Running(Self::at(settings, &url)?))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn at(settings: &Settings, url: &str) -> anyhow::Result<Self> {
        let config = Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        Ok(Self {
            // The service keeps no connection for longer than it says: better a new one than a broken one.
            agent: config.max_idle_connections(1).build().into(),
            url: url.trim_end_matches('/').to_owned(),
            token: settings.http.read_operator_token()?,
        })
    }

    /// Asks a route that changes nothing.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.text(path).and_then(|text| {
            serde_json::from_str(&text).with_context(|| format!("{}{path} answered something else", self.url))
        })
    }

    /// The same, as it was written.
    pub(crate) fn text(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.agent.get(format!("{}{path}", self.url)).call();
        self.body(path, answer, &[StatusCode::OK])
    }

    /// The same, also where the answer is that the service is not ready.
    pub(crate) fn get_even_if_unready<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let answer = self.agent.get(format!("{}{path}", self.url)).call();
        let text = self.body(path, answer, &[StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE])?;
        serde_json::from_str(&text).with_context(|| format!("{}{path} answered something else", self.url))
    }

    /// Waits until the service has applied everything up to a sequence, as long as it comes nearer.
    pub(crate) fn wait_until_applied(&self, sequence: u64) -> anyhow::Result<()> {
        let (mut applied, mut since) = (0, Instant::now());
        loop {
            let status: query::Status = self.get("/status")?;
            if status.applied_sequence >= sequence {
                return Ok(());
            }
            if status.applied_sequence > applied {
                (applied, since) = (status.applied_sequence, Instant::now());
            }
            if since.elapsed() > PATIENCE {
                bail!(
                    "the service at {} stands at sequence {applied}, and {sequence} is waited for: `tallymark status` says why",
                    self.url
                );
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Has something changed, with the operator's token.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let text = self.body(path, request.send_empty(), &[StatusCode::ACCEPTED])?;
        serde_json::from_str(&text).with_context(|| format!("{}{path} answered something else", self.url))
    }

    fn body(
        &self,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        wanted: &[StatusCode],
    ) -> anyhow::Result<String> {
        let unreachable = || format!("the service at {} does not answer", self.url);
        let mut answer = answer.with_context(unreachable)?;
        let status = answer.status();
        let text =
            answer.body_mut().with_config().limit(u64::MAX).read_to_string().with_context(unreachable)?;
        if wanted.contains(&status) {
            return Ok(text);
        }
        let body: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        let message = body.as_ref().and_then(|body| body["error"]["message"].as_str());
        bail!("the service at {}{path} answered {status}: {}", self.url, message.unwrap_or(text.trim()))
    }
}

/// Where a listener can be reached from this machine.
pub(crate) fn address_of(bound: SocketAddr) -> String {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, bound.port()))
}
