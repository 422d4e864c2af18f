//! Serving a router on a listener until told to stop: one task accepts, and hands each connection to one
//! of the threads, where it stays.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// How long to wait after a connection could not be accepted, mostly because the process has too
/// many files open: time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// So many requests between two sleeps of a thread are a sign that the machine is busy.
const BUSY_REQUESTS: u32 = 8;

thread_local! {
    /// Requests since this thread last had nothing to do.
    static REQUESTS: Cell<u32> = const { Cell::new(0) };
}

/// How long clients may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From being ready for a request to having all of its headers. An idle connection is closed
    /// after this time too.
    pub header_read_timeout: Duration,
    /// From being told to stop to closing the connections that are still open.
    pub shutdown_grace: Duration,
}

/// Threads that answer requests.
///
/// Each has a scheduler of its own, so that a request wakes nobody but the thread that answers it.
#[derive(Debug)]
pub struct Server {
    threads: Vec<Thread>,
}

#[derive(Debug)]
struct Thread {
    connections: UnboundedSender<std::net::TcpStream>,
    ended: oneshot::Receiver<()>,
}

impl Server {
    /// Starts so many threads that answer with this router. They wait for [`serve`](Self::serve), and end
    /// with it or when the server is dropped.
    ///
    /// # Errors
    ///
    /// The operating system has no more threads or files for this process.
    pub fn start(router: &Router, limits: Limits, threads: NonZeroUsize) -> io::Result<Self> {
        let thread = |number| Thread::start(number, router.clone(), limits);
        Ok(Self { threads: (0..threads.get()).map(thread).collect::<io::Result<_>>()? })
    }

    /// Answers requests on `listener` until `shutdown` is ready; then takes no new ones, finishes
    /// those that have arrived, and returns when all connections are closed or the grace is over.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        // In turn: clients keep their connections, and each is as busy as the next.
        let mut turns = (0..self.threads.len()).cycle();
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = listener.accept() => accepted.and_then(|(stream, _)| stream.into_std()),
            };
            match accepted {
                Ok(stream) => {
                    let turn = turns.next().expect("there is at least one thread");
                    // A thread ends only after this sender has.
                    let _ = self.threads[turn].connections.send(stream);
                }
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

impl Thread {
    fn start(number: usize, router: Router, limits: Limits) -> io::Result<Self> {
        let (connections, received) = unbounded_channel();
        let (running, ended) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().on_thread_park(let_others_run).build()?;
        let name = format!("http-{number}");
        thread::Builder::new()
            .name(name)
            .spawn(move || answer(&runtime, &router, limits, received, running))?;
        Ok(Self { connections, ended })
    }
}

/// One thread: its connections, until there are no new ones and all have ended.
fn answer(
    runtime: &Runtime,
    router: &Router,
    limits: Limits,
    mut received: UnboundedReceiver<std::net::TcpStream>,
    _running: oneshot::Sender<()>,
) {
    runtime.block_on(async {
        let (open, closing) = watch::channel(());
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Some(_) = connections.join_next() => {}
                stream = received.recv() => match stream.map(TcpStream::from_std) {
                    None => break,
                    Some(Ok(stream)) => {
                        let timeout = limits.header_read_timeout;
                        connections.spawn(connection(stream, router.clone(), timeout, closing.clone()));
                    }
                    Some(Err(error)) => tracing::warn!(%error, "a connection could not be taken over"),
                },
            }
        }
        drop(open);
        let closed = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(limits.shutdown_grace, closed).await.is_err() {
            tracing::warn!(connections = connections.len(), "connections still open, closing them");
            connections.shutdown().await;
        }
    });
}

/// Before a thread sleeps: those who share its core may be about to send more requests, which are then answered
/// in one go, without a sleep and a waking for each. With few requests, though, nobody should get ahead of the next.
fn let_others_run() {
    if REQUESTS.take() >= BUSY_REQUESTS {
        thread::yield_now();
    }
}

/// Counts the requests of a thread on their way to the router.
struct Counted(TowerToHyperService<Router>);

impl Service<Request<Incoming>> for Counted {
    type Response = Response;
    type Error = Infallible;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        REQUESTS.set(REQUESTS.get().saturating_add(1));
        self.0.call(request)
    }
}

/// One connection, until it ends or, after `closing`, until the request that it has begun is
/// answered.
async fn connection(
    stream: TcpStream,
    router: Router,
    header_read_timeout: Duration,
    mut closing: watch::Receiver<()>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_read_timeout)
            // Answers are short: to copy one behind its head costs less than to send two pieces.
            .writev(false)
            .serve_connection(TokioIo::new(stream), Counted(TowerToHyperService::new(router)))
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // Nothing is ever sent: this is the sender being dropped.
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
