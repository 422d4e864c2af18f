//! Ids, tags and tenants by themselves; the decoder's tests show them at their limits in a body.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use events::{Id, IdError, MessageKey, Tag, Tenant};

#[test]
fn control_characters_are_those_of_category_cc() {
    for character in '\0'..=char::MAX {
        let text = format!("é{character}");
        let code = u32::from(character);
        let category_cc = matches!(code, 0..=0x1f | 0x7f..=0x9f);
        let expected = category_cc.then_some(IdError::ControlCharacter { code, position: 2 });
        assert_eq!(Id::new(&text).err(), expected, "U+{code:04X}");
        assert_eq!(Tag::new(&text).err(), expected, "U+{code:04X}");
    }
}

#[test]
fn lengths_are_in_bytes() {
    let too_long = |length, limit| Some(IdError::TooLong { length, limit });
    assert_eq!(Id::new("").err(), Some(IdError::Empty));
    assert_eq!(Id::new("é".repeat(128)).err(), None);
    assert_eq!(Id::new("é".repeat(128) + "a").err(), too_long(257, 256));
    assert_eq!(Tag::new("é".repeat(64)).err(), None);
    assert_eq!(Tag::new("é".repeat(64) + "a").err(), too_long(129, 128));
    assert_eq!(Tenant::new(&"a".repeat(64)).err(), None);
    assert_eq!(Tenant::new(&"a".repeat(65)).err(), too_long(65, 64));
}

#[test]
fn tenants_are_ascii_words() {
    for character in '\0'..='\u{17f}' {
        let text = format!("a{character}");
        let allowed = character.is_ascii_alphanumeric() || "_-".contains(character);
        let expected = (!allowed).then_some(IdError::NotATenant { position: 1 });
        assert_eq!(Tenant::new(&text).err(), expected, "{character:?}");
    }
}

/// Stores keep these keys: they must never change.
#[test]
fn message_keys_begin_the_sha_256() {
    for (message, key) in
        [("", "e3b0c44298fc1c149afbf4c8996fb924"), ("abc", "ba7816bf8f01cfea414140de5dae2223")]
    {
        let bytes = MessageKey::of(message).0;
        let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hexadecimal, key);
    }
}
