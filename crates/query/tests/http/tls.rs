//! TLS: the handshake, HTTP/2, another certificate while it runs, and the end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, Version};
use axum::routing::get;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use query::{Front, Limits, Metrics, Tls, TlsError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::server::{Server, limits, read_all};
use crate::support::{Service, badge_request, token_of};

pub(crate) const ONE: (&[u8], &[u8]) =
    (include_bytes!("../data/tls-one.pem"), include_bytes!("../data/tls-one.key.pem"));
const TWO: (&[u8], &[u8]) =
    (include_bytes!("../data/tls-two.pem"), include_bytes!("../data/tls-two.key.pem"));

pub(crate) fn front(tls: &Tls, limits: Limits) -> Front {
    Front { limits, tls: Some(tls.clone()), metrics: Metrics::new(), ..Front::default() }
}

/// A connection by a client who trusts this certificate only and offers these protocols.
async fn connect(
    server: &Server,
    certificate: &[u8],
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await
}

fn agreed(stream: &TlsStream<TcpStream>) -> Option<String> {
    let protocol = stream.get_ref().1.alpn_protocol()?;
    Some(String::from_utf8(protocol.to_vec()).unwrap())
}

pub(crate) type Sender = SendRequest<Body>;

pub(crate) async fn http2(server: &Server) -> (Sender, tokio::task::JoinHandle<hyper::Result<()>>) {
    let stream = connect(server, ONE.0, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(agreed(&stream).as_deref(), Some("h2"));
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = handshake.unwrap();
    (sender, tokio::spawn(connection))
}

async fn ask(sender: &mut Sender, target: &str) -> hyper::Result<Response<Incoming>> {
    let uri = format!("https://localhost{target}");
    sender.send_request(Request::get(uri).body(Body::empty()).unwrap()).await
}

fn router(reached: &Arc<Notify>, go_on: &Arc<Notify>) -> Router {
    let (reached, go_on) = (Arc::clone(reached), Arc::clone(go_on));
    let slow = move || async move {
        reached.notify_one();
        go_on.notified().await;
        "done"
    };
    Router::new().route("/", get(|| async { "fine" })).route("/slow", get(slow))
}

fn plain_router() -> Router {
    router(&Arc::default(), &Arc::default())
}

#[tokio::test]
async fn http_1_and_2_are_agreed_on_in_the_handshake() {
    let tls = Tls::new(ONE.0, ONE.1).unwrap();
    let server = Server::start(plain_router(), front(&tls, limits())).await;
    for (offered, expected) in [
        (&["http/1.1"][..], Some("http/1.1")),
        (&["h2", "http/1.1"], Some("h2")),
        (&["h2"], Some("h2")),
        (&[], None),
    ] {
        let mut stream = connect(&server, ONE.0, offered).await.unwrap();
        assert_eq!(agreed(&stream).as_deref(), expected);
        if expected != Some("h2") {
            stream.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await.unwrap();
            let answer = read_all(&mut stream).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("fine"), "{answer}");
        }
    }
    let (mut sender, _) = http2(&server).await;
    let response = ask(&mut sender, "/").await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
    drop(sender);
    server.stop().await;
}

/// RFC 9110, section 8.6: the length is that of the body which the asker has. Nothing waits for it.
#[tokio::test]
async fn a_body_that_the_asker_has_is_not_sent_again_with_http_2() {
    let tls = Tls::new(ONE.0, ONE.1).unwrap();
    let server = Server::start(Service::new().routes, front(&tls, limits())).await;
    let (mut sender, _connection) = http2(&server).await;
    for (known, status, length) in [("\"0\"", 304, 0), ("\"1\"", 200, 39)] {
        let mut request = badge_request("demo-client-key", &token_of("ann"));
        *request.uri_mut() = "https://localhost/me/badge".parse().unwrap();
        request.headers_mut().insert("if-none-match", known.parse().unwrap());
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), status, "{known}");
        assert_eq!(response.headers()["content-length"], "39", "{known}");
        assert_eq!(to_bytes(Body::new(response.into_body()), 100).await.unwrap().len(), length, "{known}");
    }
    drop(sender);
    server.stop().await;
}

