//! What is said of a body must not depend on its encoding: each row runs in both.

use super::tree::Tree;
use super::{outcome, rows};

fn check(table: &str) {
    for (kind, json, expected) in rows(table) {
        // Escapes in what is expected are only for the reader.
        let expected = match expected.starts_with('{') {
            true => Tree::from_json(expected).to_json(),
            false => expected.to_owned(),
        };
        let message_pack = Tree::from_json(json).to_message_pack();
        assert_eq!(outcome(kind, json.as_bytes()), expected, "{kind} {json}");
        assert_eq!(outcome(kind, &message_pack), expected, "{kind} {json} in MessagePack");
    }
}

#[test]
fn every_kind_takes_its_fields() {
    check(
        r#"
message.posted {"room":"r","message":"m","sender":"ann"} => {"room":"r","message":"m","sender":"ann"}
message.posted {"mention_all":true,"mentions":["bob","cy"],"silent":true,"at":5,"sender":"ann","message":"m","room":"r"} => {"room":"r","message":"m","sender":"ann","at":5,"silent":true,"mentions":["bob","cy"],"mention_all":true}
message.read {"room":"r","user":"ann"} => {"room":"r","user":"ann"}
message.read {"room":"r","user":"ann","upto":"m"} => {"room":"r","user":"ann","upto":"m"}
message.unread {"room":"r","user":"ann","from":"m"} => {"room":"r","user":"ann","from":"m"}
message.recalled {"room":"r","message":"m"} => {"room":"r","message":"m"}
room.joined {"room":"r","users":["ann","bob"]} => {"room":"r","users":["ann","bob"]}
room.joined {"room":"r","users":["ann"],"history":"all"} => {"room":"r","users":["ann"],"history":"all"}
room.left {"room":"r","users":["ann"]} => {"room":"r","users":["ann"]}
room.tagged {"room":"r","tags":["red","blue"]} => {"room":"r","tags":["red","blue"]}
room.muted {"room":"r","user":"ann","muted":true} => {"room":"r","user":"ann","muted":true}
room.muted {"room":"r","user":"ann","muted":false} => {"room":"r","user":"ann","muted":false}
room.deleted {"room":"r"} => {"room":"r"}
user.deleted {"user":"ann"} => {"user":"ann"}
"#,
    );
}

#[test]
fn defaults_and_nulls_are_absent() {
    check(
        r#"
message.posted {"room":"r","message":"m","sender":"a","at":null,"silent":null,"mentions":null,"mention_all":null} => {"room":"r","message":"m","sender":"a"}
message.posted {"room":"r","message":"m","sender":"a","silent":false,"mentions":[],"mention_all":false} => {"room":"r","message":"m","sender":"a"}
message.posted {"room":"r","message":"m","sender":"a","at":0} => {"room":"r","message":"m","sender":"a","at":0}
message.read {"room":"r","user":"a","upto":null} => {"room":"r","user":"a"}
room.joined {"room":"r","users":[],"history":null} => {"room":"r","users":[]}
room.joined {"room":"r","users":[],"history":"none"} => {"room":"r","users":[]}
"#,
    );
}

#[test]
fn lists_may_be_empty_and_keep_their_duplicates() {
    check(
        r#"
room.joined {"room":"r","users":[]} => {"room":"r","users":[]}
room.left {"room":"r","users":[]} => {"room":"r","users":[]}
room.tagged {"room":"r","tags":[]} => {"room":"r","tags":[]}
room.tagged {"room":"r","tags":["red","red"]} => {"room":"r","tags":["red","red"]}
"#,
    );
}

