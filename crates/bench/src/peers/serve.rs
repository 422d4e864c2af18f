//! The peers' HTTP face, which is the service's own, and their databases asked without it.

use std::collections::HashMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{ThreadId, available_parallelism};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use parking_lot::Mutex;
use query::{Limits, Server};
use tokio::net::TcpListener;
use tokio::sync::OnceCell;

use super::Peer;
use crate::program::announce;
use crate::side_by_side::Sample;

/// One connection for each thread that answers: it is the thread's own runtime that drives it.
struct Connections<P> {
    database: SocketAddr,
    of_threads: Mutex<HashMap<ThreadId, Arc<OnceCell<P>>>>,
}

impl<P: Peer> Connections<P> {
    async fn of_this_thread(&self) -> Result<P> {
        let cell = self.of_threads.lock().entry(std::thread::current().id()).or_default().clone();
        Ok(cell.get_or_try_init(|| P::connect(self.database)).await?.clone())
    }

    async fn badge(&self, headers: &HeaderMap) -> Result<u64> {
        let token = headers.get("im-authorization").context("no token")?.to_str()?;
        let user = token.strip_prefix("Bearer ").context("no bearer")?;
        self.of_this_thread().await?.badge(user).await
    }
}

async fn me_badge<P: Peer>(
    State(connections): State<Arc<Connections<P>>>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let (status, body) = match connections.badge(&headers).await {
        Ok(badge) => (StatusCode::OK, format!(r#"{{"RC":0,"RM":"OK","result":{{"badge":{badge}}}}}"#)),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")),
    };
    (status, [(CONTENT_TYPE, "application/json")], body)
}

/// Answers until the process ends.
pub(crate) fn serve<P: Peer>(database: SocketAddr) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let connections = Connections::<P> { database, of_threads: Mutex::default() };
        let router = Router::new().route("/me/badge", get(me_badge::<P>)).with_state(Arc::new(connections));
        let server = Server::start(router, Limits::default(), available_parallelism()?)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        announce(&listener)?;
        server.serve(listener, pending()).await;
        Ok(())
    })
}

/// How often so many askers at once do something over one connection a core, without any HTTP.
pub(crate) fn bare<P: Peer, F: Future<Output = Result<()>> + Send>(
    database: SocketAddr,
    askers: usize,
    time: Duration,
    ask: impl Fn(P, usize) -> F + Clone + Send + Sync + 'static,
) -> Result<Sample> {
    let cores = available_parallelism()?.get();
    let turn = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            let (turn, ask) = (turn.clone(), ask.clone());
            std::thread::spawn(move || -> Result<usize> {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(async {
                    let connection = P::connect(database).await?;
                    let asker = || async {
                        let mut asked = 0;
                        while start.elapsed() < time {
                            ask(connection.clone(), turn.fetch_add(1, Ordering::Relaxed)).await?;
                            asked += 1;
                        }
                        anyhow::Ok(asked)
                    };
                    let asked = futures::future::try_join_all((0..askers.div_ceil(cores)).map(|_| asker()));
                    Ok(asked.await?.into_iter().sum())
                })
            })
        })
        .collect();
    let mut count = 0;
    for thread in threads {
        count += thread.join().expect("asking does not panic")?;
    }
    Ok(Sample { count, time: start.elapsed() })
}
