//! Serving routes on a listener until told to stop: one task accepts, and hands each connection to one
//! of the threads, where it stays.

use std::io::{self, Write as _};
use std::net::Shutdown;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::body::AllBodies;
use super::connection::Host;
use super::desk::Rules;
use super::metrics::Connections;
use super::places::{Place, Places};
use super::{Cors, Limits, Tls, TurnedAway, turns};
use crate::{Metrics, Routes};

/// How long to wait after a connection could not be accepted, mostly because the process has too
/// many files open: time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What stands before the routes.
#[derive(Debug, Clone, Default)]
pub struct Front {
    /// What clients may take.
    pub limits: Limits,
    /// The certificate, if connections are encrypted. They may speak HTTP/2 then, and only HTTP/1 otherwise.
    pub tls: Option<Tls>,
    /// Which web pages may ask.
    pub cors: Cors,
    /// Where to count.
    pub metrics: Metrics,
}

/// Not encrypted, for no web pages, and not counted.
impl From<Limits> for Front {
    fn from(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }
}

/// Threads that answer requests.
///
/// Each has a scheduler of its own, so that a request wakes nobody but the thread that answers it.
#[derive(Debug)]
pub struct Server {
    threads: Vec<Thread>,
    front: Front,
}

#[derive(Debug)]
struct Thread {
    connections: UnboundedSender<Accepted>,
    ended: oneshot::Receiver<()>,
}

/// A connection on its way to a thread.
type Accepted = (std::net::TcpStream, Place);

impl Server {
    /// Starts so many threads that answer with these routes. They wait for [`serve`](Self::serve), and end
    /// with it or when the server is dropped.
    ///
    /// # Errors
    ///
    /// The operating system has no more threads or files for this process.
    pub fn start(
        routes: impl Into<Routes>,
        front: impl Into<Front>,
        threads: NonZeroUsize,
    ) -> io::Result<Self> {
        let routes = routes.into();
        let front = front.into();
        let limits = front.limits;
        let bodies = AllBodies::new(limits.all_bodies_bytes);
        let thread = |number| {
            // Not shared: requests take counted references to it.
            let rules = Rules {
                limits,
                in_flight: limits.requests_in_flight.div_ceil(threads.get()),
                bodies: Arc::clone(&bodies),
                cors: front.cors.clone(),
                metrics: front.metrics.listener.clone(),
            };
            let host = Host::new(routes.apart(), rules, front.tls.clone());
            Thread::start(number, host, limits.shutdown_grace)
        };
        let threads = (0..threads.get()).map(thread).collect::<io::Result<_>>()?;
        Ok(Self { threads, front })
    }

    /// Answers requests on `listener` until `shutdown` is ready; then takes no new ones, finishes
    /// those that have arrived, and returns when all connections are closed or the grace is over.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let limits = &self.front.limits;
        let places = Places::new(limits.connections, limits.connections_per_address);
        // In turn: clients keep their connections, and each is as busy as the next.
        let mut turns = (0..self.threads.len()).cycle();
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = listener.accept() => accepted,
            };
            let accepted = accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer)));
            match accepted {
                Ok((stream, peer)) => match places.take(peer.ip()) {
                    Ok(place) => {
                        let turn = turns.next().expect("there is at least one thread");
                        // A thread ends only after this sender has.
                        let _ = self.threads[turn].connections.send((stream, place));
                    }
                    Err(full) => {
                        self.front.metrics.listener.closed(Connections::Full(full));
                        if self.front.tls.is_none() {
                            tell(&stream, TurnedAway::Overloaded);
                        }
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        let ended: Vec<_> = self.threads.into_iter().map(|thread| thread.ended).collect();
        for ended in ended {
            // Nothing is ever sent: this is the sender being dropped.
            let _ = ended.await;
        }
    }
}

/// Answers whatever a client may be about to ask on a new connection that can't be taken. It has room for that, so
/// nobody waits; and whether it arrives is up to the client.
fn tell(mut stream: &std::net::TcpStream, reason: TurnedAway) {
    let told = stream.write_all(&reason.bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
    if let Err(error) = told {
        tracing::debug!(%error, "a client could not be told that there are too many connections");
    }
}

impl Thread {
    fn start(number: usize, host: Host, grace: Duration) -> io::Result<Self> {
        let (connections, received) = unbounded_channel();
        let (running, ended) = oneshot::channel();
        let runtime =
            Builder::new_current_thread().enable_all().on_thread_park(turns::before_sleep).build()?;
        let name = format!("http-{number}");
        thread::Builder::new().name(name).spawn(move || answer(&runtime, &host, grace, received, running))?;
        Ok(Self { connections, ended })
    }
}

/// One thread: its connections, until there are no new ones and all have ended.
fn answer(
    runtime: &Runtime,
    host: &Host,
    grace: Duration,
    mut received: UnboundedReceiver<Accepted>,
    _running: oneshot::Sender<()>,
) {
    runtime.block_on(async {
        let (open, closing) = watch::channel(());
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Some(_) = connections.join_next() => {}
                accepted = received.recv() => {
                    let Some((stream, place)) = accepted else { break };
                    match TcpStream::from_std(stream) {
                        Ok(stream) => {
                            connections.spawn(host.clone().serve(stream, place, closing.clone()));
                        }
                        Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
                    }
                }
            }
        }
        drop(open);
        let closed = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, closed).await.is_err() {
            tracing::warn!(connections = connections.len(), "connections still open, closing them");
            connections.shutdown().await;
        }
    });
}