#[test]
fn unknown_fields_are_ignored_whatever_they_hold() {
    check(
        r#"
room.deleted {"x":1,"room":"r","y":null} => {"room":"r"}
room.deleted {"x":1,"x":2,"room":"r","x":[{}]} => {"room":"r"}
room.deleted {"x":{"room":"a","room":"b"},"room":"r"} => {"room":"r"}
room.deleted {"x":[1.5,-1,1e300,18446744073709551615,-9223372036854775808,true,"",[[]],{"":{}}],"room":"r"} => {"room":"r"}
room.deleted {"":"","Room":"a","ROOM":1,"room ":"b","roo":"c","rooms":"d","room":"r"} => {"room":"r"}
# Fields of other kinds, and of lines, are unknown.
room.deleted {"room":"r","user":1,"user":2,"users":null,"at":-1,"history":"some","muted":"no"} => {"room":"r"}
user.deleted {"user":"ann","room":""} => {"user":"ann"}
message.recalled {"room":"r","message":"m","sender":7,"silent":1} => {"room":"r","message":"m"}
message.posted {"room":"r","message":"m","sender":"a","user":1,"upto":{},"from":[]} => {"room":"r","message":"m","sender":"a"}
room.deleted {"tenant":"a b","tenant":1,"event":"room.joined","event":null,"room":"r"} => {"room":"r"}
"#,
    );
}

#[test]
fn required_fields_must_be_there() {
    check(
        r#"
message.posted {} => missing_field: field `room` is missing
message.posted {"room":"r","sender":"a"} => missing_field: field `message` is missing
message.posted {"room":"r","message":"m"} => missing_field: field `sender` is missing
message.posted {"room":null,"message":"m","sender":"a"} => missing_field: field `room` is null, but required
message.posted {"room":"r","message":"m","sender":null} => missing_field: field `sender` is null, but required
message.read {"room":"r"} => missing_field: field `user` is missing
message.read {"user":"a"} => missing_field: field `room` is missing
message.unread {"room":"r","user":"a"} => missing_field: field `from` is missing
message.unread {"room":"r","user":"a","from":null} => missing_field: field `from` is null, but required
message.recalled {"room":"r"} => missing_field: field `message` is missing
message.recalled {"room":"r","message":null} => missing_field: field `message` is null, but required
room.joined {"room":"r"} => missing_field: field `users` is missing
room.joined {"room":"r","users":null} => missing_field: field `users` is null, but required
room.left {"room":"r"} => missing_field: field `users` is missing
room.left {"users":[]} => missing_field: field `room` is missing
room.tagged {"room":"r"} => missing_field: field `tags` is missing
room.tagged {"room":"r","tags":null} => missing_field: field `tags` is null, but required
room.muted {"room":"r","user":"a"} => missing_field: field `muted` is missing
room.muted {"room":"r","user":"a","muted":null} => missing_field: field `muted` is null, but required
room.muted {"room":"r","muted":true} => missing_field: field `user` is missing
room.deleted {"user":"r"} => missing_field: field `room` is missing
user.deleted {"room":"r"} => missing_field: field `user` is missing
"#,
    );
}

#[test]
fn known_fields_may_not_be_repeated() {
    check(
        r#"
room.deleted {"room":"r","room":"r"} => repeated_field: field `room` is there twice
room.deleted {"room":null,"room":"r"} => repeated_field: field `room` is there twice
room.deleted {"room":"r","x":1,"room":null} => repeated_field: field `room` is there twice
room.deleted {"room":"r","room":{"not":"read"}} => repeated_field: field `room` is there twice
message.read {"room":"r","user":"a","upto":null,"upto":null} => repeated_field: field `upto` is there twice
message.posted {"room":"r","message":"m","sender":"a","at":1,"at":1} => repeated_field: field `at` is there twice
message.posted {"room":"r","message":"m","sender":"a","silent":false,"silent":false} => repeated_field: field `silent` is there twice
message.posted {"room":"r","message":"m","sender":"a","mentions":[],"mentions":[]} => repeated_field: field `mentions` is there twice
message.posted {"room":"r","message":"m","sender":"a","mention_all":null,"mention_all":true} => repeated_field: field `mention_all` is there twice
message.unread {"room":"r","from":"m","from":"m","user":"a"} => repeated_field: field `from` is there twice
room.joined {"room":"r","users":["a"],"users":["b"]} => repeated_field: field `users` is there twice
room.joined {"room":"r","users":["a"],"history":"all","history":"all"} => repeated_field: field `history` is there twice
room.tagged {"tags":[],"tags":[],"room":"r"} => repeated_field: field `tags` is there twice
room.muted {"muted":true,"muted":true,"room":"r","user":"a"} => repeated_field: field `muted` is there twice
user.deleted {"user":"a","user":"a"} => repeated_field: field `user` is there twice
"#,
    );
}

