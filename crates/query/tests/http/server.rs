//! A listener of a test's own.

use std::net::SocketAddr;
use std::num::NonZero;
use std::time::Duration;

use query::{Front, Limits, Routes};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here may take, shorter than anybody waits.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) const THREADS: NonZero<usize> = NonZero::new(2).unwrap();

/// Nothing takes so long.
pub(crate) fn limits() -> Limits {
    Limits {
        first_byte_timeout: LONG,
        header_read_timeout: LONG,
        body_read_timeout: LONG,
        write_timeout: LONG,
        idle_timeout: LONG,
        tls_handshake_timeout: LONG,
        shutdown_grace: LONG,
        ..Limits::default()
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(routes: impl Into<Routes>, front: impl Into<Front>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { stopped.await.expect("a test stops its server") };
        let server = query::Server::start(routes, front, THREADS).unwrap();
        let served = tokio::spawn(server.serve(listener, shutdown));
        Self { address, stop, served }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        timeout(LONG / 2, self.served).await.expect("serving ends").unwrap();
    }
}

/// Reads up to the end of the head of an answer, or of the stream.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap() > 0 {}
    String::from_utf8(head).unwrap()
}

pub(crate) async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = String::new();
    timeout(LONG, stream.read_to_string(&mut all)).await.expect("the server closes").unwrap();
    all
}
