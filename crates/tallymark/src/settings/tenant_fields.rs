//! The fields of a `[[tenant]]`, once: name, what is accepted, whether it must be given, meaning.

/// One field of a `[[tenant]]`.
pub(super) struct Field {
    /// The name inside the tenant.
    pub(super) name: &'static str,
    /// What is accepted, to follow the word "expected".
    pub(super) expected: &'static str,
    /// Whether it must be given.
    pub(super) presence: &'static str,
    /// What it does.
    pub(super) meaning: &'static str,
}

pub(super) const NAME: Field = Field {
    name: "name",
    expected: "1 to 64 of the characters A-Z a-z 0-9 _ -, as no other tenant has it",
    presence: "required",
    meaning: "The tenant, as in the subjects of its events.",
};
pub(super) const CLIENT_KEYS: Field = Field {
    name: "client_keys",
    expected: "a list of at least one key, each of 1 to 256 printable ASCII characters without space at the ends, as no other tenant has it",
    presence: "required",
    meaning: "The public client keys (header IM-CLIENT-KEY) that stand for this tenant.",
};
pub(super) const API_KEYS: Field = Field {
    name: "api_keys",
    expected: "a list of keys, each of 16 to 256 printable ASCII characters without spaces, as no other tenant has it",
    presence: "optional",
    meaning: "The secret keys (header IM-API-KEY) with which this tenant's servers ask about any of its users. Never shown.",
};
pub(super) const ALLOWED_ORIGINS: Field = Field {
    name: "allowed_origins",
    expected: "a list of origins such as \"https://chat.example\" or \"http://localhost:3000\", in lower case and without a path, or of \"*\"",
    presence: "optional",
    meaning: "The web pages that may ask and read the answers (CORS), by their origin; \"*\": all.",
};
pub(super) const TOKEN: Field = Field {
    name: "token",
    expected: "a table with a key (algorithm and one of secret, secret_file, public_key_file), or with keys, jwks_file, jwks_url or introspection",
    presence: "required",
    meaning: "How this tenant's tokens are verified.",
};
pub(super) const ALGORITHM: Field = Field {
    name: "token.algorithm",
    expected: r#""HS256", "RS256", "ES256" or "EdDSA""#,
    presence: "required with a key of its own",
    meaning: "The one signature algorithm that is accepted. Keys in keys may name another for themselves; of a key set, only keys of this algorithm are used. Without it, each key of a set says its own.",
};
pub(super) const SECRET: Field = Field {
    name: "token.secret",
    expected: "non-empty text",
    presence: "HS256: this or secret_file",
    meaning: "The shared secret itself. Never shown.",
};
pub(super) const SECRET_FILE: Field = Field {
    name: "token.secret_file",
    expected: "the path of a file",
    presence: "HS256: this or secret",
    meaning: "A file whose content is the shared secret; one line break at its end does not belong to it.",
};
pub(super) const PUBLIC_KEY_FILE: Field = Field {
    name: "token.public_key_file",
    expected: "the path of a PEM file",
    presence: "RS256, ES256, EdDSA: required",
    meaning: "A file with the public key, PEM.",
};
pub(super) const KEY_ID: Field = Field {
    name: "token.key_id",
    expected: "non-empty text",
    presence: "optional",
    meaning: "The key's name: a token that names another with `kid` is not verified with it.",
};
pub(super) const KEYS: Field = Field {
    name: "token.keys",
    expected: "a list of 1 to 16 tables, each with one of secret, secret_file, public_key_file and, where token.algorithm does not say it, an algorithm",
    presence: "optional",
    meaning: "More keys, for rotation: a token that one of them fits is good. Each may have a key_id.",
};
pub(super) const JWKS_FILE: Field = Field {
    name: "token.jwks_file",
    expected: "the path of a file",
    presence: "optional",
    meaning: "A file with more keys, a JSON Web Key Set (RFC 7517). Read at start and on SIGHUP.",
};
pub(super) const JWKS_URL: Field = Field {
    name: "token.jwks_url",
    expected: "a URL that begins with https://, or with http:// and this machine's 127.0.0.1, [::1] or localhost",
    presence: "optional",
    meaning: "Where more keys are, public ones only. Fetched every jwks_interval_s, and when a token names a key that is not known, at most every 10 s; if that fails, the keys fetched before stay in use.",
};
pub(super) const JWKS_INTERVAL: Field = Field {
    name: "token.jwks_interval_s",
    expected: "an integer from 10 to 86400 (seconds)",
    presence: "optional, 600",
    meaning: "How often keys are fetched from jwks_url.",
};
pub(super) const ISSUER: Field = Field {
    name: "token.issuer",
    expected: "non-empty text",
    presence: "optional",
    meaning: "If given, a token's `iss` must be this.",
};
pub(super) const AUDIENCE: Field = Field {
    name: "token.audience",
    expected: "non-empty text",
    presence: "optional",
    meaning: "If given, a token's `aud` must be this or contain it.",
};
pub(super) const LEEWAY: Field = Field {
    name: "token.leeway_s",
    expected: "an integer from 0 to 60 (seconds)",
    presence: "optional, 0",
    meaning: "By how much the clocks of those who make tokens may differ: `exp` and `nbf` are taken that much more generously.",
};
pub(super) const INTROSPECTION: Field = Field {
    name: "token.introspection",
    expected: "a table with url",
    presence: "optional",
    meaning: "Who is asked what an opaque token is worth (RFC 7662). A tenant with keys has JWTs verified with them, and only other tokens asked for.",
};
pub(super) const INTROSPECTION_URL: Field = Field {
    name: "token.introspection.url",
    expected: "a URL that begins with https://, or with http:// and this machine's 127.0.0.1, [::1] or localhost",
    presence: "required within introspection",
    meaning: "The introspection endpoint.",
};
pub(super) const CLIENT_ID: Field = Field {
    name: "token.introspection.client_id",
    expected: "non-empty text",
    presence: "optional, with a secret",
    meaning: "The name that this service has there, shown by HTTP Basic.",
};
pub(super) const CLIENT_SECRET: Field = Field {
    name: "token.introspection.client_secret",
    expected: "non-empty text",
    presence: "with client_id: this or client_secret_file",
    meaning: "The secret that this service has there. Never shown.",
};
pub(super) const CLIENT_SECRET_FILE: Field = Field {
    name: "token.introspection.client_secret_file",
    expected: "the path of a file",
    presence: "with client_id: this or client_secret",
    meaning: "A file whose content is client_secret; one line break at its end does not belong to it.",
};
pub(super) const CACHE: Field = Field {
    name: "token.introspection.cache_s",
    expected: "an integer from 1 to 3600 (seconds)",
    presence: "optional, 60",
    meaning: "For how long an answer holds, so that a token that is withdrawn stops being good after that time at the latest. That a token is not good holds for 10 s at the most.",
};

/// All fields of a tenant.
pub(super) const FIELDS: &[&Field] = &[
    &NAME,
    &CLIENT_KEYS,
    &API_KEYS,
    &ALLOWED_ORIGINS,
    &TOKEN,
    &ALGORITHM,
    &SECRET,
    &SECRET_FILE,
    &PUBLIC_KEY_FILE,
    &KEY_ID,
    &KEYS,
    &JWKS_FILE,
    &JWKS_URL,
    &JWKS_INTERVAL,
    &ISSUER,
    &AUDIENCE,
    &LEEWAY,
    &INTROSPECTION,
    &INTROSPECTION_URL,
    &CLIENT_ID,
    &CLIENT_SECRET,
    &CLIENT_SECRET_FILE,
    &CACHE,
];