#[test]
fn types_are_not_converted() {
    check(
        r#"
room.deleted {"room":1} => wrong_type: field `room` is an integer; expected a string
room.deleted {"room":-1} => wrong_type: field `room` is an integer; expected a string
room.deleted {"room":1.5} => wrong_type: field `room` is a number with a fraction, with an exponent or of more than 64 bits; expected a string
room.deleted {"room":true} => wrong_type: field `room` is a boolean; expected a string
room.deleted {"room":["r"]} => wrong_type: field `room` is a list; expected a string
room.deleted {"room":[]} => wrong_type: field `room` is a list; expected a string
room.deleted {"room":{"id":"r"}} => wrong_type: field `room` is a map; expected a string
message.posted {"message":5} => wrong_type: field `message` is an integer; expected a string
message.posted {"sender":{}} => wrong_type: field `sender` is a map; expected a string
message.read {"upto":0} => wrong_type: field `upto` is an integer; expected a string
message.read {"user":false} => wrong_type: field `user` is a boolean; expected a string
message.unread {"from":[[]]} => wrong_type: field `from` is a list; expected a string
message.posted {"at":"5"} => wrong_type: field `at` is a string; expected an integer
message.posted {"at":1.0} => wrong_type: field `at` is a number with a fraction, with an exponent or of more than 64 bits; expected an integer
message.posted {"at":true} => wrong_type: field `at` is a boolean; expected an integer
message.posted {"at":[5]} => wrong_type: field `at` is a list; expected an integer
message.posted {"silent":1} => wrong_type: field `silent` is an integer; expected a boolean
message.posted {"silent":0} => wrong_type: field `silent` is an integer; expected a boolean
message.posted {"silent":"true"} => wrong_type: field `silent` is a string; expected a boolean
message.posted {"mention_all":"all"} => wrong_type: field `mention_all` is a string; expected a boolean
message.posted {"mentions":"bob"} => wrong_type: field `mentions` is a string; expected a list of strings
message.posted {"mentions":{}} => wrong_type: field `mentions` is a map; expected a list of strings
message.posted {"mentions":true} => wrong_type: field `mentions` is a boolean; expected a list of strings
message.posted {"mentions":[1]} => wrong_type: field `mentions[0]` is an integer; expected a string
room.muted {"muted":1} => wrong_type: field `muted` is an integer; expected a boolean
room.joined {"users":"ann"} => wrong_type: field `users` is a string; expected a list of strings
room.joined {"users":["ann",null]} => wrong_type: field `users[1]` is null; expected a string
room.joined {"users":["ann",["bob"]]} => wrong_type: field `users[1]` is a list; expected a string
room.joined {"users":[{"id":"ann"}]} => wrong_type: field `users[0]` is a map; expected a string
room.left {"users":[true]} => wrong_type: field `users[0]` is a boolean; expected a string
room.tagged {"tags":["red",0.5]} => wrong_type: field `tags[1]` is a number with a fraction, with an exponent or of more than 64 bits; expected a string
room.tagged {"tags":0} => wrong_type: field `tags` is an integer; expected a list of strings
room.joined {"history":true} => wrong_type: field `history` is a boolean; expected a string
room.joined {"history":["all"]} => wrong_type: field `history` is a list; expected a string
"#,
    );
}

