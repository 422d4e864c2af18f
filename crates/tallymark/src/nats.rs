//! Connecting to NATS.

use anyhow::{anyhow, bail};
use async_nats::{Client, ConnectOptions};
use consumer::{OLDEST_SERVER, is_too_old};

use crate::settings::{Login, Nats, Problems};

/// Adds who connects, as the settings say: a credentials file wins over a login in the URL.
pub(crate) async fn with_login(nats: &Nats, options: ConnectOptions) -> Result<ConnectOptions, Problems> {
    if let Some(path) = &nats.creds {
        let options = options.credentials_file(path).await;
        return options.map_err(|error| Problems::unreadable("nats.creds", path, &error));
    }
    Ok(match nats.url.login() {
        Some(Login::User { name, password }) => options.user_and_password(name.clone(), password.clone()),
        Some(Login::Token(token)) => options.token(token.clone()),
        None => options,
    })
}

/// Connects as the settings say, and makes sure that the server is new enough.
pub(crate) async fn connect(nats: &Nats, options: ConnectOptions) -> anyhow::Result<Client> {
    let options = with_login(nats, options).await?;
    let client = options.connect(nats.url.addresses()).await;
    // The library's message holds that of its source.
    let client =
        client.map_err(|error| anyhow!("can't connect to NATS at {} (nats.url): {error}", nats.url))?;
    let version = client.server_info().version;
    if is_too_old(&version) {
        bail!("the NATS server at {} is version {version}, and {OLDEST_SERVER} or newer is needed", nats.url);
    }
    Ok(client)
}
