//! A server of one's own: found or installed, serving, ended and started again at will.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use xtask::{NatsServer, NatsServerError, Options, Store};

/// A conversation with the server in its plain text protocol.
struct Client {
    stream: TcpStream,
    /// What the server said of itself.
    information: String,
}

impl Client {
    fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut client = Self { stream, information: String::new() };
        client.information = client.read_until("INFO ");
        client.stream.write_all(b"CONNECT {\"verbose\":false}\r\nSUB answer 1\r\n").unwrap();
        client
    }

    /// What the server answers to a request of JetStream's API.
    fn ask(&mut self, subject: &str, request: &str) -> String {
        let length = request.len();
        write!(self.stream, "PUB {subject} answer {length}\r\n{request}\r\n").unwrap();
        self.read_until("\"type\"")
    }

    fn read_until(&mut self, expected: &str) -> String {
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let count = self.stream.read(&mut buffer).unwrap();
            assert_ne!(count, 0, "closed after {:?}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&seen);
            if text.contains(expected) && text.ends_with("\r\n") {
                return text.into_owned();
            }
        }
    }
}

fn has_stream(server: &NatsServer) -> bool {
    let answer = Client::connect(server.port()).ask("$JS.API.STREAM.NAMES", "{}");
    answer.contains("\"CHAT\"")
}

fn create_stream(server: &NatsServer) {
    let stream = r#"{"name":"CHAT","subjects":["chat.>"],"storage":"file","retention":"limits"}"#;
    let answer = Client::connect(server.port()).ask("$JS.API.STREAM.CREATE.CHAT", stream);
    assert!(answer.contains("\"did_create\":true"), "{answer}");
}

#[test]
fn port_and_streams_survive_stop_and_kill_but_streams_no_wipe() {
    let mut server = NatsServer::start(&Options::default()).unwrap();
    let url = server.url();
    assert!(!has_stream(&server));
    create_stream(&server);

    server.stop().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err(), "it still listens");
    server.restart().unwrap();
    assert_eq!((server.url(), has_stream(&server)), (url.clone(), true), "after a stop");

    server.kill().unwrap();
    server.restart().unwrap();
    assert_eq!((server.url(), has_stream(&server)), (url.clone(), true), "after a kill");

    server.wipe().unwrap();
    server.restart().unwrap();
    assert_eq!((server.url(), has_stream(&server)), (url, false), "after a wipe");
}

#[test]
fn a_dropped_server_leaves_neither_process_nor_files() {
    let mut server = NatsServer::start(&Options::default()).unwrap();
    let (port, directory) = (server.port(), server.directory().to_owned());
    let report = server.process().unwrap().report("is well");
    assert!(report.contains("Server is ready"), "{report}");
    assert!(directory.is_dir());
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "it still listens");
    assert!(!directory.exists());
}

/// Not a test by itself: the owner that the next test kills. It keeps its server's files in its working
/// directory, prints the server's port and waits.
#[test]
#[ignore = "run by a_server_dies_with_its_killed_owner"]
fn owner() {
    let store = Store::At(env::current_dir().unwrap());
    let server = NatsServer::start(&Options { store, ..Options::default() }).unwrap();
    println!("\nport {}", server.port());
    io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_server_dies_with_its_killed_owner() {
    let directory = tempfile::tempdir().unwrap();
    let mut owner = Command::new(env::current_exe().unwrap())
        .current_dir(&directory)
        .args(["--ignored", "--exact", "owner", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    let port = printed.find_map(|line| line.split_once("port ")?.1.trim().parse().ok()).unwrap();
    let mut client = Client::connect(port);
    owner.kill().unwrap();
    owner.wait().unwrap();
    // The connection ends when the server does; a server that lives on only pings.
    match client.stream.read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "the server outlives its owner");
        }
    }
}

#[test]
fn options_reach_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        store: Store::At(directory.path().join("kept")),
        max_payload: Some(3_000_000),
        configuration: "server_name: \"named\"\n".to_owned(),
    };
    let server = NatsServer::start(&options).unwrap();
    let information = Client::connect(server.port()).information;
    assert!(information.contains("\"max_payload\":3000000"), "{information}");
    assert!(information.contains("\"server_name\":\"named\""), "{information}");
    create_stream(&server);
    drop(server);
    assert!(has_stream(&NatsServer::start(&options).unwrap()), "a kept store is found again");
}

#[test]
fn a_server_that_can_not_start_says_why() {
    let options = Options { configuration: "max_payloda: 1\n".to_owned(), ..Options::default() };
    let error = NatsServer::start(&options).unwrap_err();
    assert!(matches!(error, NatsServerError::NotServing(_)), "{error:?}");
    assert!(error.to_string().contains("max_payloda"), "{error}");
}
