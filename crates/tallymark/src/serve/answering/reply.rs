//! How an answer is sent.

use async_nats::service::error::Error;
use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE, Request};
use async_nats::{Client, HeaderMap, Subject};
use events::Prefix;
use query::ServerAnswer;

/// Where an answer may go: never where the asker could not publish and this program may, since then whoever asks would have
/// it publish for them. The server's own subjects begin with `$`; a purge of a stream is a message to one of them.
pub(super) fn may_go_to(reply: &str, prefix: &Prefix) -> bool {
    !reply.is_empty() && !reply.starts_with('$') && !prefix.is_taken(reply)
}

/// What the headers of an answer take: names, values, and what stands around them in the protocol, at the most.
const HEADERS_BYTES: usize = 1024;

/// Sends an answer; if it is too large for the server, says so. Returns the code of what was sent.
pub(super) async fn send(client: &Client, request: &mut Request, mut answer: ServerAnswer) -> &'static str {
    if answer.body.len() + HEADERS_BYTES > client.max_payload() {
        answer = ServerAnswer::too_large();
    }
    let (headers, code) = (headers(&answer), answer.code);
    let body = std::mem::take(&mut answer.body).into_owned().into();
    if !answer.is_error() {
        // An error means that the client has ended.
        let _ = request.respond_with_headers(Ok(body), headers).await;
        return code;
    }
    if let Some(reply) = request.message.reply.replace(Subject::from_static("")) {
        let _ = client.publish_with_headers(reply, headers, body).await;
    }
    // The library counts an error only where it sends it, and sends it without a body. It is counted by letting it send to
    // nowhere, which it refuses.
    let error = Error { status: code.to_owned(), code: usize::from(answer.status) };
    let _ = request.respond(Err(error)).await;
    code
}

fn headers(answer: &ServerAnswer) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(applied) = answer.applied {
        headers.insert("Badge-Seq", applied.to_string());
    }
    if let Some(seconds) = answer.retry_after_seconds {
        headers.insert("Retry-After", seconds.to_string());
    }
    if answer.is_error() {
        headers.insert(NATS_SERVICE_ERROR, answer.code);
        headers.insert(NATS_SERVICE_ERROR_CODE, answer.status.to_string());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_never_go_where_they_would_mean_something() {
        let prefix = Prefix::new("chat").unwrap();
        for (reply, expected) in [
            ("_INBOX.abc.1", true),
            ("_INBOX_demo.1", true),
            ("answers.of.demo", true),
            ("chatter.1", true),
            ("", false),
            ("chat.demo.user.deleted", false),
            ("chat-ask.other.badges", false),
            ("chat-badge.demo", false),
            ("chat-dead._._", false),
            ("$JS.API.STREAM.PURGE.CHAT", false),
            ("$SYS.REQ.SERVER.PING", false),
        ] {
            assert_eq!(may_go_to(reply, &prefix), expected, "{reply}");
        }
    }
}
