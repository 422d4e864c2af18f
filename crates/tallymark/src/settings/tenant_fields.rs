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
pub(super) const TOKEN: Field = Field {
    name: "token",
    expected: "a table with algorithm and one of secret, secret_file, public_key_file",
    presence: "required",
    meaning: "How this tenant's tokens are verified.",
};
pub(super) const ALGORITHM: Field = Field {
    name: "token.algorithm",
    expected: r#""HS256", "RS256", "ES256" or "EdDSA""#,
    presence: "required",
    meaning: "The one signature algorithm that is accepted.",
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

/// All fields of a tenant.
pub(super) const FIELDS: &[&Field] = &[
    &NAME,
    &CLIENT_KEYS,
    &API_KEYS,
    &TOKEN,
    &ALGORITHM,
    &SECRET,
    &SECRET_FILE,
    &PUBLIC_KEY_FILE,
    &ISSUER,
    &AUDIENCE,
];
