//! What the server of the page answers.

use std::io::{self, Write};

use serde_json::json;

/// An answer. None is kept by a browser, and none can be read, framed or run by another page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    content_type: &'static str,
    allow: Option<&'static str>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn file(content_type: &'static str, text: &str) -> Self {
        Self { status: 200, content_type, allow: None, body: text.to_owned() }
    }

    /// A button did what it is for; this is what happened.
    pub(super) fn said(said: &str) -> Self {
        Self::file("application/json", &json!({ "said": said }).to_string())
    }

    pub(super) fn refused(status: u16, problem: &str) -> Self {
        let body = json!({ "problem": problem }).to_string();
        Self { status, content_type: "application/json", allow: None, body }
    }

    pub(super) fn not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::refused(405, "this path has another method") }
    }

    /// Writes it as the last one of a connection. The page may talk to its own server, and to `service`.
    pub(super) fn write(&self, mut to: impl Write, service: &str) -> io::Result<()> {
        let Self { status, content_type, allow, body } = self;
        let allow = allow.map_or(String::new(), |allow| format!("Allow: {allow}\r\n"));
        let head = format!(
            "HTTP/1.1 {status} {}\r\n\
             Content-Type: {content_type}; charset=utf-8\r\n\
             Content-Length: {}\r\n\
             Connection: close\r\n\
             Cache-Control: no-store\r\n\
             Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self' {service}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
             Cross-Origin-Resource-Policy: same-origin\r\n\
             Referrer-Policy: no-referrer\r\n\
             X-Content-Type-Options: nosniff\r\n\
             {allow}\r\n",
            reason(*status),
            body.len(),
        );
        to.write_all((head + body).as_bytes())?;
        to.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        _ => "Service Unavailable",
    }
}
