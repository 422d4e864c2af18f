use std::fs;

use super::*;

/// Settings from a file with this text and an environment `NAME=value`.
fn load(file: &str, environment: &[&str]) -> Result<Settings, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.toml");
    fs::write(&path, file).unwrap();
    Settings::load(Some(&path), &variables(environment)).map_err(|problems| {
        let shown = problems.to_string();
        shown.replace(&path.display().to_string(), "t.toml").replace("wrong settings\n", "")
    })
}

fn variables(environment: &[&str]) -> Environment {
    let pair = |text: &&str| {
        let (name, value) = text.split_once('=').unwrap();
        (name.into(), value.into())
    };
    environment.iter().map(pair).collect()
}

/// The errors of these settings, one a line.
fn check(file: &str, environment: &[&str], expected: &str) {
    let found = match load(file, environment) {
        Ok(_) => "fine".to_owned(),
        Err(problems) => problems.lines().map(str::trim).collect::<Vec<_>>().join("\n"),
    };
    assert_eq!(found, expected, "{file}\n{environment:?}");
}

const TENANT: &str = r#"tenant = [{ name = "a", client_keys = ["k"], token = TOKEN }]"#;

/// The errors of a tenant with this token table.
fn check_token(token: &str, expected: &str) {
    check(&TENANT.replace("TOKEN", token), &[], expected);
}

#[test]
fn without_file_and_environment_the_settings_are_the_defaults() {
    let settings = Settings::load(None, &Environment::new()).unwrap();
    assert_eq!(settings.data_dir.to_str(), Some("data"));
    assert_eq!(settings.nats.url.to_string(), "nats://127.0.0.1:4222");
    assert_eq!(settings.nats.creds, None);
    assert_eq!((&*settings.nats.stream, settings.nats.subject_prefix.as_str()), ("CHAT", "chat"));
    assert!(!settings.nats.create_stream && !settings.nats.allow_restored_stream);
    assert_eq!(settings.nats.accepted_gaps, []);
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.http.operator_listen.to_string(), "127.0.0.1:9090");
    assert_eq!(settings.http.token_cache_entries, 100_000);
    assert_eq!(settings.http.header_timeout.as_millis(), 10_000);
    assert_eq!(settings.http.shutdown_grace.as_millis(), 5_000);
    assert_eq!(settings.policy.own_messages, OwnMessages::Exclude);
    assert_eq!(settings.policy.message_window, 10_000);
    assert_eq!(settings.policy.muted_rooms, MutedRooms::Count);
    assert!(settings.tenants.is_empty());
    assert_eq!(settings.store.commit_interval.as_millis(), 250);
    assert_eq!(settings.store.pending_bytes, 64 << 20);
    assert_eq!(settings.store.id_cache_bytes, 256 << 20);
    assert_eq!(settings.store.sled_cache_bytes, 4 << 20);
    assert_eq!((settings.log.format, &*settings.log.filter), (LogFormat::Text, "info"));
}

#[test]
fn the_default_file_gives_the_defaults() {
    let defaults = Settings::load(None, &Environment::new()).unwrap();
    let from_file = load(&default_file(), &[]).unwrap();
    assert_eq!(format!("{from_file:?}"), format!("{defaults:?}"));
    for setting in SETTINGS {
        let name = setting.name.rsplit('.').next().unwrap();
        let line = format!("\n{name} = {}\n", setting.default);
        assert!(default_file().contains(&line), "{}", setting.name);
    }
}

#[test]
fn the_example_in_the_default_file_is_a_tenant() {
    let file = default_file();
    let example = &file[file.find("# [[tenant]]").unwrap()..];
    let settings = load(&example.replace("# ", ""), &[]).unwrap();
    assert_eq!(settings.tenants[0].name, "demo");
}

