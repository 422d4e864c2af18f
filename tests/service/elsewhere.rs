//! A server that the service asks: it says what it is told to, over HTTP or HTTPS.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What is said to whoever asks.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    Json(String),
    Status(u16),
    /// Go elsewhere.
    Moved(String),
    /// A byte now and then.
    Slowly,
    /// More and more.
    Endlessly,
}

/// The server. It ends when it is dropped.
pub(crate) struct Elsewhere {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    says: Mutex<Says>,
    heard: Mutex<Vec<String>>,
    ends: AtomicBool,
    tls: Option<Arc<ServerConfig>>,
}

impl Elsewhere {
    pub(crate) fn http(says: Says) -> Self {
        Self::start("http", says, None)
    }

    /// With the certificate in `data`, which only who trusts `data/ca.pem` trusts.
    pub(crate) fn https(says: Says) -> Self {
        let certificate = CertificateDer::from_pem_slice(include_bytes!("data/server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("data/server.key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        Self::start("https", says, Some(Arc::new(config)))
    }

    fn start(scheme: &'static str, says: Says, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, ends) = (Mutex::default(), AtomicBool::new(false));
        let shared = Arc::new(Shared { says: Mutex::new(says), heard, ends, tls });
        let of_thread = Arc::clone(&shared);
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                if of_thread.ends.load(Ordering::Relaxed) {
                    break;
                }
                let shared = Arc::clone(&of_thread);
                // Clients go away, and don't always say so.
                thread::spawn(move || stream.map(|stream| shared.answer_over(stream)));
            }
        });
        Self { address, scheme, shared, accepting: Some(accepting) }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub(crate) fn says(&self, says: Says) {
        *self.shared.says.lock().unwrap() = says;
    }

    /// What was asked so far, heads and bodies.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.shared.heard.lock().unwrap().clone()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn answer_over(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        match &self.tls {
            None => self.answer(stream),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                self.answer(StreamOwned::new(connection, stream))
            }
        }
    }

    fn answer(&self, stream: impl Read + Write) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        let (mut request, mut length) = (String::new(), 0);
        loop {
            let begin = request.len();
            if stream.read_line(&mut request)? == 0 {
                return Ok(());
            }
            match request[begin..].trim().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().map_err(io::Error::other)?;
                }
                None if request[begin..].trim().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        request += &String::from_utf8_lossy(&body);
        self.heard.lock().unwrap().push(request);
        let says = self.says.lock().unwrap().clone();
        self.say(stream.get_mut(), says)
    }

    fn say(&self, to: &mut impl Write, says: Says) -> io::Result<()> {
        let closing = "Connection: close\r\n\r\n";
        match says {
            Says::Json(body) => {
                write!(to, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{closing}{body}", body.len())
            }
            Says::Status(status) => write!(to, "HTTP/1.1 {status} No\r\nContent-Length: 2\r\n{closing}{{}}"),
            Says::Moved(url) => {
                write!(to, "HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n{closing}")
            }
            Says::Slowly => {
                write!(to, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n{closing}")?;
                while !self.ends.load(Ordering::Relaxed) {
                    to.write_all(b" ")?;
                    to.flush()?;
                    thread::sleep(Duration::from_millis(200));
                }
                Ok(())
            }
            Says::Endlessly => {
                write!(to, "HTTP/1.1 200 OK\r\n{closing}")?;
                while !self.ends.load(Ordering::Relaxed) {
                    to.write_all(&[b' '; 64 * 1024])?;
                }
                Ok(())
            }
        }?;
        to.flush()
    }
}
