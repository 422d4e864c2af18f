//! As much of reading HTTP as the page takes: one small request a connection.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

use httparse::{EMPTY_HEADER, Status};

use super::answer::Answer;

/// A browser's head takes about one.
const HEAD_BYTES: usize = 16 * 1024;
const HEADERS: usize = 64;
/// What a button sends takes a hundred bytes.
const BODY_BYTES: usize = 1024;

/// What matters of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query, which means nothing here.
    pub(super) path: String,
    pub(super) host: Option<String>,
    pub(super) origin: Option<String>,
    /// Without parameters.
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// Reads a request, or says why it is none. Fails where there is nobody to answer.
    pub(super) fn read(mut from: impl Read, patience: Duration) -> io::Result<Result<Self, Answer>> {
        let deadline = Instant::now() + patience;
        let mut bytes = Vec::new();
        loop {
            match Self::parse(&bytes) {
                Ok(Some(request)) => return Ok(Ok(request)),
                Ok(None) if Instant::now() > deadline => return Ok(Err(too_slow())),
                Ok(None) => {}
                Err(refusal) => return Ok(Err(refusal)),
            }
            let mut piece = [0; 4096];
            match from.read(&mut piece) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => bytes.extend_from_slice(&piece[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(Err(too_slow()));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// `None` while it is not whole.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Answer> {
        let mut headers = [EMPTY_HEADER; HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let length = match head.parse(bytes) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if bytes.len() <= HEAD_BYTES => return Ok(None),
            Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Err(Answer::refused(431, "the headers are too large"));
            }
            Err(error) => return Err(Answer::refused(400, &format!("this is no request: {error}"))),
        };
        let target = head.path.unwrap_or_default();
        let mut request = Self {
            method: head.method.unwrap_or_default().to_owned(),
            path: target.split('?').next().unwrap_or_default().to_owned(),
            ..Self::default()
        };
        let mut body_length = None;
        for header in &*head.headers {
            let field = match header.name.to_ascii_lowercase().as_str() {
                "host" => &mut request.host,
                "origin" => &mut request.origin,
                "content-type" => &mut request.content_type,
                "content-length" => &mut body_length,
                "transfer-encoding" => return Err(Answer::refused(400, "a body has to say its length")),
                _ => continue,
            };
            let value = String::from_utf8_lossy(header.value).into_owned();
            // Which of two hosts is meant is not guessed.
            if field.replace(value).is_some() {
                return Err(Answer::refused(400, &format!("{} is there twice", header.name)));
            }
        }
        if let Some(kind) = &mut request.content_type {
            *kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        }
        let body_length = match body_length.as_deref().map(str::parse::<usize>) {
            None => 0,
            Some(Ok(length)) if length <= BODY_BYTES => length,
            Some(Ok(_)) => return Err(Answer::refused(413, "the body is too large")),
            Some(Err(_)) => return Err(Answer::refused(400, "the length is no number")),
        };
        let Some(body) = bytes.get(length..length + body_length) else { return Ok(None) };
        request.body = body.to_vec();
        Ok(Some(request))
    }
}

fn too_slow() -> Answer {
    Answer::refused(408, "the request did not come in time")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn status_of(text: &str) -> u16 {
        Request::read(text.as_bytes(), Duration::from_secs(5)).unwrap().unwrap_err().status
    }

    #[test]
    fn a_request_is_read() {
        let text = "POST /press?x=/y HTTP/1.1\r\nHOST: 127.0.0.1:8081\r\norigin: http://127.0.0.1:8081\r\n\
                    Content-Type: Application/JSON; charset=utf-8\r\ncontent-length: 2\r\n\r\n{}beyond";
        let expected = Request {
            method: "POST".to_owned(),
            path: "/press".to_owned(),
            host: Some("127.0.0.1:8081".to_owned()),
            origin: Some("http://127.0.0.1:8081".to_owned()),
            content_type: Some("application/json".to_owned()),
            body: b"{}".to_vec(),
        };
        assert_eq!(Request::read(text.as_bytes(), Duration::from_secs(5)).unwrap(), Ok(expected));
    }

    #[test]
    fn what_is_none_is_refused() {
        assert_eq!(status_of("GET\r\n\r\n"), 400);
        assert_eq!(status_of("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"), 400);
        assert_eq!(status_of("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
        assert_eq!(status_of("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), 400);
        assert_eq!(status_of("POST / HTTP/1.1\r\nContent-Length: 1025\r\n\r\n"), 413);
        assert_eq!(status_of(&format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(HEAD_BYTES))), 431);
        assert_eq!(status_of(&format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(HEADERS + 1))), 431);
        let unfinished = Request::read("GET / HTTP/1.1\r\n".as_bytes(), Duration::from_secs(5));
        assert_eq!(unfinished.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