#[test]
fn every_setting_is_in_the_documentation() {
    let docs = include_str!("../../../../docs/configuration.md");
    for setting in SETTINGS {
        let (name, default) = (setting.name, setting.default);
        let (accepted, meaning) = (setting.shape.expected(), setting.meaning);
        let row = format!("| `{name}` | `{default}` | {accepted} | {meaning} |");

        assert!(docs.contains(&row), "docs/configuration.md lacks:\n{row}");
    }
    for field in tenant_fields::FIELDS {
        let tenant_fields::Field { name, presence, expected, meaning } = field;
        let row = format!("| `{name}` | {presence} | {expected} | {meaning} |");

        assert!(docs.contains(&row), "docs/configuration.md lacks:\n{row}");
    }
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = "[nats]\nurl = 'nats://file'\nstream = 'FILE'\ncreds = 'file'";
    let url = |environment: &[&str]| load(file, environment).unwrap().nats.url.to_string();
    assert_eq!(url(&[]), "nats://file:4222");
    assert_eq!(url(&["NATS_URL="]), "nats://file:4222");
    assert_eq!(url(&["NATS_URL=nats://shared"]), "nats://shared:4222");
    assert_eq!(url(&["NATS_URL=nats://a", "TALLYMARK_NATS__URL=nats://b"]), "nats://b:4222");
    assert_eq!(url(&["TALLYMARK_NATS__URL=tls://a:1,[::1]"]), "tls://a:1,nats://[::1]:4222");

    let creds = |environment: &[&str]| load(file, environment).unwrap().nats.creds;
    assert_eq!(creds(&[]), Some("file".into()));
    assert_eq!(creds(&["NATS_CREDS=shared"]), Some("shared".into()));
    assert_eq!(creds(&["NATS_CREDS=shared", "TALLYMARK_NATS__CREDS="]), None);
    assert_eq!(load(file, &["HOME=/", "NATS_CONTEXT=x"]).unwrap().nats.stream, "FILE");
}

#[test]
fn every_kind_of_setting_can_come_from_the_environment() {
    let environment = [
        "TALLYMARK_DATA_DIR=/var/lib/tally mark",
        "TALLYMARK_NATS__CREATE_STREAM=true",
        "TALLYMARK_NATS__ACCEPTED_GAPS=[\"1-2\", \"7 - 9\"]",
        "TALLYMARK_HTTP__LISTEN=[::1]:0",
        "TALLYMARK_HTTP__OPERATOR_LISTEN=[::1]:0",
        "TALLYMARK_POLICY__MESSAGE_WINDOW=4_294_967_295",
        "TALLYMARK_POLICY__OWN_MESSAGES=mark_read",
        "TALLYMARK_POLICY__MUTED_ROOMS=skip",
        "TALLYMARK_LOG__FORMAT=json",
        "TALLYMARK_TENANT=[{name=\"demo\", client_keys=[\"k\"], token={algorithm=\"HS256\", secret=\"s\"}}]",
    ];
    let settings = Settings::load(None, &variables(&environment)).unwrap();
    assert_eq!(settings.data_dir.to_str(), Some("/var/lib/tally mark"));
    assert!(settings.nats.create_stream);
    let gaps = [Gap { first: 1, last: 2 }, Gap { first: 7, last: 9 }];
    assert_eq!(settings.nats.accepted_gaps, gaps);
    assert_eq!(settings.http.listen.to_string(), "[::1]:0");
    assert_eq!(settings.policy.message_window, u32::MAX);
    assert_eq!(settings.policy.own_messages, OwnMessages::MarkRead);
    assert_eq!(settings.policy.muted_rooms, MutedRooms::Skip);
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.tenants[0].client_keys, ["k"]);
}

#[test]
fn unknown_names_are_refused_and_the_nearest_name_suggested() {
    let all = "`tallymark config default` prints every setting";
    check("[nats]\n\nstrem = 'X'", &[], "t.toml:3: nats.strem is not a setting; did you mean nats.stream?");
    check("[nat]\nurl = 'x'", &[], "t.toml:2: nat.url is not a setting; did you mean nats.url?");
    check("url = 'x'", &[], "t.toml:1: url is not a setting; did you mean nats.url?");
    check("datadir = 'x'", &[], "t.toml:1: datadir is not a setting; did you mean data_dir?");
    check("[[tenants]]", &[], "t.toml:1: tenants is not a setting; did you mean tenant?");
    check("[qqqq]", &[], &format!("t.toml:1: qqqq is not a setting; {all}"));
    check(
        "[nats.url]\nx = 1",
        &[],
        "t.toml:1: nats.url is a table, expected a NATS URL such as \"nats://127.0.0.1:4222\" or \
         \"tls://host\", or several with commas between them and one login",
    );
    check("nats = 3", &[], "t.toml:1: nats is a value that is not shown, expected a table, [nats]");
    check(
        "",
        &["TALLYMARK_NATS_URL=x"],
        "TALLYMARK_NATS_URL is not a setting; did you mean TALLYMARK_NATS__URL?",
    );
    check(
        "",
        &["TALLYMARK_nats__url=x"],
        "TALLYMARK_nats__url is not a setting; did you mean TALLYMARK_NATS__URL?",
    );
    check("", &["TALLYMARK_QQ=x"], &format!("TALLYMARK_QQ is not a setting; {all}"));
}

