//! Connecting to NATS.

use anyhow::{anyhow, bail};
use async_nats::{Client, ConnectOptions};

use crate::settings::{Login, Nats, Problems};

/// The oldest server that does what is asked of it: older ones ignore settings that they don't know.
const OLDEST_SERVER: (u32, u32) = (2, 12);

/// Connects as the settings say (a credentials file wins over a login in the URL), and makes sure that the server is new enough.
pub(crate) async fn connect(nats: &Nats, options: ConnectOptions) -> anyhow::Result<Client> {
    let options = match &nats.creds {
        Some(path) => options
            .credentials_file(path)
            .await
            .map_err(|error| Problems::unreadable("nats.creds", path, &error))?,
        None => match nats.url.login() {
            Some(Login::User { name, password }) => options.user_and_password(name.clone(), password.clone()),
            Some(Login::Token(token)) => options.token(token.clone()),
            None => options,
        },
    };
    let client = options.connect(nats.url.addresses()).await;
    // The library's message holds that of its source.
    let client =
        client.map_err(|error| anyhow!("can't connect to NATS at {} (nats.url): {error}", nats.url))?;
    let version = client.server_info().version;
    if is_too_old(&version) {
        let (major, minor) = OLDEST_SERVER;
        bail!("the NATS server at {} is version {version}, and {major}.{minor} or newer is needed", nats.url);
    }
    Ok(client)
}

/// A version that can't be read counts as too old.
fn is_too_old(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split(['.', '-']);
    let mut number = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    match (number(), number()) {
        (Some(major), Some(minor)) => (major, minor) < OLDEST_SERVER,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_server_older_than_2_12_is_refused() {
        for old in ["2.9.10", "2.11.99", "1.99.0", "2.11.0-RC.1", "", "two"] {
            assert!(super::is_too_old(old), "{old}");
        }
        for new in ["2.12.0", "2.12.0-RC.1", "v2.12.3", "2.15.1", "3.0.0", "10.0.0"] {
            assert!(!super::is_too_old(new), "{new}");
        }
    }
}
