//! Posts to rooms of different sizes, until they are counted, against the peers' databases without HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;

use super::against_peers::BARE_SAMPLE;
use super::service::Service;
use super::world::{self, SIZES};
use crate::Scale;
use crate::peers::{self, Peer, Room};
use crate::plot::{self, Curve, Curves, Form, Plot};
use crate::side_by_side::{Bar, Comparison, Sample, grouped};

/// So many posts are on their way to a peer at once.
const POSTERS: usize = 16;
const POSTS_A_SAMPLE: usize = 100_000;

/// A row for each size.
pub(super) fn compare<P: Peer>(
    name: &str,
    database: SocketAddr,
    service: &mut Service,
    scale: Scale,
) -> Result<Vec<Comparison>> {
    let row = |(place, size): (usize, &usize)| {
        let room = Room { number: world::sized_room(place), members: world::members(*size).collect() };
        let room = Arc::new(room);
        Comparison::run(
            &format!("a post to a room of {} members, against {name}", grouped(*size)),
            Bar::Rate,
            scale.rounds,
            || {
                let room = room.clone();
                peers::bare::<P, _>(database, POSTERS, BARE_SAMPLE, move |connection, _| {
                    let room = room.clone();
                    async move { connection.post(&room).await }
                })
            },
            || {
                let start = Instant::now();
                service.post_to_sized_room(place, POSTS_A_SAMPLE)?;
                Ok(Sample { count: POSTS_A_SAMPLE, time: start.elapsed() })
            },
        )
    };
    SIZES.iter().enumerate().map(row).collect()
}

pub(super) fn plot(curves: Vec<Curve>) -> Plot {
    Plot {
        name: "posts-against-peers",
        title: "Rate of posts against Redis and PostgreSQL, by size of the room".to_owned(),
        form: Form::Curves(Curves {
            across: "members of the room".to_owned(),
            labels: SIZES.map(grouped).into(),
            up: "times the peer's rate".to_owned(),
            scale: plot::Scale::Logarithmic,
            curves,
            promised: None,
        }),
    }
}