#[test]
fn history_is_none_or_all() {
    check(
        r#"
room.joined {"room":"r","users":[],"history":"All"} => unknown_history: field `history` is "All"; expected "none" or "all"
room.joined {"room":"r","users":[],"history":""} => unknown_history: field `history` is ""; expected "none" or "all"
room.joined {"room":"r","users":[],"history":"all "} => unknown_history: field `history` is "all "; expected "none" or "all"
room.joined {"history":"a\nb"} => unknown_history: field `history` is "a\nb"; expected "none" or "all"
room.joined {"history":"123456789012345678901234567890123456789012"} => unknown_history: field `history` is "1234567890123456789012345678901234567890"…; expected "none" or "all"
"#,
    );
}

#[test]
fn ids_are_not_empty_and_have_no_control_characters() {
    check(
        r#"
room.deleted {"room":""} => invalid_id: field `room` is empty
room.deleted {"room":"a\u0000"} => invalid_id: field `room` has the control character U+0000 at byte 1
room.deleted {"room":"\t"} => invalid_id: field `room` has the control character U+0009 at byte 0
room.deleted {"room":"a\nb"} => invalid_id: field `room` has the control character U+000A at byte 1
room.deleted {"room":"\u001f"} => invalid_id: field `room` has the control character U+001F at byte 0
room.deleted {"room":"\u007f"} => invalid_id: field `room` has the control character U+007F at byte 0
room.deleted {"room":"é\u0080"} => invalid_id: field `room` has the control character U+0080 at byte 2
room.deleted {"room":"a\u0085b"} => invalid_id: field `room` has the control character U+0085 at byte 1
room.deleted {"room":"\u009f"} => invalid_id: field `room` has the control character U+009F at byte 0
message.posted {"message":"\u0085"} => invalid_id: field `message` has the control character U+0085 at byte 0
message.posted {"sender":""} => invalid_id: field `sender` is empty
message.read {"user":""} => invalid_id: field `user` is empty
message.read {"upto":""} => invalid_id: field `upto` is empty
message.unread {"from":"\u0001"} => invalid_id: field `from` has the control character U+0001 at byte 0
message.posted {"mentions":["bob",""]} => invalid_id: field `mentions[1]` is empty
room.joined {"users":["a","b","\u007f"]} => invalid_id: field `users[2]` has the control character U+007F at byte 0
room.left {"users":[""]} => invalid_id: field `users[0]` is empty
room.tagged {"tags":[""]} => invalid_id: field `tags[0]` is empty
room.tagged {"tags":["red","\r"]} => invalid_id: field `tags[1]` has the control character U+000D at byte 0
# Everything else is text: spaces, format characters, non-characters.
room.deleted {"room":" "} => {"room":" "}
room.deleted {"room":"~\u0020\u00a0\u00ad\u00ff"} => {"room":"~\u0020\u00a0\u00ad\u00ff"}
room.deleted {"room":"\u200b\u2028\ufeff\uffff"} => {"room":"\u200b\u2028\ufeff\uffff"}
room.deleted {"room":"r.*>/\\\"日本語🦀"} => {"room":"r.*>/\\\"日本語🦀"}
"#,
    );
}

#[test]
fn times_are_from_0_to_2_to_the_53_minus_1() {
    check(
        r#"
message.posted {"room":"r","message":"m","sender":"a","at":9007199254740991} => {"room":"r","message":"m","sender":"a","at":9007199254740991}
message.posted {"at":9007199254740992} => over_limit: field `at` is 9007199254740992; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
message.posted {"at":18446744073709551615} => over_limit: field `at` is 18446744073709551615; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
message.posted {"at":-1} => over_limit: field `at` is -1; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
message.posted {"at":-9223372036854775808} => over_limit: field `at` is -9223372036854775808; expected milliseconds since the Unix epoch, from 0 to 9007199254740991
"#,
    );
}
