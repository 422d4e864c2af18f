//! What web pages are told, on the wire.

use query::{Cors, Front, Limits, Tenant, Tenants};
use tokio::io::AsyncWriteExt;

use crate::server::{Server, limits, read_all};
use crate::support::{Service, demo, other, token_of};

async fn server() -> Server {
    let tenants = vec![
        Tenant { allowed_origins: vec!["https://chat.example".to_owned()], ..demo() },
        Tenant { allowed_origins: vec!["https://shop.example".to_owned()], ..other() },
    ];
    let cors = Cors::new(&Tenants::new(tenants.clone()).unwrap());
    let limits = Limits { uri_bytes: 1_024, ..limits() };
    Server::start(Service::with(tenants, 100).routes, Front { limits, cors, ..Front::default() }).await
}

/// The status and the headers that are about pages, of the answer to a request with these lines.
async fn told(server: &Server, first: &str, lines: &[&str]) -> String {
    let mut request = format!("{first} HTTP/1.1\r\nConnection: close\r\n");
    for line in lines {
        request += &format!("{line}\r\n");
    }
    let mut stream = server.connect().await;
    stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
    let answer = read_all(&mut stream).await;
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let said = head.lines().filter(|line| line.starts_with("access-control-") || line.starts_with("vary"));
    let mut said: Vec<_> = said.collect();
    said.sort_unstable();
    format!("{} {}", &head[9..12], said.join(" "))
}

#[tokio::test]
async fn a_preflight_needs_no_credentials() {
    let server = server().await;
    let asks = [
        "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: im-authorization,im-client-key",
    ];
    let from = |origin: &'static str| [origin, asks[0], asks[1]];
    let allowed = |origin: &str| {
        format!(
            "204 access-control-allow-headers: IM-CLIENT-KEY, IM-Authorization, Authorization, Content-Type, \
             If-None-Match, Last-Event-ID access-control-allow-methods: GET, HEAD, POST access-control-allow-origin: {origin} \
             access-control-expose-headers: Badge-Seq, ETag, Retry-After access-control-max-age: 7200 vary: Origin"
        )
    };
    for (origin, expected) in [
        ("Origin: https://chat.example", allowed("https://chat.example")),
        ("Origin: https://shop.example", allowed("https://shop.example")),
        ("Origin: https://evil.example", "405 vary: Origin".to_owned()),
    ] {
        assert_eq!(told(&server, "OPTIONS /me/badge", &from(origin)).await, expected);
    }
    assert_eq!(told(&server, "OPTIONS /me/badge", &asks).await, "405 ");
    server.stop().await;
}

/// Errors too, those of the listener included: a page has to tell them apart.
#[tokio::test]
async fn every_answer_tells_its_page() {
    let server = server().await;
    let token = format!("IM-Authorization: {}", token_of("ann"));
    let (demo, other) = ("IM-CLIENT-KEY: demo-client-key", "IM-CLIENT-KEY: other-client-key");
    let (chat, shop) = ("Origin: https://chat.example", "Origin: https://shop.example");
    let chat_may = "access-control-allow-origin: https://chat.example \
                    access-control-expose-headers: Badge-Seq, ETag, Retry-After vary: Origin";
    let long = format!("GET /me/badge?{}", "x".repeat(1_024));
    for (first, lines, expected) in [
        ("GET /me/badge", &[demo, &token, chat][..], format!("200 {chat_may}")),
        ("GET /me/badge", &[demo, &token, shop], "200 vary: Origin".to_owned()),
        ("GET /me/badge", &[demo, &token], "200 ".to_owned()),
        ("GET /me/badge", &[demo, chat], format!("401 {chat_may}")),
        ("GET /me/badge", &[other, &token, chat], "401 vary: Origin".to_owned()),
        ("GET /me/badge", &[chat], format!("401 {chat_may}")),
        ("GET /nowhere", &[demo, chat], format!("404 {chat_may}")),
        (&long, &[demo, chat], format!("414 {chat_may}")),
    ] {
        assert_eq!(told(&server, first, lines).await, expected, "{first} {lines:?}");
    }
    server.stop().await;
}
