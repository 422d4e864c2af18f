//! A closed loop of requests over kept connections: each sends its next request when it has its answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::side_by_side::Sample;

/// A whole request, as it goes over the wire.
pub(crate) type Request = Box<[u8]>;

/// What a load found out.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) time: Duration,
    /// From the first byte of a request until its whole answer is there, ascending.
    pub(crate) latencies: Vec<Duration>,
}

impl Answered {
    pub(crate) fn sample(self) -> Sample {
        Sample { count: self.latencies.len(), time: self.time }
    }

    /// The latency below which this share of the answers came.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        percentile(&self.latencies, share)
    }
}

/// The time below which this share of the times lies, which are ascending.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a count of answers is far below 2^52"
)]
pub(crate) fn percentile(times: &[Duration], share: f64) -> Duration {
    let place = (times.len() as f64 * share) as usize;
    times[place.min(times.len() - 1)]
}

/// Sends these requests in turn, over so many connections, for so long. One thread does it all, as cheaply
/// as it can: what it takes, the server can't have.
pub(crate) fn run(
    server: SocketAddr,
    requests: &Arc<[Request]>,
    connections: usize,
    time: Duration,
) -> Result<Answered> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tasks = Vec::new();
        let start = Instant::now();
        for place in 0..connections {
            let requests = requests.clone();
            // Connections begin at different requests, so that no two ask for the same at once.
            let first = place * requests.len() / connections;
            tasks.push(tokio::spawn(client(server, requests, first, start + time)));
        }
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.append(&mut task.await??);
        }
        let time = start.elapsed();
        ensure!(!latencies.is_empty(), "{server} gave no answer within {time:?}");
        latencies.sort_unstable();
        Ok(Answered { time, latencies })
    })
}

/// The body of the answer to one request.
pub(crate) fn body(server: SocketAddr, request: &Request) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(server).await?;
        let answer = connection.ask(request).await?;
        let head = head_length(answer).context("a whole answer has a head")?;
        Ok(String::from_utf8(answer[head..].to_vec())?)
    })
}

async fn client(
    server: SocketAddr,
    requests: Arc<[Request]>,
    first: usize,
    until: Instant,
) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(server).await?;
    let mut latencies = Vec::new();
    let mut begun = Instant::now();
    for request in requests.iter().cycle().skip(first) {
        connection.ask(request).await?;
        let now = Instant::now();
        latencies.push(now - begun);
        begun = now;
        if now >= until {
            break;
        }
    }
    Ok(latencies)
}

/// One of many requests at a steady rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    pub(crate) done: Instant,
    /// What had to wait for the answer before it, waited since it was due.
    pub(crate) latency: Duration,
    /// Its Badge-Seq.
    pub(crate) sequence: u64,
}

pub(crate) const PACED_CONNECTIONS: usize = 50;
/// Who asks has the processor for so long at a time.
const SLICE: Duration = Duration::from_micros(200);

/// When a steady load ends.
#[derive(Debug, Clone)]
pub(crate) enum End {
    After(Duration),
    /// With the first badges that have this sequence, which may be lowered to it in the meantime.
    Seen(Arc<AtomicU64>),
}

impl End {
    /// Which is written to already: to be given new memory in the meantime, 2 MiB at a time, takes milliseconds.
    fn room_for_reads(&self, start: Instant, period: Duration) -> Result<Vec<Read>> {
        let Self::After(time) = self else { return Ok(Vec::new()) };
        let count = usize::try_from(time.as_nanos().div_ceil(period.as_nanos()))?;
        let mut reads = vec![Read { done: start, latency: Duration::ZERO, sequence: 0 }; count];
        reads.clear();
        Ok(reads)
    }
}

/// Sends so many requests a second; returns them in the order in which they were answered.
///
/// From a thread of its own, with short slices of the processor: an app is on another machine, and how long it has to
/// wait for a processor of this one is not of interest.
pub(crate) fn paced(
    server: SocketAddr,
    requests: &Arc<[Request]>,
    a_second: usize,
    end: &End,
) -> Result<Vec<Read>> {
    let send = || {
        time_slice::ask_for(SLICE).context("the load can't ask for short slices of the processor")?;
        send_paced(server, requests, a_second, end)
    };
    thread::scope(|scope| scope.spawn(send).join().unwrap_or_else(|_| bail!("who asks for badges panicked")))
}

