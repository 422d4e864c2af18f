//! What a peer's database takes for a membership.

use anyhow::Result;

use super::{Membership, Peer};
use crate::Scale;

/// As the service's own are measured, but fewer: users of 50 rooms, with ids of 20 bytes. Rooms have numbers.
const USERS: usize = 20_000;
const ROOMS_A_USER: usize = 50;
const MEMBERS_A_ROOM: usize = 100;

/// Rows of a table: what it is, and bytes a membership. `None` if the peer is not installed.
pub(crate) fn space<P: Peer>(scale: Scale) -> Result<Option<Vec<(&'static str, f64)>>> {
    let Some(database) = P::database()? else { return Ok(None) };
    let users = scale.of(USERS);
    let memberships = users * ROOMS_A_USER;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let peer = P::connect(database.address).await?;
        let before = peer.bytes(&database).await?;
        peer.load(&mut all(users)).await?;
        let after = peer.bytes(&database).await?;
        #[allow(clippy::cast_precision_loss, reason = "bytes of memory and disk are far below 2^52")]
        let each = |bytes: u64| bytes as f64 / memberships as f64;
        let rows = before.into_iter().zip(after);
        Ok(Some(
            rows.map(|((what, before), (_, after))| (what, each(after.saturating_sub(before)))).collect(),
        ))
    })
}

fn all(users: usize) -> impl Iterator<Item = Membership> + Send {
    let rooms = (users * ROOMS_A_USER / MEMBERS_A_ROOM).max(ROOMS_A_USER);
    (0..users).flat_map(move |user| {
        (0..ROOMS_A_USER).map(move |place| Membership {
            user: format!("user-{user:015}"),
            room: (user + place * (rooms / ROOMS_A_USER)) % rooms,
            unread: (place % 20) as u64,
        })
    })
}
