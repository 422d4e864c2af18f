//! An HTTP client that shows an answer as it came over the wire.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::wait::PATIENCE;

/// A client of one listener; its requests go over one connection as long as that lasts.
#[derive(Debug)]
pub struct Client {
    server: SocketAddr,
    connection: RefCell<Option<BufReader<TcpStream>>>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, with values.
    pub headers: Vec<(String, String)>,
    /// Empty after HEAD.
    pub body: String,
}

impl Client {
    /// A client that is not connected yet.
    pub fn new(server: SocketAddr) -> Self {
        Self { server, connection: RefCell::new(None) }
    }

    /// Where the listener is.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// GET with these headers.
    pub fn get(&self, target: &str, headers: &[(&str, &str)]) -> io::Result<Answer> {
        self.request("GET", target, headers)
    }

    /// A request without a body.
    pub fn request(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> io::Result<Answer> {
        self.send(method, target, headers, None)
    }

    /// A request. A kept connection may be at its end: then it is made anew.
    pub fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> io::Result<Answer> {
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.server);
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = body {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        request += body.unwrap_or_default();
        let has_body = method != "HEAD";
        if let Some(mut kept) = self.connection.take()
            && let Ok(answer) = exchange(&mut kept, &request, has_body)
        {
            self.connection.replace(Some(kept));
            return Ok(answer);
        }
        let stream = TcpStream::connect_timeout(&self.server, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut connection = BufReader::new(stream);
        let answer = exchange(&mut connection, &request, has_body)?;
        self.connection.replace(Some(connection));
        Ok(answer)
    }
}

fn exchange(connection: &mut BufReader<TcpStream>, request: &str, has_body: bool) -> io::Result<Answer> {
    connection.get_mut().write_all(request.as_bytes())?;
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status line: {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: String::new() };
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    // Not Modified: without a body.
    if has_body && status != 304 {
        let length: usize = length.ok_or_else(|| io::Error::other(format!("no length: {answer:?}")))?;
        let mut body = vec![0; length];
        connection.read_exact(&mut body)?;
        answer.body = String::from_utf8(body).map_err(io::Error::other)?;
    }
    Ok(answer)
}

impl Answer {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// `error.code` of a refusal; empty if there is none.
    #[track_caller]
    pub fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}
