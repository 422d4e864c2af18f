//! Messages that the server stores and does not deliver: they are counted all the same, or copied to the dead letters.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use tests::{Nats, Service, Settings, until};

use crate::stream_identity::{post, posts};

/// Publishes with these bytes for headers, as no client does.
pub(crate) fn publish_raw(nats: &Nats, headers: &str, body: &str) {
    let url = nats.url();
    let mut connection = TcpStream::connect(url.trim_start_matches("nats://")).unwrap();
    let (front, whole) = (headers.len(), headers.len() + body.len());
    let connect = r#"CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}"#;
    let publish = format!("HPUB chat.demo.message.posted {front} {whole}\r\n{headers}{body}\r\n");
    write!(connection, "{connect}\r\n{publish}PING\r\n").unwrap();
    let mut lines = BufReader::new(connection).lines();
    let answer = lines.find(|line| line.as_ref().is_ok_and(|line| !line.starts_with("INFO")));
    assert_eq!(answer.unwrap().unwrap(), "PONG");
}

/// Bug this would show: a client that can't read the headers of a message breaks its connection, and so again and
/// again.
#[test]
fn headers_that_no_client_can_read_stop_nothing() {
    let nats = Nats::start();
    posts(&nats, 3);
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    let headers = ["HTTP/1.1 100\r\nA: b\r\n\r\n", "NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0 503\r\n\r\n"];
    for (sequence, headers) in (5..).zip(headers) {
        publish_raw(&nats, headers, &format!(r#"{{"room":"r1","message":"odd {sequence}","sender":"ann"}}"#));
        until("its place in the stream", || match nats.last_sequence(Nats::STREAM) {
            last if last == sequence => Ok(()),
            last => Err(last.to_string()),
        });
        service.applied(sequence);
    }
    assert_eq!(service.badge("demo", "bob", &[]).count, 6);
    assert!(service.printed().contains("reading them from the stream one by one"), "{}", service.printed());
}

/// Bug this would show: a consumer that lives and delivers nothing is waited for without end.
#[test]
fn a_consumer_that_delivers_nothing_is_given_up() {
    let nats = Nats::start();
    posts(&nats, 3);
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    nats.pause_consumers(Nats::STREAM);
    post(&nats, "not delivered");
    service.applied(5);
    assert_eq!(service.badge("demo", "bob", &[]).count, 4);
    assert!(service.printed().contains("nothing is delivered of what is there"), "{}", service.printed());
}
