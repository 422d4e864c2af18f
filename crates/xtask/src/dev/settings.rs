//! The settings of the demo, as Tallymark reads them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

pub(super) const TENANT: &str = "demo";
pub(super) const CLIENT_KEY: &str = "demo-client-key";
pub(super) const SECRET: &str = "demo-secret";

/// A settings file, and what it says that others need.
pub(super) struct Settings {
    pub(super) file: PathBuf,
    pub(super) badge: SocketAddr,
    pub(super) operator: SocketAddr,
}

impl Settings {
    /// Writes the file `tallymark.toml` in the directory `home`. The badge is at `port`; without one at 8080, or at any free
    /// port when that is taken. The page with this origin may ask from a browser.
    pub(super) fn write(home: &Path, nats_url: &str, port: Option<u16>, page: &str) -> Result<Self> {
        let badge = match port {
            Some(port) => free(port).with_context(|| format!("--port {port} can't be used"))?,
            None => free(8080).or_else(|_| free(0))?,
        };
        let operator = match port {
            // Several demos at once would all find the usual one free.
            Some(0) => free(0)?,
            Some(_) | None => free(9090).or_else(|_| free(0))?,
        };
        let file = home.join("tallymark.toml");
        // A JSON text is a TOML text too.
        let data_dir = Value::from(home.join("data").to_string_lossy());
        fs::write(
            &file,
            format!(
                r#"# Written anew by every `cargo xtask dev`.
data_dir = {data_dir}
[nats]
url = "{nats_url}"
create_stream = true
[http]
listen = "{badge}"
operator_listen = "{operator}"
[[tenant]]
name = "{TENANT}"
client_keys = ["{CLIENT_KEY}"]
allowed_origins = ["{page}"]
token = {{ algorithm = "HS256", secret = "{SECRET}" }}
"#
            ),
        )?;
        Ok(Self { file, badge, operator })
    }
}

/// This loopback port if nobody listens there; any free one for 0.
fn free(port: u16) -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr()?)
}
