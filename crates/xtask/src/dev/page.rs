//! The demo page: its files, what it needs to know, and its buttons. On loopback and only while `cargo xtask dev`
//! runs; nothing of it is in the executable `tallymark`.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::question::Question;
use super::settings::CLIENT_KEY;
use super::team::{PLANS, USER};
use answer::Answer;
pub(super) use press::{Action, InRoom, Press};
use request::Request;

mod answer;
mod press;
mod request;

/// Where one finds the page, unless somebody else is there.
const PORT: u16 = 8081;
/// How long a client may take to ask, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long what a button does may take; starting the service again takes longest.
const PRESS_PATIENCE: Duration = Duration::from_secs(90);
/// A browser opens some six connections, and now and then one that it does not use.
const CONNECTIONS: usize = 64;

/// The address of the page, taken but not served yet.
pub(super) struct Place {
    listener: TcpListener,
    address: SocketAddr,
}

impl Place {
    /// At [`PORT`], or at any free port if that is taken.
    pub(super) fn take() -> Result<Self> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = bind(PORT).or_else(|_| bind(0)).context("there is no port for the demo page")?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The page's origin, as a browser names it. Nobody is answered who asks for another.
    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// The page, served until this is dropped.
pub(super) struct Page {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
    presses: Receiver<Press>,
}

impl Page {
    /// Serves the page, which asks Tallymark as `question` does.
    pub(super) fn serve(place: Place, question: &Question) -> Self {
        let (press, presses) = channel();
        let rooms: Vec<_> =
            PLANS.iter().map(|plan| json!({ "name": plan.name, "members": plan.members })).collect();
        let (service, token) = (format!("http://{}", question.server()), question.token());
        let settings = json!({
            "service": service, "clientKey": CLIENT_KEY, "token": token, "user": USER, "rooms": rooms,
        });
        let served = Served {
            authority: place.address.to_string(),
            origin: place.origin(),
            service,
            settings: settings.to_string(),
            press,
        };
        let ends = Arc::new(AtomicBool::new(false));
        let (address, told) = (place.address, Arc::clone(&ends));
        let accepting = thread::spawn(move || accept(&place.listener, &Arc::new(served), &told));
        Self { address, ends, accepting: Some(accepting), presses }
    }

    /// The buttons that were pressed and not answered yet.
    pub(super) fn presses(&self) -> impl Iterator<Item = Press> {
        self.presses.try_iter()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // Whoever waits for a connection now has one, and sees that this is the end.
        let has_heard = TcpStream::connect_timeout(&self.address, PATIENCE).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| has_heard) {
            accepting.join().ok();
        }
    }
}

/// What connections share.
struct Served {
    /// As it has to be in `Host`. A page elsewhere whose name was made to lead here has another one there.
    authority: String,
    /// As it has to be in `Origin` where a button is pressed. No page can claim another's.
    origin: String,
    /// The only other place that the page may talk to.
    service: String,
    settings: String,
    press: Sender<Press>,
}

fn accept(listener: &TcpListener, served: &Arc<Served>, ends: &AtomicBool) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if ends.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let place = Counted::new(&open);
        // One connection too many is closed without an answer.
        if open.load(Ordering::Relaxed) > CONNECTIONS {
            continue;
        }
        let served = Arc::clone(served);
        thread::spawn(move || {
            let _place = place;
            // Clients go away; there is nobody to tell.
            served.talk(&stream).ok();
        });
    }
}

/// A connection that is counted as long as it lasts.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Served {
    /// One request and its answer.
    fn talk(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let answer = match Request::read(stream, PATIENCE)? {
            Ok(request) => self.answer(&request).unwrap_or_else(|refusal| refusal),
            Err(refusal) => refusal,
        };
        answer.write(stream, &self.service)?;
        stream.shutdown(Shutdown::Write)
    }

    fn answer(&self, request: &Request) -> Result<Answer, Answer> {
        if request.host.as_deref() != Some(&self.authority) {
            return Err(Answer::refused(421, &format!("the page is at {}/", self.origin)));
        }
        let route = (request.method.as_str(), request.path.as_str());
        if let ("POST", "/press") = route {
            return self.press(request);
        }
        let file = match route.1 {
            "/" => Answer::file("text/html", include_str!("page/files/index.html")),
            "/page.css" => Answer::file("text/css", include_str!("page/files/page.css")),
            "/page.js" => Answer::file("text/javascript", include_str!("page/files/page.js")),
            "/live.js" => Answer::file("text/javascript", include_str!("page/files/live.js")),
            "/icon.svg" => Answer::file("image/svg+xml", include_str!("page/files/icon.svg")),
            "/settings.json" => Answer::file("application/json", &self.settings),
            "/press" => return Err(Answer::not_allowed("POST")),
            _ => return Err(Answer::refused(404, "there is nothing at this path")),
        };
        if route.0 == "GET" { Ok(file) } else { Err(Answer::not_allowed("GET")) }
    }

    /// Only this page may press its buttons: a browser says truly which page a request comes from.
    fn press(&self, request: &Request) -> Result<Answer, Answer> {
        if request.origin.as_deref() != Some(&self.origin) {
            return Err(Answer::refused(403, "only the demo page presses its buttons"));
        }
        if request.content_type.as_deref() != Some("application/json") {
            return Err(Answer::refused(415, "a button is pressed with JSON"));
        }
        let action = Action::parse(&request.body).map_err(|problem| Answer::refused(400, &problem))?;
        let (answer, answered) = channel();
        let is_heard = self.press.send(Press::new(action, answer)).is_ok();
        let said = is_heard.then(|| answered.recv_timeout(PRESS_PATIENCE).ok()).flatten();
        match said {
            Some(Ok(said)) => Ok(Answer::said(&said)),
            Some(Err(problem)) => Err(Answer::refused(409, &problem)),
            None => Err(Answer::refused(503, "the demo is ending")),
        }
    }
}

#[cfg(test)]
mod tests;
