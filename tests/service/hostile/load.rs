//! Clients who want to do harm.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::setpriority_process;
use tests::until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How many connections are idle.
pub(crate) const IDLE: usize = 10_000;
/// From so many addresses.
const ADDRESSES: usize = 20;
/// So many clients at once, each with a connection.
const CLIENTS: u32 = 20;
/// The most requests, new connections, or single bytes a second, of all hostile clients together.
const PER_SECOND: u32 = 2_000;
/// How many send their head byte by byte.
const SLOW: u32 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Each with another token that nobody has signed.
    ForgedTokens,
    /// One user with a good token.
    Flood,
    /// Lines, headers, paths and bodies that are too long, too many, or nothing of the kind.
    Oversized,
    /// A byte now and then.
    Slowloris,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::ForgedTokens, Self::Flood, Self::Oversized, Self::Slowloris];

    /// The statuses that they may be answered with.
    pub(crate) fn answers(self) -> &'static [u16] {
        match self {
            Self::ForgedTokens => &[401],
            Self::Flood => &[200, 429],
            Self::Oversized => &[400, 405, 414, 431],
            Self::Slowloris => &[],
        }
    }

    fn request(self, number: u64, token: &str) -> Vec<u8> {
        let ask = |token: &str| {
            format!(
                "GET /me/badge HTTP/1.1\r\nIM-CLIENT-KEY: demo-client-key\r\nIM-Authorization: {token}\r\n\r\n"
            )
        };
        let request = match self {
            Self::Flood | Self::Slowloris => ask(token),
            Self::ForgedTokens => {
                let signed = token.rsplit_once('.').expect("a token has a signature").0;
                ask(&format!("{signed}.{number:043}"))
            }
            Self::Oversized => match number % 5 {
                0 => format!("GET /me/badge HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(70_000)),
                1 => format!("GET /me/badge HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(200)),
                2 => format!("GET /me/badge?{} HTTP/1.1\r\n\r\n", "x".repeat(40_000)),
                3 => format!(
                    "POST /me/badge HTTP/1.1\r\nContent-Length: 9000000000\r\n\r\n{}",
                    "x".repeat(50_000)
                ),
                _ => format!("{}\r\n\r\n", "nonsense".repeat(1_000)),
            },
        };
        request.into_bytes()
    }
}

/// How often each status was answered; 0 stands for the end of the connection without an answer.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeMap<u16, u64>);

impl Seen {
    pub(crate) fn add(&mut self, other: &Self) {
        for (status, count) in &other.0 {
            *self.0.entry(*status).or_default() += count;
        }
    }

    pub(crate) fn answered(&self, status: u16) -> u64 {
        self.0.get(&status).copied().unwrap_or(0)
    }

    pub(crate) fn closed(&self) -> u64 {
        self.answered(0)
    }

    /// Whether there was no other status, connections at their end aside.
    pub(crate) fn only(&self, statuses: &[u16]) -> bool {
        self.0.keys().all(|status| *status == 0 || statuses.contains(status))
    }
}

/// Hostile clients at work, until this is dropped.
pub(crate) struct Attack {
    stop: Arc<AtomicBool>,
    opened: Arc<AtomicUsize>,
    thread: Option<JoinHandle<Seen>>,
}

impl Attack {
    pub(crate) fn begin(kind: Kind, server: SocketAddr, token: String) -> Self {
        Self::with(move |stop, _| clients(kind, server, token, 1, stop))
    }

    /// With a quarter of the rate.
    pub(crate) fn begin_quarter(kind: Kind, server: SocketAddr, token: String) -> Self {
        Self::with(move |stop, _| clients(kind, server, token, 4, stop))
    }

    /// Opens [`IDLE`] connections, asks once on each, and keeps them.
    pub(crate) fn idle(server: SocketAddr) -> Self {
        Self::with(move |stop, opened| idle(server, stop, opened))
    }

    fn with<F: Future<Output = Seen>>(
        work: impl FnOnce(Arc<AtomicBool>, Arc<AtomicUsize>) -> F + Send + 'static,
    ) -> Self {
        let (stop, opened) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (its_stop, its_opened) = (Arc::clone(&stop), Arc::clone(&opened));
        let thread = std::thread::spawn(move || {
            // They share a core with those who are measured, and must not keep these from it.
            setpriority_process(None, 10).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(work(its_stop, its_opened))
        });
        Self { stop, opened, thread: Some(thread) }
    }

    /// Waits until all idle connections are open.
    pub(crate) fn opened(self) -> Self {
        until("idle connections", || {
            let opened = self.opened.load(Ordering::Relaxed);
            if opened >= IDLE { Ok(()) } else { Err(opened) }
        });
        self
    }

    /// Ends it; what became of it.
    pub(crate) fn end(mut self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // If it has panicked, whoever drops it is told by what it did not do.
            let _ = thread.join();
        }
    }
}