#[test]
fn variables_of_kubernetes_services_are_passed_over() {
    let links = [
        "TALLYMARK_SERVICE_HOST=10.0.0.1",
        "TALLYMARK_SERVICE_PORT=8080",
        "TALLYMARK_SERVICE_PORT_HTTP=8080",
        "TALLYMARK_PORT=tcp://10.0.0.1:8080",
        "TALLYMARK_PORT_8080_TCP=tcp://10.0.0.1:8080",
        "TALLYMARK_HTTP_PORT_8080_TCP_ADDR=10.0.0.1",
    ];
    check("", &links, "fine");
    let all = "`tallymark config default` prints every setting";
    check("", &["TALLYMARK_PORT=8080"], &format!("TALLYMARK_PORT is not a setting; {all}"));
}

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

#[test]
fn all_problems_are_told_at_once_and_what_is_replaced_is_checked_too() {
    check(
        "date_dir = 'x'\n[nats]\nstream = 'a b'\n[log]\nformat = 1",
        &["TALLYMARK_NATS__STREAM=CHAT", "TALLYMARK_LOG__FILTER=x=y=z"],
        "t.toml:1: date_dir is not a setting; did you mean data_dir?\n\
         t.toml:3: nats.stream is \"a b\", expected a stream name of 1 to 200 printable ASCII \
         characters without space . * > / \\\n\
         t.toml:5: log.format is 1, expected \"text\" or \"json\"\n\
         TALLYMARK_LOG__FILTER: log.filter is \"x=y=z\", expected a level (error, warn, info, debug, \
         trace, off) or directives such as \"info,consumer=debug\"",
    );
}

#[test]
fn a_file_that_is_not_toml_is_told_with_its_line() {
    check("a = 1\nb == 2", &[], "t.toml:2: not TOML: extra `=`, expected nothing");
    check("a = 1\na = 2", &[], "t.toml:2: not TOML: duplicate key");
}

#[test]
fn a_missing_file_is_told() {
    let problems = Settings::load(Some(Path::new("no.toml")), &Environment::new()).unwrap_err();
    let problems = problems.to_string();
    assert!(problems.contains("no.toml: the settings file can't be read: "), "{problems}");
}

#[test]
fn tenants_are_checked() {
    let name = "expected 1 to 64 of the characters A-Z a-z 0-9 _ -, as no other tenant has it";
    let token = "token = { algorithm = 'HS256', secret = 's' }";
    let tenant = |fields: &str| format!("[[tenant]]\n{fields}\n{token}");
    for invalid in ["", "a b", "a.b", "ä", &"x".repeat(65)] {
        check(
            &tenant(&format!("name = '{invalid}'\nclient_keys = ['k']")),
            &[],
            &format!("t.toml:2: tenant[0].name is \"{invalid}\", {name}"),
        );
    }
    check(&tenant(&format!("name = '{}'\nclient_keys = ['a b']", "x".repeat(64))), &[], "fine");
    let no_name = tenant("client_keys = ['k']");
    check(&no_name, &[], &format!("t.toml:1: tenant[0].name is missing, {name}"));
    for invalid in ["[]", "[1]", "['']", "[' k']", "['a\tb']", "['ä']", "'k'"] {
        let problems = load(&tenant(&format!("name = 'a'\nclient_keys = {invalid}")), &[]);
        let problems = problems.map(|_| ()).unwrap_err();
        assert!(problems.contains("t.toml:3: tenant[0].client_keys is "), "{problems}");
    }
    check(
        &format!("{}\n{}", tenant("name='a'\nclient_keys=['k', 'l']"), tenant("name='a'\nclient_keys=['l']")),
        &[],
        "t.toml:6: tenant[1].name is \"a\", expected each value once; it was given at t.toml:2\n\
         t.toml:7: tenant[1].client_keys is \"l\", expected each value once; it was given at t.toml:3",
    );
    check(
        &tenant("name = 'a'\nclient_key = ['k']"),
        &[],
        "t.toml:3: tenant[0].client_key is not a setting; did you mean tenant[0].client_keys?\n\
         t.toml:1: tenant[0].client_keys is missing, expected a list of at least one key, each of \
         1 to 256 printable ASCII characters without space at the ends, as no other tenant has it",
    );
    check(
        "tenant = 1",
        &[],
        "t.toml:1: tenant is a value that is not shown, expected a list of tables, [[tenant]]",
    );
    check(
        "tenant = [1]",
        &[],
        "t.toml:1: tenant[0] is a value that is not shown, expected a table, [[tenant]]",
    );
}

