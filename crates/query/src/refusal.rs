//! Why a request gets no badge: each reason once, with its status, its code and what people are told.

use axum::http::StatusCode;

macro_rules! refusals {
    ($($(#[doc = $doc:literal])+ $name:ident: $status:ident $number:literal $text:literal $code:literal $message:literal,)*) => {
        /// Why a request gets no badge.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Refusal {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Refusal {
            /// Every refusal, in the order of declaration.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            pub(crate) fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }

            /// The status in words, as IMKit has it.
            pub(crate) fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The code in the body and in the metrics.
            pub(crate) fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// When it is given, in a sentence.
            pub(crate) fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii_start(),)*
                }
            }

            /// The body, where there is nothing more to say.
            pub(crate) fn body(self) -> &'static str {
                match self {
                    $(Self::$name => concat!(
                        r#"{"RC":"#, $number, r#","RM":""#, $text,
                        r#"","error":{"code":""#, $code, r#"","message":""#, $message, r#""}}"#,
                    ),)*
                }
            }
        }
    };
}

refusals! {
    /// No such path.
    NotFound: NOT_FOUND 404 "Not Found" "NOT_FOUND" "There is nothing at this path",
    /// Another method than GET and HEAD where only these are.
    MethodNotAllowed: METHOD_NOT_ALLOWED 405 "Method Not Allowed" "METHOD_NOT_ALLOWED" "Only GET and HEAD are allowed here",
    /// Another method than GET where only that is.
    OnlyGet: METHOD_NOT_ALLOWED 405 "Method Not Allowed" "METHOD_NOT_ALLOWED" "Only GET is allowed here",
    /// Another method than POST where only that is.
    OnlyPost: METHOD_NOT_ALLOWED 405 "Method Not Allowed" "METHOD_NOT_ALLOWED" "Only POST is allowed here",
    /// No, repeated or unknown client key.
    InvalidClientKey: UNAUTHORIZED 401 "Unauthorized" "INVALID_CLIENT_KEY" "Invalid client key",
    /// No, repeated, bad or expired token.
    InvalidToken: UNAUTHORIZED 401 "Unauthorized" "INVALID_TOKEN" "Invalid or expired token",
    /// Whether a token is good can't be found out now: keys or an answer from elsewhere are missing.
    TokenCheckUnavailable: SERVICE_UNAVAILABLE 503 "Service Unavailable" "TOKEN_CHECK_UNAVAILABLE" "The token can't be checked now, ask again later",
    /// No, repeated or unknown API key.
    InvalidApiKey: UNAUTHORIZED 401 "Unauthorized" "INVALID_API_KEY" "Invalid API key",
    /// The user, or all users of the tenant together, ask too often.
    RateLimited: TOO_MANY_REQUESTS 429 "Too Many Requests" "RATE_LIMIT_EXCEEDED" "Too many requests",
    /// A body of another type than JSON.
    UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE 415 "Unsupported Media Type" "UNSUPPORTED_MEDIA_TYPE" "The body must be application/json",
    /// A body that is too long.
    BodyTooLarge: PAYLOAD_TOO_LARGE 413 "Payload Too Large" "BODY_TOO_LARGE" "The body is too large",
    /// A body that is no JSON object.
    InvalidBody: BAD_REQUEST 400 "Invalid parameters" "INVALID_BODY" "The body must be a JSON object",
    /// Tags in a body that are none.
    InvalidTags: BAD_REQUEST 400 "Invalid parameters" "INVALID_TAGS" "Tags must be an array of strings",
    /// A `beforeTime` that is no time.
    InvalidBeforeTime: BAD_REQUEST 400 "Invalid parameters" "INVALID_BEFORE_TIME" "beforeTime must be a time such as 2026-01-31T12:00:00Z",
    /// What can't be a list of tokens.
    InvalidTokens: BAD_REQUEST 400 "Invalid parameters" "INVALID_TOKENS" "Tokens must be an array of at most 100 strings",
    /// What can't be a list of users.
    InvalidUsers: BAD_REQUEST 400 "Invalid parameters" "INVALID_USERS" "Users must be an array of at most 1000 ids",
    /// What can't be a set of room tags.
    InvalidRoomTags: BAD_REQUEST 400 "Invalid parameters" "INVALID_ROOM_TAGS" "Room tags must be valid strings",
    /// A `tagMode` that is none.
    InvalidTagMode: BAD_REQUEST 400 "Invalid parameters" "INVALID_TAG_MODE" "tagMode must be all or any",
    /// A `minSeq` that is no sequence.
    InvalidMinSeq: BAD_REQUEST 400 "Invalid parameters" "INVALID_MIN_SEQ" "minSeq must be one integer from 0 to 9007199254740991",
    /// A `sort` that is none.
    InvalidSort: BAD_REQUEST 400 "Invalid parameters" "INVALID_SORT" "sort must be unread or id",
    /// A `limit` that is none.
    InvalidLimit: BAD_REQUEST 400 "Invalid parameters" "INVALID_LIMIT" "limit must be one integer from 1 to 1000",
    /// A `cursor` that no answer to this question gave.
    InvalidCursor: BAD_REQUEST 400 "Invalid parameters" "INVALID_CURSOR" "cursor must be the next of a page in the same order",
    /// A `beforeTime` before which too much is forgotten.
    TimeTooOld: BAD_REQUEST 400 "Invalid parameters" "TIME_TOO_OLD" "The times of messages that old are not known any more",
    /// What can't be the id of an event.
    InvalidLastEventId: BAD_REQUEST 400 "Invalid parameters" "INVALID_LAST_EVENT_ID" "Last-Event-ID must be the id of an event of this stream",
    /// There are as many live badges as may be.
    Overloaded: SERVICE_UNAVAILABLE 503 "Service Unavailable" "OVERLOADED" "There is too much to do, ask again later",
    /// The counts can't be trusted now.
    NotReady: SERVICE_UNAVAILABLE 503 "Service Unavailable" "NOT_READY" "The counts are not ready, ask again later",
    /// The event that was asked for is not in the counts, and did not come in time.
    NotYet: SERVICE_UNAVAILABLE 503 "Service Unavailable" "NOT_YET" "The event is not in the counts yet, ask again",
}
