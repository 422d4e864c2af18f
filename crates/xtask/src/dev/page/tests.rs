use std::io::{Read, Write};
use std::thread;

use super::*;

const OURS: &str = "{authority}";

/// A served page, whose buttons answer what they would do.
struct Scene {
    page: Page,
    authority: String,
}

impl Scene {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let question = Question::new("127.0.0.1:4711".parse().unwrap()).unwrap();
        let page = Page::serve(Place { listener, address }, &question);
        Self { page, authority: address.to_string() }
    }

    /// The answer to a request, in which `OURS` stands for where the page is.
    fn ask(&self, request: &str) -> String {
        let request = request.replace(OURS, &self.authority).replace('\n', "\r\n");
        let address = self.page.address;
        let asking = thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        while !asking.is_finished() {
            for press in self.page.presses() {
                let said = format!("{:?}", press.action);
                press.answer(if said.contains("Recall") { Err("nothing".to_owned()) } else { Ok(said) });
            }
            thread::sleep(Duration::from_millis(1));
        }
        asking.join().unwrap()
    }

    #[track_caller]
    fn check(&self, request: &str, status: u16, part: &str) {
        let answer = self.ask(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}\n{answer}");
        assert!(answer.contains(part), "{request}\n{answer}");
    }
}

fn press(headers: &str, body: &str) -> String {
    format!("POST /press HTTP/1.1\n{headers}Content-Length: {}\n\n{body}", body.len())
}

#[test]
fn files_are_served_to_who_names_the_right_host() {
    let scene = Scene::new();
    for (path, part) in [
        ("/", "<!doctype html>"),
        ("/?from=elsewhere", "<!doctype html>"),
        ("/page.css", "prefers-reduced-motion"),
        ("/page.js", "import { live }"),
        ("/live.js", "export"),
        ("/icon.svg", "<svg"),
        ("/settings.json", "\"service\":\"http://127.0.0.1:4711\""),
    ] {
        scene.check(&format!("GET {path} HTTP/1.1\nHost: {OURS}\n\n"), 200, part);
        scene.check(&format!("GET {path} HTTP/1.1\nHost: evil.example:8081\n\n"), 421, "problem");
        scene.check(&format!("GET {path} HTTP/1.1\n\n"), 421, "problem");
        scene.check(&format!("PUT {path} HTTP/1.1\nHost: {OURS}\n\n"), 405, "Allow: GET\r\n");
    }
    let ask = format!("GET / HTTP/1.1\nHost: {OURS}\n\n");
    scene.check(&ask, 200, "connect-src 'self' http://127.0.0.1:4711;");
    assert!(!scene.ask(&ask).to_lowercase().contains("access-control"));
    scene.check(&format!("GET /settings HTTP/1.1\nHost: {OURS}\n\n"), 404, "problem");
    scene.check(&format!("GET /press HTTP/1.1\nHost: {OURS}\n\n"), 405, "Allow: POST\r\n");
    scene.check(&format!("OPTIONS /press HTTP/1.1\nHost: {OURS}\n\n"), 405, "Allow: POST\r\n");
}

#[test]
fn only_the_page_presses_its_buttons() {
    let scene = Scene::new();
    let body = r#"{"do":"read","room":"general"}"#;
    let ours = format!("Host: {OURS}\nOrigin: http://{OURS}\nContent-Type: application/json\n");
    scene.check(&press(&ours, body), 200, r#"{"said":"InRoom(0, Read)"}"#);
    scene.check(&press(&ours, r#"{"do":"recall","room":"general"}"#), 409, r#"{"problem":"nothing"}"#);
    scene.check(&press(&ours, r#"{"do":"read","room":"attic"}"#), 400, "there is no room attic");

    let origin = format!("Origin: http://{OURS}\n");
    for other in
        ["http://evil.example", "null", "http://127.0.0.1", "https://{authority}", "http://localhost"]
    {
        scene.check(&press(&ours.replace(&origin, &format!("Origin: {other}\n")), body), 403, "problem");
    }
    scene.check(&press(&ours.replace(&origin, ""), body), 403, "problem");
    let host = format!("Host: {OURS}\n");
    scene.check(&press(&ours.replace(&host, "Host: evil.example\n"), body), 421, "problem");
    // What a form can send without being asked first.
    scene.check(&press(&ours.replace("application/json", "text/plain"), body), 415, "problem");
}

#[test]
fn when_the_demo_ends_buttons_say_so_and_the_port_is_free() {
    let scene = Scene::new();
    let address = scene.page.address;
    drop(scene);
    assert!(TcpStream::connect(address).is_err(), "it still listens");
}

#[test]
fn idle_connections_keep_nobody_out() {
    let scene = Scene::new();
    let idle: Vec<_> =
        (0..CONNECTIONS / 2).map(|_| TcpStream::connect(scene.page.address).unwrap()).collect();
    scene.check(&format!("GET / HTTP/1.1\nHost: {OURS}\n\n"), 200, "<!doctype html>");
    drop(idle);
}