#[test]
fn a_token_has_exactly_one_key_that_fits_the_algorithm() {
    for fine in [
        "{ algorithm = 'HS256', secret = 's', issuer = 'i', audience = 'a' }",
        "{ algorithm = 'HS256', secret_file = 'f' }",
        "{ algorithm = 'RS256', public_key_file = 'f' }",
        "{ algorithm = 'ES256', public_key_file = 'f' }",
        "{ algorithm = 'EdDSA', public_key_file = 'f' }",
    ] {
        check_token(fine, "fine");
    }
    let symmetric = "expected exactly one of secret and secret_file for HS256";
    let public = "expected exactly one key, public_key_file, for RS256, ES256 and EdDSA";
    for (token, shown, expected) in [
        ("{ algorithm = 'HS256' }", "HS256 without a key", symmetric),
        (
            "{ algorithm = 'HS256', secret = 's', secret_file = 'f' }",
            "HS256 with secret and secret_file",
            symmetric,
        ),
        ("{ algorithm = 'HS256', public_key_file = 'f' }", "HS256 with public_key_file", symmetric),
        ("{ algorithm = 'RS256' }", "RS256 without a key", public),
        ("{ algorithm = 'EdDSA', secret = 's' }", "EdDSA with secret", public),
        (
            "{ algorithm = 'ES256', secret_file = 's', public_key_file = 'f' }",
            "ES256 with secret_file and public_key_file",
            public,
        ),
    ] {
        check_token(token, &format!("t.toml:1: tenant[0].token is {shown}, {expected}"));
    }
    let algorithms = r#"expected "HS256", "RS256", "ES256" or "EdDSA""#;
    check_token(
        "{ algorithm = 'none', secret = 's' }",
        &format!("t.toml:1: tenant[0].token.algorithm is \"none\", {algorithms}"),
    );
    check_token(
        "{ algorithm = 'HS256', secret = 1234 }",
        "t.toml:1: tenant[0].token.secret is a value that is not shown, expected non-empty text",
    );
    check_token("{ secret = 's' }", &format!("t.toml:1: tenant[0].token.algorithm is missing, {algorithms}"));
    check_token(
        "{ algorithm = 'HS256', secret = 's', issuer = '' }",
        "t.toml:1: tenant[0].token.issuer is \"\", expected non-empty text",
    );
    check_token(
        "{ algorithm = 'HS256', secret_fil = 's', secret = 'x' }",
        "t.toml:1: tenant[0].token.secret_fil is not a setting; did you mean tenant[0].token.secret_file?",
    );
}

/// Wherever a secret stands, right or wrong: no error and no `Debug` shows it.
#[test]
fn secrets_are_never_shown() {
    let wrong = [
        ("nats.url = 'nats://ann:hunter2@'", ""),
        ("nats.url = 'nats://a:hunter2@h:x,nats://b:hunter2@'", ""),
        ("nats.url = 'nats://hunter2@h:x'", ""),
        ("nats = 'hunter2'", ""),
        ("tenant = 'hunter2'", ""),
        ("[[tenant]]\nname = 'a'\nclient_keys = ['k']\ntoken = 'hunter2'", ""),
        ("tenant = [{ token = { algorithm = 'HS256', secret = ['hunter2'] } }]", ""),
        ("tenant = [{ token = { algorithm = 'HS256', secrt = 'hunter2' } }]", ""),
        ("tenant = [{ token = { algorithm = 'RS256', secret = 'hunter2' } }]", ""),
        ("[[tenant]]\ntoken = { secret = 'hunter2", ""),
        ("[[tenant]]\ntoken = { secret = hunter2 }", ""),
        ("", "TALLYMARK_TENANT=[{ token = { secret = \"hunter2"),
        ("", "TALLYMARK_TENANT=hunter2"),
        ("", "TALLYMARK_TENANTS=hunter2"),
        ("", "NATS_URL=nats://a:hunter2@h:x"),
    ];
    for (file, variable) in wrong {
        let environment: &[&str] = if variable.is_empty() { &[] } else { &[variable] };
        let problems = load(file, environment).map(|_| ()).unwrap_err();
        assert!(!problems.contains("hunter2"), "{file}{variable}: {problems}");
    }
    let file = TENANT.replace("TOKEN", "{ algorithm = 'HS256', secret = 'hunter2' }");
    let settings = load(&file, &["NATS_URL=nats://ann:hunter2@h,tls://ann:hunter2@i"]).unwrap();
    let shown = format!("{settings:?} {settings:#?} {}", settings.nats.url);
    assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
}

