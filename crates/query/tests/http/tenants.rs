//! Which tenants can be served together.

use query::{Algorithm, ApiKey, Tenant, Tenants};

use crate::support::tenant;

fn named(name: &str, client_keys: &[&str]) -> Tenant {
    let client_keys = client_keys.iter().map(|key| (*key).to_owned()).collect();
    let api_keys = Vec::new();
    Tenant { name: name.to_owned(), client_keys, api_keys, ..tenant("any", Algorithm::Hs256, b"secret") }
}

/// One line a case: `name: client keys; name: client keys | what is wrong`.
fn check(line: &str) {
    let (tenants, expected) = line.split_once(" | ").expect("two fields");
    let tenants = tenants.split(';').filter(|tenant| !tenant.trim().is_empty()).map(|tenant| {
        let (name, keys) = tenant.split_once(':').expect("a name and client keys");
        let keys: Vec<_> = keys.split(',').filter(|keys| !keys.trim().is_empty()).collect();
        let keys: Vec<_> = keys.iter().map(|key| key.trim().trim_matches('"')).collect();
        named(name.trim(), &keys)
    });
    let found = match Tenants::new(tenants.collect()) {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(found.starts_with(expected), "{line}: {found}");
}

#[test]
fn tenants() {
    for line in [
        " | fine",
        "a: k | fine",
        "a: k1, k2; b: k3 | fine",
        "a: k, k | fine",
        "a: k!#~ | fine",
        r#": k | the tenant name "" is empty"#,
        r#"a.b: k | the tenant name "a.b" has a character outside [A-Za-z0-9_-] at byte 1"#,
        r#"a: k1; a: k2 | two tenants are named "a""#,
        r#"a: ; b: k | the tenant "a" has no client key"#,
        r#"a: k; b: k | the client key "k" is given to the tenants "a" and "b""#,
        r#"a: k1, k2; b: k3; c: k2 | the client key "k2" is given to the tenants "a" and "c""#,
        r#"a: k, "" | the client key "" of the tenant "a" can't be sent in a header"#,
        r#"a: "k k" | the client key "k k" of the tenant "a" can't be sent in a header"#,
        r#"a: ké | the client key "ké" of the tenant "a" can't be sent in a header"#,
    ] {
        check(line);
    }
}

#[test]
fn an_api_key_belongs_to_one_tenant() {
    let with = |name: &str, keys: &[&str]| {
        let api_keys = keys.iter().map(|key| ApiKey::new(key.as_bytes())).collect();
        Tenant { api_keys, ..named(name, &[name]) }
    };
    assert!(Tenants::new(vec![with("a", &["one", "two", "one"]), with("b", &["three"])]).is_ok());
    let refused = Tenants::new(vec![with("a", &["one"]), with("b", &[]), with("c", &["two", "one"])]);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.starts_with(r#"an API key is given to the tenants "a" and "c""#), "{refused}");
}

#[test]
fn shared_keys_are_told() {
    let rsa = include_bytes!("../data/rs256.public.pem");
    let rsa_pkcs1 = include_bytes!("../data/rs256.public.pkcs1.pem");
    let tenants = Tenants::new(vec![
        tenant("a", Algorithm::Hs256, b"secret"),
        tenant("b", Algorithm::Hs256, b"other"),
        tenant("c", Algorithm::Rs256, rsa),
        tenant("d", Algorithm::Hs256, b"secret"),
        tenant("e", Algorithm::Rs256, rsa_pkcs1),
        tenant("f", Algorithm::Hs256, b"secret"),
    ])
    .unwrap();
    let pairs: Vec<_> = tenants.sharing_tokens().collect();
    assert_eq!(pairs, [("a", "d"), ("a", "f"), ("c", "e"), ("d", "f")]);
}
