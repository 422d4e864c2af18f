mod tenants;
mod values;

use std::fs;
use std::time::Duration;

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
    assert_eq!(settings.http.min_seq_wait.as_millis(), 3_000);
    assert_eq!(settings.http.live_interval.as_millis(), 100);
    assert_eq!(settings.http.live, query::LiveLimits::default());
    assert_eq!(settings.http.limits, query::Limits::default());
    assert_eq!((settings.http.rates.tenant_per_second, settings.http.rates.user_per_second), (0, 0));
    assert_eq!((&settings.http.tls_certificate_file, &settings.http.tls_key_file), (&None, &None));
    assert_eq!(settings.policy.own_messages, OwnMessages::Exclude);
    assert_eq!(settings.policy.message_window, 10_000);
    assert_eq!(settings.policy.muted_rooms, MutedRooms::Count);
    assert!(settings.tenants.is_empty());
    assert_eq!(settings.store.commit_interval.as_millis(), 250);
    assert_eq!(settings.store.pending_bytes, 64 << 20);
    assert_eq!(settings.store.id_cache_bytes, 256 << 20);
    assert_eq!(settings.store.sled_cache_bytes, 1 << 20);
    assert_eq!(settings.store.snapshot_interval, Some(Duration::from_secs(900)));
    assert_eq!((settings.store.snapshots_kept, settings.store.quarantines_kept), (2, 2));
    assert_eq!(settings.store.reserve_bytes, 256 << 20);
    assert_eq!(settings.store.open_timeout, Duration::from_secs(600));
    assert_eq!(settings.store.write_timeout, Duration::from_secs(60));
    assert_eq!((settings.log.format, &*settings.log.filter), (LogFormat::Text, "info"));
}

#[test]
fn the_default_file_gives_the_defaults() {
    let defaults = Settings::load(None, &Environment::new()).unwrap();
    let from_file = load(&default_file(), &[]).unwrap();
    assert_eq!(format!("{from_file:?}"), format!("{defaults:?}"));
    for setting in settings() {
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

/// The defaults of the limits are theirs, so each setting is told apart by a value of its own.
#[test]
fn every_limit_can_be_set() {
    let file = "[http]\nfirst_byte_timeout_ms = 1\nheader_timeout_ms = 2\nbody_timeout_ms = 3\nwrite_timeout_ms = 4\n\
                idle_timeout_ms = 5\nshutdown_grace_ms = 6\ntls_handshake_timeout_ms = 7\nmax_header_bytes = 8192\n\
                max_headers = 8\nmax_uri_bytes = 1025\nmax_body_bytes = 1026\nmax_bodies_bytes = 1027\n\
                max_connections = 9\nmax_connections_per_address = 10\nmax_requests_in_flight = 11";
    let ms = Duration::from_millis;
    let expected = query::Limits {
        first_byte_timeout: ms(1),
        header_read_timeout: ms(2),
        body_read_timeout: ms(3),
        write_timeout: ms(4),
        idle_timeout: ms(5),
        shutdown_grace: ms(6),
        tls_handshake_timeout: ms(7),
        header_bytes: 8192,
        headers: 8,
        uri_bytes: 1025,
        body_bytes: 1026,
        all_bodies_bytes: 1027,
        connections: 9,
        connections_per_address: 10,
        requests_in_flight: 11,
    };
    assert_eq!(load(file, &[]).unwrap().http.limits, expected);
}

#[test]
fn every_limit_of_live_badges_can_be_set() {
    let file = "[http]\nlive_per_second = 4\nlive_keep_alive_ms = 101\nlive_connections = 2\n\
                live_connections_per_user = 3";
    let http = load(file, &[]).unwrap().http;
    let keep_alive = Duration::from_millis(101);
    let expected = query::LiveLimits { connections: 2, connections_per_user: 3, keep_alive };
    assert_eq!((http.live_interval, http.live), (Duration::from_millis(250), expected));
}

#[test]
fn a_certificate_and_its_key_are_given_together() {
    let certificate = "t.toml:1: http.tls_certificate_file is \"c\", expected http.tls_key_file beside it";
    let key = "t.toml:1: http.tls_key_file is \"k\", expected http.tls_certificate_file beside it";
    check("http.tls_certificate_file = 'c'", &[], certificate);
    check("http.tls_key_file = 'k'", &[], key);
    check("http.tls_key_file = 'k'\nhttp.tls_certificate_file = 'c'", &[], "fine");
    check("http.tls_key_file = 'k'", &["TALLYMARK_HTTP__TLS_CERTIFICATE_FILE=c"], "fine");
}

#[test]
fn every_setting_is_in_the_documentation() {
    let docs = include_str!("../../../../../docs/configuration.md");
    for setting in settings() {
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
        ("tenant = [{ token = { keys = 'hunter2' } }]", ""),
        ("tenant = [{ token = { keys = ['hunter2'] } }]", ""),
        ("tenant = [{ token = { keys = [{ algorithm = 'RS256', secret = 'hunter2' }] } }]", ""),
        ("tenant = [{ token = { keys = [{ algorithm = 'HS256', secret = ['hunter2'] }] } }]", ""),
        ("tenant = [{ token = { introspection = 'hunter2' } }]", ""),
        ("tenant = [{ token = { introspection = { client_secret = 'hunter2' } } }]", ""),
        ("tenant = [{ token = { introspection = { client_secret = ['hunter2'] } } }]", ""),
        ("tenant = [{ token = { jwks_url = 'https://a:hunter2@h/' } }]", ""),
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
    let token = "{ algorithm = 'HS256', secret = 'hunter2', keys = [{ secret = 'hunter2' }], \
                 introspection = { url = 'https://h/', client_id = 'i', client_secret = 'hunter2' } }";
    let file = format!("http.operator_token = 'hunter2'\n{}", TENANT.replace("TOKEN", token));
    let settings = load(&file, &["NATS_URL=nats://ann:hunter2@h,tls://ann:hunter2@i"]).unwrap();
    let shown = format!("{settings:?} {settings:#?} {}", settings.nats.url);
    assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
}

#[test]
fn what_another_reading_has_changed_is_named() {
    let given = |file: &str| load(file, &[]).unwrap().given;
    let one = given("data_dir = 'x'\n[nats]\naccepted_gaps = ['1-2']\n[http]\noperator_token = 'a'");
    assert_eq!(one.differences(&one), [""; 0]);
    // On other lines, and with a default written out.
    let same = "\n\ndata_dir = 'x'\npolicy.message_window = 10000\n[nats]\naccepted_gaps = [\n'1-2']\n[http]\noperator_token = 'a'";
    assert_eq!(one.differences(&given(same)), [""; 0]);
    let other = given(&format!(
        "policy.message_window = 9\n{}\n[nats]\naccepted_gaps = ['1-3']\n[http]\noperator_token = 'b'",
        TENANT.replace("TOKEN", "{ algorithm = 'HS256', secret = 's' }")
    ));
    let names = ["data_dir", "http.operator_token", "nats.accepted_gaps", "policy.message_window"];
    assert_eq!(one.differences(&other), names);
}
