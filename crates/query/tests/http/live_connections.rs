//! Live badges over real connections.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use query::{Cors, Front, Limits, LiveLimits, Tenant, Tenants, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::chat::Chat;
use crate::server::{LONG, Server, limits, read_all};
use crate::support::{Service, demo, token_of};
use crate::tls::{ONE, front, http2};

fn ask(user: &str, more: &str) -> Vec<u8> {
    let token = token_of(user);
    format!(
        "GET /me/badge/live HTTP/1.1\r\nHost: x\r\nIM-CLIENT-KEY: demo-client-key\r\n\
         IM-Authorization: {token}\r\n{more}\r\n"
    )
    .into_bytes()
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let read = async {
        let mut bytes = [0; 1024];
        while !text.contains(end) {
            let count = stream.read(&mut bytes).await.unwrap();
            assert!(count > 0, "the end, after {text:?}");
            text += str::from_utf8(&bytes[..count]).unwrap();
        }
    };
    timeout(LONG, read).await.expect("it comes");
    text
}

/// As long as it is healthy, no timeout of the listener ends it; and draining ends it at once.
#[tokio::test]
async fn it_outlives_timeouts_and_ends_with_the_service() {
    let short = Duration::from_millis(50);
    let keep_alive = Duration::from_millis(120);
    let mut chat = Chat::new(LiveLimits { keep_alive, ..LiveLimits::default() });
    chat.apply("joined r1 ann,bob");
    let limits = Limits {
        first_byte_timeout: short,
        header_read_timeout: short,
        idle_timeout: short,
        write_timeout: short,
        ..limits()
    };
    let server = Server::start(chat.service.routes.clone(), limits).await;
    let mut stream = server.connect().await;
    stream.write_all(&ask("bob", "")).await.unwrap();
    read_until(&mut stream, "{\"badge\":0}").await;
    read_until(&mut stream, ":\n\n").await;
    tokio::time::sleep(short * 6).await;
    chat.apply("posted r1 m1 by ann");
    read_until(&mut stream, "{\"badge\":1}").await;
    chat.service.hub.close();
    let began = Instant::now();
    let stopped = tokio::spawn(server.stop());
    let rest = read_all(&mut stream).await;
    assert!(rest.contains("{\"reason\":\"stopping\"}") && rest.ends_with("0\r\n\r\n"), "{rest:?}");
    stopped.await.unwrap();
    assert!(began.elapsed() < LONG / 4, "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_who_goes_leaves_nothing_behind() {
    let chat = Chat::new(LiveLimits { keep_alive: Duration::from_millis(20), ..LiveLimits::default() });
    let server = Server::start(chat.service.routes.clone(), limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(&ask("bob", "")).await.unwrap();
    read_until(&mut stream, "{\"badge\":0}").await;
    assert_eq!(chat.service.metric("tallymark_http_live_connections"), 1);
    drop(stream);
    let gone = async {
        while chat.service.metric("tallymark_http_live_connections") > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, gone).await.expect("it is noticed");
    assert_eq!(chat.service.metric("tallymark_http_live_ended_total{reason=\"client\"}"), 1);
    server.stop().await;
}

#[tokio::test]
async fn web_pages_may_ask() {
    let tenant = Tenant { allowed_origins: vec!["https://chat.example".to_owned()], ..demo() };
    let cors = Cors::new(&Tenants::new(vec![tenant.clone()]).unwrap());
    let service = Service::with(vec![tenant], 100);
    let front = Front { limits: limits(), cors, ..Front::default() };
    let server = Server::start(service.routes.clone(), front).await;
    let mut stream = server.connect().await;
    stream.write_all(&ask("bob", "Origin: https://chat.example\r\nLast-Event-ID: 0\r\n")).await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.contains("access-control-allow-origin: https://chat.example\r\n"), "{head}");
    assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
    service.hub.close();
    server.stop().await;
}

#[tokio::test]
async fn many_go_over_one_connection_with_http_2() {
    let tls = Tls::new(ONE.0, ONE.1).unwrap();
    let mut chat = Chat::new(LiveLimits::default());
    chat.apply("joined r1 ann,bob,cid");
    let server = Server::start(chat.service.routes.clone(), front(&tls, limits())).await;
    let (mut sender, _connection) = http2(&server).await;
    let mut bodies = Vec::new();
    for user in ["bob", "cid"] {
        let request = Request::get("https://localhost/me/badge/live")
            .header("IM-CLIENT-KEY", "demo-client-key")
            .header("IM-Authorization", token_of(user))
            .body(Body::empty())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        bodies.push(Body::new(response.into_body()).into_data_stream());
    }
    chat.apply("posted r1 m1 by bob; read r1 cid");
    chat.apply("posted r1 m2 by ann");
    for body in &mut bodies {
        let mut text = String::new();
        while !text.contains("{\"badge\":1}") {
            let more = timeout(LONG, futures::StreamExt::next(body)).await.expect("an event").unwrap();
            text += str::from_utf8(&more.unwrap()).unwrap();
        }
    }
    chat.service.hub.close();
    drop((sender, bodies));
    server.stop().await;
}
