use super::*;

#[test]
fn values_that_a_setting_does_not_take_are_refused() {
    let window = "expected an integer from 1 to 4294967295 (messages)";
    for value in ["0", "4294967296", "-1", "1.5", "true", "\"10\"", "99999999999999999999"] {
        check(
            &format!("[policy]\nmessage_window = {value}"),
            &[],
            &format!("t.toml:2: policy.message_window is {value}, {window}"),
        );
    }
    check(
        "",
        &["TALLYMARK_POLICY__MESSAGE_WINDOW=many"],
        &format!("TALLYMARK_POLICY__MESSAGE_WINDOW: policy.message_window is \"many\", {window}"),
    );
    let invalid = [
        ("data_dir", "''", "\"\"", "the path of a directory"),
        ("nats.create_stream", "'yes'", "\"yes\"", "true or false"),
        ("policy.own_messages", "'Exclude'", "\"Exclude\"", "\"exclude\" or \"mark_read\""),
        ("policy.muted_rooms", "1", "1", "\"count\" or \"skip\""),
        ("log.format", "'xml'", "\"xml\"", "\"text\" or \"json\""),
    ];
    for (name, value, shown, expected) in invalid {
        let problem = format!("t.toml:1: {name} is {shown}, expected {expected}");
        check(&format!("{name} = {value}"), &[], &problem);
    }
}

/// Texts that a setting takes, and texts that it refuses.
#[test]
fn texts_are_checked() {
    let long = "x".repeat(201);
    let cases: [(&str, &[&str], &[&str]); 6] = [
        (
            "nats.url",
            &[
                "nats://a",
                "a",
                "a:1",
                "tls://a:1",
                "nats://u:p@a",
                "nats://t@[::1]:3",
                "a, b",
                "nats://u:p@a,b,nats://u:p@c",
            ],
            &[
                "",
                "http://a",
                "ws://a",
                "nats://",
                "a,,b",
                "nats://a b",
                "nats://a:99999",
                "nats://u:p@a,nats://u:q@b",
                "nats://u:%ff@a",
            ],
        ),
        ("nats.stream", &["CHAT", "a-b_c$"], &["", "a b", "a.b", "a*", "a>", "a/b", "ä", &long]),
        (
            "nats.subject_prefix",
            &["chat", "im.chat", "a$"],
            &["", ".a", "a.", "a..b", "a b", "*", "a.>", "$JS", &long],
        ),
        ("http.listen", &["0.0.0.0:0", "[::]:80"], &["", "localhost:80", "1.2.3.4", ":80", "1.2.3.4:65536"]),
        ("log.filter", &["debug", "info,store=trace", "off"], &["", " ", "x=y=z", "a=loud"]),
        ("data_dir", &["/", "a b", ".."], &["", "\\u0000"]),
    ];
    for (name, valid, invalid) in cases {
        for text in valid {
            check(&format!("{name} = \"{text}\""), &[], "fine");
        }
        for text in invalid {
            let problems = load(&format!("{name} = \"{text}\""), &[]).map(|_| ()).unwrap_err();
            assert!(problems.contains(&format!("{name} is \"")), "{name} {text:?}: {problems}");
        }
    }
}

#[test]
fn a_url_may_name_a_user_or_a_token() {
    let is = |url: &str, expected: Option<Login>| {
        let settings = load("", &[&format!("NATS_URL={url}")]).unwrap();
        assert!(settings.nats.url.login() == expected.as_ref(), "{url}");
    };
    is("nats://a", None);
    is("nats://t%40@a", Some(Login::Token("t@".into())));
    is("a,tls://u:p%3a@b", Some(Login::User { name: "u".into(), password: "p:".into() }));
}

#[test]
fn accepted_gaps_are_ranges_of_sequences() {
    let gaps = |list: &str| load(&format!("nats.accepted_gaps = {list}"), &[]);
    assert_eq!(gaps("['3-3']").unwrap().nats.accepted_gaps, [Gap { first: 3, last: 3 }]);
    for invalid in ["['0-1']", "['2-1']", "['1']", "['1-x']", "[1]", "'1-2'", "['1-2-3']"] {
        let problems = gaps(invalid).map(|_| ()).unwrap_err();
        assert!(problems.contains("FIRST not above LAST"), "{invalid}: {problems}");
    }
}

#[test]
fn the_operator_listener_is_never_the_public_one() {
    let expected = "expected different addresses for http.listen and http.operator_listen";
    check(
        "[http]\nlisten = '127.0.0.1:9090'",
        &[],
        &format!("t.toml:2: http.listen is \"127.0.0.1:9090\", {expected}"),
    );
    check("[http]\nlisten = '127.0.0.1:0'\noperator_listen = '127.0.0.1:0'", &[], "fine");
}
