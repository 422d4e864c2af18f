use super::*;

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
fn origins_are_as_browsers_send_them() {
    let tenant = |origin: &str| {
        let token = "{ algorithm = 'HS256', secret = 's' }";
        format!(
            "[[tenant]]\nname = 'a'\nclient_keys = ['k']\nallowed_origins = ['{origin}']\ntoken = {token}"
        )
    };
    for fine in
        ["*", "https://chat.example", "http://localhost:3000", "capacitor://localhost", "http://[::1]:80"]
    {
        assert_eq!(load(&tenant(fine), &[]).unwrap().tenants[0].allowed_origins, [fine]);
    }
    for wrong in
        ["", "chat.example", "https://", "://x", "https://Chat.example", "https://a/", "https://a/b", "null"]
    {
        let problems = load(&tenant(wrong), &[]).map(|_| ()).unwrap_err();
        assert!(problems.contains("t.toml:4: tenant[0].allowed_origins is a list, expected "), "{problems}");
    }
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

#[test]
fn keys_are_read_from_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let read = |field: &str, algorithm: &str, content: &[u8]| {
        fs::write(&path, content).unwrap();
        let token = format!("{{ algorithm = '{algorithm}', {field} = '{}' }}", path.display());
        let settings = load(&TENANT.replace("TOKEN", &token), &[]).unwrap();
        let key = settings.tenants[0].token.keys[0].read("a");
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
    let problem = load(&missing, &[]).unwrap().tenants[0].token.keys[0].read("a").unwrap_err();
    assert!(problem.to_string().contains("is \"no.key\": No such file"), "{problem}");
}

/// Lists of keys, key sets and endpoints stand beside the one key, or instead of it.
#[test]
fn a_token_table_has_many_forms() {
    let here = ["http://127.0.0.1:1/k", "http://127.9.9.9/k", "http://[::1]:1/k", "http://localhost:1/k"];
    for url in here.into_iter().chain(["https://id.example/k", "https://10.0.0.1/k?a=b"]) {
        check_token(&format!("{{ jwks_url = '{url}' }}"), "fine");
        check_token(&format!("{{ introspection = {{ url = '{url}' }} }}"), "fine");
    }
    for fine in [
        "{ keys = [{ algorithm = 'HS256', secret = 's' }] }",
        "{ algorithm = 'HS256', keys = [{ secret = 's' }, { secret_file = 'f', key_id = 'k' }] }",
        "{ algorithm = 'HS256', keys = [{ algorithm = 'RS256', public_key_file = 'f' }] }",
        "{ algorithm = 'HS256', secret = 's', key_id = 'k', keys = [{ secret = 't' }] }",
        "{ jwks_file = 'f' }",
        "{ algorithm = 'ES256', jwks_file = 'f', jwks_url = 'https://h/', jwks_interval_s = 10, leeway_s = 60 }",
        "{ introspection = { url = 'https://h/', client_id = 'i', client_secret = 's', cache_s = 1 } }",
        "{ introspection = { url = 'https://h/', client_id = 'i', client_secret_file = 'f', cache_s = 3600 } }",
    ] {
        check_token(fine, "fine");
    }
    let url = "expected a URL that begins with https://, or with http:// and this machine's 127.0.0.1, [::1] or localhost";
    let wrong =
        ["http://id.example/k", "http://localhost.example/k", "ftp://h/", "id.example", "", "https://", "/k"];
    for wrong in wrong {
        check_token(
            &format!("{{ jwks_url = '{wrong}' }}"),
            &format!("t.toml:1: tenant[0].token.jwks_url is {wrong:?}, {url}"),
        );
    }
    check_token(
        "{ jwks_url = 'https://ann:hunter2@h/' }",
        &format!("t.toml:1: tenant[0].token.jwks_url is \"…@h/\", {url}"),
    );
    let algorithms = r#"expected "HS256", "RS256", "ES256" or "EdDSA""#;
    for (token, expected) in [
        ("{ keys = [{ secret = 's' }] }", format!("keys[0].algorithm is missing, {algorithms}")),
        (
            "{ algorithm = 'HS256', keys = [{ secret = 's' }, { public_key_file = 'f' }] }",
            "keys[1] is HS256 with public_key_file, expected exactly one of secret and secret_file for HS256".to_owned(),
        ),
        (
            "{ algorithm = 'HS256', keys = [{ secret = 's', issuer = 'i' }] }",
            "keys[0].issuer is not a setting; did you mean tenant[0].token.keys[0].secret?".to_owned(),
        ),
        (
            "{ jwks_file = 'f', leeway_s = 61 }",
            "leeway_s is 61, expected an integer from 0 to 60 (seconds)".to_owned(),
        ),
        (
            "{ jwks_file = 'f', jwks_interval_s = 9 }",
            "jwks_interval_s is 9, expected an integer from 10 to 86400 (seconds)".to_owned(),
        ),
        (
            "{ introspection = { url = 'https://h/', cache_s = 0 } }",
            "introspection.cache_s is 0, expected an integer from 1 to 3600 (seconds)".to_owned(),
        ),
        (
            "{ introspection = { client_id = 'i', client_secret = 's' } }",
            format!("introspection.url is missing, {url}"),
        ),
        (
            "{ introspection = { url = 'https://h/', client_id = 'i' } }",
            "introspection is with client_id, expected client_id with exactly one of client_secret and \
             client_secret_file, or none of them"
                .to_owned(),
        ),
        (
            "{ introspection = { url = 'https://h/', client_secret = 's' } }",
            "introspection is without client_id, expected client_id with exactly one of client_secret and \
             client_secret_file, or none of them"
                .to_owned(),
        ),
        (
            "{ introspection = { url = 'https://h/', client_id = 'i', client_secrt = 's' } }",
            "introspection.client_secrt is not a setting; did you mean tenant[0].token.introspection.client_secret?"
                .to_owned(),
        ),
        ("{ introspection = 's' }", "introspection is a value that is not shown, expected a table with url".to_owned()),
    ] {
        let found = load(&TENANT.replace("TOKEN", token), &[]).map(|_| ()).unwrap_err();
        let expected = format!("t.toml:1: tenant[0].token.{expected}");
        assert!(found.lines().any(|line| line.trim() == expected), "{token}: no\n{expected}\nin\n{found}");
    }
    let many = vec!["{ algorithm = 'HS256', secret = 's' }"; 17].join(", ");
    for keys in ["[]", "'s'", &format!("[{many}]")] {
        let found =
            load(&TENANT.replace("TOKEN", &format!("{{ keys = {keys} }}")), &[]).map(|_| ()).unwrap_err();
        assert!(
            found.contains("tenant[0].token.keys is a value that is not shown, expected a list"),
            "{found}"
        );
    }
}

#[test]
fn api_keys_are_long_and_never_shown() {
    let tenant = |keys: &str| TENANT.replace("client_keys", &format!("api_keys = {keys}, client_keys"));
    let tenant = |keys: &str| tenant(keys).replace("TOKEN", "{ algorithm = 'HS256', secret = 's' }");
    let settings = load(&tenant("['0123456789abcdef', 'x0123456789abcdef']"), &[]).unwrap();
    let keys: Vec<&[u8]> = settings.tenants[0].api_keys.iter().map(Secret::expose).collect();
    assert_eq!(keys, [&b"0123456789abcdef"[..], b"x0123456789abcdef"]);
    assert!(!format!("{settings:?}").contains("0123456789abcdef"));
    for fine in ["[]", &format!("['{}']", "k".repeat(256))] {
        check(&tenant(fine), &[], "fine");
    }
    let long = "k".repeat(257);
    for invalid in
        ["'0123456789abcdef'", "[1]", "['0123456789abcde']", "['0123456789abcd f']", &format!("['{long}']")]
    {
        let problem = load(&tenant(invalid), &[]).map(|_| ()).unwrap_err();
        let expected = "tenant[0].api_keys is a value that is not shown, expected a list of keys, each of 16";
        assert!(problem.contains(expected), "{problem}");
        assert!(!problem.contains("0123456789"), "{problem}");
    }
}