#[test]
fn keys_are_read_from_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let read = |field: &str, algorithm: &str, content: &[u8]| {
        fs::write(&path, content).unwrap();
        let token = format!("{{ algorithm = '{algorithm}', {field} = '{}' }}", path.display());
        let settings = load(&TENANT.replace("TOKEN", &token), &[]).unwrap();
        let key = settings.tenants[0].token.read_key("a");
        key.map(|key| key.expose().to_vec()).map_err(|problems| problems.to_string())
    };
    assert_eq!(read("secret_file", "HS256", b"s\n").unwrap(), b"s");
    assert_eq!(read("secret_file", "HS256", b"s\r\n").unwrap(), b"s");
    assert_eq!(read("secret_file", "HS256", b"s\n\n").unwrap(), b"s\n");
    assert_eq!(read("secret_file", "HS256", b"\xff\0").unwrap(), b"\xff\0");
    assert!(read("secret_file", "HS256", b"\n").unwrap_err().contains("the secret is empty"));
    let pem = b"-----BEGIN PUBLIC KEY-----\n";
    assert_eq!(read("public_key_file", "RS256", pem).unwrap(), pem);
    let private = b"-----BEGIN PRIVATE KEY-----\n";
    let problem = read("public_key_file", "EdDSA", private).unwrap_err();
    assert!(problem.contains("expected PEM with a line like -----BEGIN PUBLIC KEY"), "{problem}");
    assert!(problem.contains("token.public_key_file of tenant \"a\" is "), "{problem}");

    let missing = TENANT.replace("TOKEN", "{ algorithm = 'HS256', secret_file = 'no.key' }");
    let problem = load(&missing, &[]).unwrap().tenants[0].token.read_key("a").unwrap_err();
    assert!(problem.to_string().contains("is \"no.key\": No such file"), "{problem}");
}

#[test]
fn tenants_that_share_a_key_are_warned_about() {
    let warnings = |tokens: &[&str]| {
        let tenant = |(index, token): (usize, &&str)| {
            format!("{{ name = 't{index}', client_keys = ['k{index}'], token = {token} }}")
        };
        let tenants: Vec<_> = tokens.iter().enumerate().map(tenant).collect();
        let settings = load(&format!("tenant = [{}]", tenants.join(", ")), &[]).unwrap();
        let key = |tenant: &Tenant| tenant.token.read_key(&tenant.name).unwrap();
        let keys: Vec<_> = settings.tenants.iter().map(key).collect();
        tenant_warnings(&settings.tenants, &keys).join("\n")
    };
    let one = "{ algorithm = 'HS256', secret = 's' }";
    let other = "{ algorithm = 'HS256', secret = 't' }";
    let issued_by_a = "{ algorithm = 'HS256', secret = 's', issuer = 'a' }";
    let issued_by_b = "{ algorithm = 'HS256', secret = 's', issuer = 'b' }";
    let shared = r#"tenants "t0" and "t1" share a token key: their tokens are interchangeable"#;
    assert_eq!(warnings(&[]), "no tenant is configured: events are counted, but nobody may ask");
    assert_eq!(warnings(&[one]), "");
    assert_eq!(warnings(&[one, other]), "");
    assert_eq!(warnings(&[one, one]), shared);
    assert_eq!(warnings(&[one, one, other, one]).lines().count(), 2);
    assert_eq!(warnings(&[one, issued_by_a]), shared);
    assert_eq!(warnings(&[issued_by_a, issued_by_b]), "");
    assert_eq!(warnings(&[issued_by_a, issued_by_b, issued_by_a]).lines().count(), 1);

    let directory = tempfile::tempdir().unwrap();
    let token = |name: &str, content: &str| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        format!("{{ algorithm = 'EdDSA', public_key_file = '{}' }}", path.display())
    };
    let wrapped = token("a", "-----BEGIN PUBLIC KEY-----\nAB\nCD\n-----END PUBLIC KEY-----\n");
    let unwrapped = token("b", "-----BEGIN PUBLIC KEY-----\nABCD\n-----END PUBLIC KEY-----");
    assert_eq!(warnings(&[&wrapped, &unwrapped]), shared);
}