async fn clients(kind: Kind, server: SocketAddr, token: String, part: u32, stop: Arc<AtomicBool>) -> Seen {
    let numbers = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    let count = if kind == Kind::Slowloris { SLOW } else { CLIENTS } / part;
    for _ in 0..count {
        let (token, stop, numbers) = (token.clone(), Arc::clone(&stop), Arc::clone(&numbers));
        if kind == Kind::Slowloris {
            tasks.spawn(async move { slow_client(server, &kind.request(0, &token), &stop).await });
        } else {
            tasks.spawn(async move { client(kind, server, &token, &numbers, &stop).await });
        }
    }
    let mut seen = Seen::default();
    while let Some(of_one) = tasks.join_next().await {
        seen.add(&of_one.unwrap());
    }
    seen
}

/// Asks at its part of the rate, over one connection as long as that lasts.
async fn client(kind: Kind, server: SocketAddr, token: &str, numbers: &AtomicU64, stop: &AtomicBool) -> Seen {
    // What is large takes the machine longer to send than the service to refuse.
    let slower = if kind == Kind::Oversized { 4 } else { 1 };
    let mut ticks = interval(Duration::from_secs(1) * CLIENTS * slower / PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut seen = Seen::default();
    let mut kept = None;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => TcpStream::connect(server).await.unwrap(),
        };
        let request = kind.request(numbers.fetch_add(1, Ordering::Relaxed), token);
        let (status, goes_on) = exchange(&mut stream, &request).await;
        *seen.0.entry(status).or_default() += 1;
        if goes_on {
            kept = Some(stream);
        }
    }
    seen
}

/// Sends a request; the status of the answer, and whether the connection may be used again.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> (u16, bool) {
    // The service may refuse before it has all of it.
    let is_sent = stream.write_all(request).await.is_ok();
    let mut bytes = Vec::new();
    let answer = async {
        // Every answer here ends like this, and none has two closing braces before its end.
        while !bytes.ends_with(b"}}") && matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {}
    };
    timeout(Duration::from_secs(20), answer).await.expect("an answer, or the end");
    let answer = String::from_utf8(bytes).unwrap();
    let status = answer.get(9..12).map_or(0, |status| status.parse().unwrap());
    (status, is_sent && status != 0 && !answer.contains("\r\nconnection: close\r\n"))
}

/// Sends a byte now and then, again and again from the beginning.
async fn slow_client(server: SocketAddr, request: &[u8], stop: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let mut stream = TcpStream::connect(server).await.unwrap();
        for byte in request {
            sleep(Duration::from_secs(1) * SLOW / PER_SECOND).await;
            let is_sent = stream.write_all(&[*byte]).await.is_ok();
            if stop.load(Ordering::Relaxed) || !is_sent || is_closed(&stream) {
                break;
            }
        }
        *seen.0.entry(0).or_default() += 1;
    }
    seen
}

/// Whether the other side has closed.
fn is_closed(stream: &TcpStream) -> bool {
    !matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

async fn idle(server: SocketAddr, stop: Arc<AtomicBool>, opened: Arc<AtomicUsize>) -> Seen {
    let mut ticks = interval(Duration::from_millis(1));
    // The clock of a busy machine does not catch up: it would open them in bursts.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut kept = Vec::new();
    while kept.len() < IDLE && !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        for _ in 0..PER_SECOND / 1_000 {
            let socket = TcpSocket::new_v4().unwrap();
            let source = [127, 0, 1, u8::try_from(kept.len() % ADDRESSES).unwrap()];
            socket.bind((source, 0).into()).unwrap();
            let mut stream = socket.connect(server).await.unwrap();
            let (status, goes_on) = exchange(&mut stream, b"GET / HTTP/1.1\r\n\r\n").await;
            assert!(status == 404 && goes_on, "{status}");
            kept.push(stream);
            opened.store(kept.len(), Ordering::Relaxed);
        }
    }
    while !stop.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(20)).await;
    }
    Seen(BTreeMap::from([(404, kept.len() as u64)]))
}
