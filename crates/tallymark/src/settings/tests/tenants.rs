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