/// Without TLS, HTTP/2 is not spoken: whoever begins with it meets the end of the connection.
#[tokio::test]
async fn without_tls_there_is_no_http_2() {
    let server = Server::start(plain_router(), limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    assert_eq!(read_all(&mut stream).await, "");
    server.stop().await;
}

#[tokio::test]
async fn limits_of_requests_hold_for_http_2_and_leave_its_connection() {
    let tls = Tls::new(ONE.0, ONE.1).unwrap();
    let limits = Limits { uri_bytes: 1_024, headers: 5, ..limits() };
    let server = Server::start(plain_router(), front(&tls, limits)).await;
    let (mut sender, _) = http2(&server).await;
    let status =
        async |sender: &mut Sender, target: &str| ask(sender, target).await.unwrap().status().as_u16();
    assert_eq!(status(&mut sender, &format!("/{}", "?".repeat(1_023))).await, 200);
    assert_eq!(status(&mut sender, &format!("/{}", "?".repeat(1_024))).await, 414);
    for (headers, expected) in [(5, 200), (6, 431)] {
        let mut request = Request::get("https://localhost/").body(Body::empty()).unwrap();
        for number in 0..headers {
            let name = format!("x-{number}").parse::<axum::http::HeaderName>().unwrap();
            request.headers_mut().insert(name, "1".parse().unwrap());
        }
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status().as_u16(), expected, "{headers} headers");
        assert!(!response.headers().contains_key("connection"));
    }
    assert_eq!(status(&mut sender, "/").await, 200);
    drop(sender);
    server.stop().await;
}

#[tokio::test]
async fn another_certificate_is_shown_and_no_connection_dropped() {
    let tls = Tls::new(ONE.0, ONE.1).unwrap();
    let server = Server::start(plain_router(), front(&tls, limits())).await;
    let (mut sender, _) = http2(&server).await;
    assert_eq!(ask(&mut sender, "/").await.unwrap().status().as_u16(), 200);
    assert!(connect(&server, TWO.0, &[]).await.is_err());

    assert!(matches!(tls.replace(TWO.0, ONE.1), Err(TlsError::Unusable(_))));
    assert!(connect(&server, ONE.0, &[]).await.is_ok());

    tls.replace(TWO.0, TWO.1).unwrap();
    assert!(connect(&server, TWO.0, &[]).await.is_ok());
    assert!(connect(&server, ONE.0, &[]).await.is_err());
    assert_eq!(ask(&mut sender, "/").await.unwrap().status().as_u16(), 200);
    drop(sender);
    server.stop().await;
}

#[test]
fn what_is_no_certificate_with_its_key_is_refused() {
    assert!(matches!(Tls::new(b"", ONE.1), Err(TlsError::NoCertificate)));
    assert!(matches!(Tls::new(ONE.1, ONE.1), Err(TlsError::NoCertificate)));
    assert!(matches!(Tls::new(ONE.0, b""), Err(TlsError::NoKey)));
    assert!(matches!(Tls::new(ONE.0, ONE.0), Err(TlsError::NoKey)));
    assert!(matches!(Tls::new(ONE.0, TWO.1), Err(TlsError::Unusable(_))));
}

/// Whoever does not shake hands in time, or at all, is closed; others are served meanwhile.
#[tokio::test]
async fn a_handshake_may_take_so_long() {
    let tls = Tls::new(ONE.0, ONE.1).unwrap();
    // One that is in time has to end within it, on a busy machine too.
    let short = Duration::from_secs(2);
    let server =
        Server::start(plain_router(), front(&tls, Limits { tls_handshake_timeout: short, ..limits() })).await;
    let mut silent = server.connect().await;
    let mut half = server.connect().await;
    half.write_all(&[0x16, 3, 1, 0, 200, 1]).await.unwrap();
    let mut plain = server.connect().await;
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(connect(&server, ONE.0, &[]).await.is_ok());
    for stream in [&mut silent, &mut half] {
        assert_eq!(read_all(stream).await, "");
    }
    let mut bytes = Vec::new();
    // An alert, and nothing of HTTP.
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut plain, &mut bytes).await;
    assert!(!bytes.starts_with(b"HTTP"));
    server.stop().await;
}

/// GOAWAY: what has arrived is answered, and nothing new is taken.
#[tokio::test]
async fn http_2_drains() {
    let (reached, go_on) = (Arc::default(), Arc::default());
    let tls = Tls::new(ONE.0, ONE.1).unwrap();
    let server = Server::start(router(&reached, &go_on), front(&tls, limits())).await;
    let (mut sender, connection) = http2(&server).await;
    let mut asking = sender.clone();
    let slow = tokio::spawn(async move { ask(&mut asking, "/slow").await });
    reached.notified().await;
    let stopping = tokio::spawn(server.stop());
    // The client hears of it, and does not even try.
    while ask(&mut sender, "/").await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished() && !slow.is_finished());
    go_on.notify_one();
    assert_eq!(slow.await.unwrap().unwrap().status().as_u16(), 200);
    stopping.await.unwrap();
    connection.await.unwrap().unwrap();
}