fn send_paced(
    server: SocketAddr,
    requests: &Arc<[Request]>,
    a_second: usize,
    end: &End,
) -> Result<Vec<Read>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let period = Duration::from_secs(1) * u32::try_from(PACED_CONNECTIONS)? / u32::try_from(a_second)?;
    runtime.block_on(async {
        let start = Instant::now();
        let mut tasks = Vec::new();
        for place in 0..PACED_CONNECTIONS {
            let requests = requests.clone();
            let first = place * requests.len() / PACED_CONNECTIONS;
            let offset = period * u32::try_from(place)? / u32::try_from(PACED_CONNECTIONS)?;
            tasks.push(tokio::spawn(paced_client(
                server,
                requests,
                first,
                start + offset,
                period,
                end.clone(),
            )));
        }
        let mut reads = Vec::new();
        for task in tasks {
            reads.append(&mut task.await??);
        }
        reads.sort_unstable_by_key(|read| read.done);
        Ok(reads)
    })
}

async fn paced_client(
    server: SocketAddr,
    requests: Arc<[Request]>,
    first: usize,
    mut due: Instant,
    period: Duration,
    end: End,
) -> Result<Vec<Read>> {
    let mut connection = Connection::open(server).await?;
    let mut reads = end.room_for_reads(due, period)?;
    let start = due;
    for request in requests.iter().cycle().skip(first) {
        let mut begun = due;
        if Instant::now() < due {
            tokio::time::sleep_until(due.into()).await;
            // Timers are late by up to a millisecond, which is not the server's doing.
            begun = Instant::now();
        }
        let answer = connection.ask(request).await?;
        let sequence = number_after(answer, b"badge-seq: ").context("a badge without Badge-Seq")?;
        let done = Instant::now();
        reads.push(Read { done, latency: done - begun, sequence });
        due += period;
        let is_over = match &end {
            End::After(time) => due >= start + *time,
            End::Seen(last) => sequence >= last.load(Ordering::Relaxed),
        };
        if is_over {
            break;
        }
    }
    Ok(reads)
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads the answer to its last byte.
    async fn ask(&mut self, request: &Request) -> Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        while !is_whole(&self.buffer)? {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "the connection was closed in the middle of an answer");
        }
        Ok(&self.buffer)
    }
}

fn head_length(answer: &[u8]) -> Option<usize> {
    Some(answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4)
}

/// Only 200 is an answer.
fn is_whole(answer: &[u8]) -> Result<bool> {
    let Some(head) = head_length(answer) else { return Ok(false) };
    if !answer.starts_with(b"HTTP/1.1 200") {
        bail!("no answer: {}", String::from_utf8_lossy(answer));
    }
    let length =
        number_after(&answer[..head], b"content-length: ").context("an answer without its length")?;
    Ok(answer.len() as u64 >= head as u64 + length)
}

/// The number behind a name. Names come in lower case from this HTTP library.
fn number_after(answer: &[u8], name: &[u8]) -> Option<u64> {
    let start = answer.windows(name.len()).position(|found| found == name)? + name.len();
    let digits = answer[start..].iter().take_while(|digit| digit.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nbadge-seq: 12\r\ncontent-length: 4\r\n\r\nbody";

    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
        for length in 0..ANSWER.len() {
            assert!(!is_whole(&ANSWER[..length]).unwrap(), "{length}");
        }
        assert!(is_whole(ANSWER).unwrap());
        assert_eq!(number_after(ANSWER, b"badge-seq: "), Some(12));
        assert_eq!(number_after(ANSWER, b"retry-after: "), None);
    }

    #[test]
    fn only_200_with_a_length_is_an_answer() {
        assert!(is_whole(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").is_err());
        assert!(is_whole(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn percentiles_of_ascending_times() {
        let times: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 0.5), Duration::from_millis(51));
        assert_eq!(percentile(&times, 0.99), Duration::from_millis(100));
        assert_eq!(percentile(&times, 1.0), Duration::from_millis(100));
    }
}
