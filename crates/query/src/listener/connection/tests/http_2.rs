//! HTTP/2: what a library does, and frames that none would send.

use super::*;

/// Frames and reasons, as RFC 9113 numbers them.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

/// A field of a request that says that it has a body of one byte, in HPACK.
const CONTENT_LENGTH: &[u8] = b"\x0f\x0d\x011";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn beginning() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, b"")].concat()
}

/// The request of that number, from 0, with these fields besides. It has no body.
fn ask(number: u32, path: &str, fields: &[u8]) -> Vec<u8> {
    let length = u8::try_from(path.len()).unwrap();
    // GET, http, the path and the authority.
    let head = [&b"\x82\x86\x04"[..], &[length], path.as_bytes(), b"\x01\x01x", fields].concat();
    frame(HEADERS, 0b101, 2 * number + 1, &head)
}

fn take_back(number: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, 2 * number + 1, &CANCEL.to_be_bytes())
}

fn connect(clients: &Clients) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let (client, server) = duplex(64 * 1024);
    let (host, closing) = (Arc::clone(&clients.host), clients.closing.clone());
    (client, tokio::spawn(async move { host.http2(server, closing).await }))
}

/// What comes of sending this: of each frame the kind, the number of its request and the payload.
async fn told(clients: &Clients, sent: &[u8]) -> Vec<(u8, u32, Vec<u8>)> {
    let (mut client, _) = connect(clients);
    client.write_all(sent).await.unwrap();
    let mut bytes = Vec::new();
    let read = async { while matches!(client.read_buf(&mut bytes).await, Ok(1..)) {} };
    let _ = timeout(Duration::from_millis(500), read).await;
    let (mut frames, mut rest) = (Vec::new(), &bytes[..]);
    while let Some((head, after)) = rest.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        frames.push((head[3], stream.saturating_sub(1) / 2, after[..length].to_vec()));
        rest = &after[length..];
    }
    frames
}

/// Why the connection ends, if the frames say so.
fn goodbye(frames: &[(u8, u32, Vec<u8>)]) -> Option<u32> {
    let (.., payload) = frames.iter().find(|(kind, ..)| *kind == GOAWAY)?;
    Some(u32::from_be_bytes(*payload[4..].first_chunk().unwrap()))
}

/// Names and values are counted as they are when nothing is compressed, and 32 bytes more for each field.
#[tokio::test(start_paused = true)]
async fn heads_have_a_bound() {
    let clients = Clients::of(Limits { header_bytes: 8_192, ..limits() });
    let (client, _) = connect(&clients);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    for (bytes, status) in [(7_900, 200), (8_100, 431), (7_900, 200)] {
        let request = axum::http::Request::get("http://x/now").header("x", "x".repeat(bytes));
        let response = sender.send_request(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{bytes} bytes");
    }
}

/// Requests that cost their client nothing end the connection before they cost much: those that are taken back before anybody
/// looks at them, and those that have to be given up because they are wrong.
#[tokio::test(start_paused = true)]
async fn requests_in_vain_have_a_bound() {
    let clients = Clients::of(limits());
    let taken_back = |number| [ask(number, "/later", b""), take_back(number)].concat();
    let wrong = |number| ask(number, "/later", CONTENT_LENGTH);
    for (what, in_vain) in [("taken back", &taken_back as &dyn Fn(u32) -> Vec<u8>), ("wrong", &wrong)] {
        for (count, expected) in [(20, None), (21, Some(ENHANCE_YOUR_CALM))] {
            let all: Vec<u8> = (0..count).flat_map(in_vain).collect();
            let frames = told(&clients, &[beginning(), all, ask(count, "/now", b"")].concat()).await;
            assert_eq!(goodbye(&frames), expected, "{count} {what}");
            let is_answered = frames.iter().any(|(kind, number, _)| (*kind, *number) == (HEADERS, count));
            assert_eq!(is_answered, expected.is_none(), "{count} {what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn requests_at_once_have_a_bound() {
    let clients = Clients::of(limits());
    let all: Vec<u8> = (0..101).flat_map(|number| ask(number, "/later", b"")).collect();
    let frames = told(&clients, &[beginning(), all].concat()).await;
    let refused: Vec<_> = frames.iter().filter(|(kind, ..)| *kind == RST_STREAM).collect();
    assert_eq!(refused, [&(RST_STREAM, 100, REFUSED_STREAM.to_be_bytes().to_vec())]);
}

/// Nothing is read or written while an answer is made: whether there is still somebody to take it, only asking tells.
#[tokio::test(start_paused = true)]
async fn who_is_gone_without_a_word_is_not_kept() {
    let clients = Clients::of(limits());
    let (mut gone, ended) = connect(&clients);
    gone.write_all(&[beginning(), ask(0, "/later", b"")].concat()).await.unwrap();
    let began = Instant::now();
    ended.await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 40);

    let (client, _) = connect(&clients);
    let handshake =
        hyper::client::conn::http2::handshake::<_, _, Body>(TokioExecutor::new(), TokioIo::new(client));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let request = axum::http::Request::get("http://x/later").body(Body::empty()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
}

/// With HTTP/2 a client takes nothing more by never saying that it may be sent.
#[tokio::test(start_paused = true)]
async fn http_2_is_no_way_to_take_nothing() {
    let (clients, made) = ticking();
    let (client, _) = connect(&clients);
    let handshake = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1_000)
        .handshake::<_, Body>(TokioIo::new(client));
    let (mut sender, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    let ask = |target: &str| axum::http::Request::get(target).body(Body::empty()).unwrap();
    let answer = sender.send_request(ask("http://x/ticking")).await.unwrap();
    let began = Instant::now();
    let _ = timeout(Duration::from_secs(60), connection).await.expect("it ends").unwrap();
    let late = began.elapsed().as_secs();
    assert!((4..6).contains(&late), "after {late} s");
    assert!(made.load(std::sync::atomic::Ordering::Relaxed) <= 12, "{made:?} pieces were made");
    assert_eq!(clients.closed("write_timeout"), 1);
    drop(answer);
}
