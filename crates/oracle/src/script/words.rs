//! The words of a step or an expectation, one after the other.

use std::str::SplitWhitespace;

use events::{Id, IdError, Tag, Tenant};

use super::{Problem, TENANT};

pub(super) struct Words<'a> {
    words: std::iter::Peekable<SplitWhitespace<'a>>,
    pub(super) tenant: Tenant<'a>,
}

impl<'a> Words<'a> {
    /// The words of that text, after the tenant if it names one.
    pub(super) fn of(text: &'a str) -> Result<Self, Problem> {
        let mut words =
            Self { words: text.split_whitespace().peekable(), tenant: named(TENANT, Tenant::new)? };
        if words.skip("in") {
            let expected = "a tenant and a colon, as in `in other:`";
            let word = words.next(expected)?;
            let Some(tenant) = word.strip_suffix(':') else {
                return Err(unexpected(expected, word));
            };
            words.tenant = named(tenant, Tenant::new)?;
        }
        Ok(words)
    }

    pub(super) fn next(&mut self, expected: &'static str) -> Result<&'a str, Problem> {
        self.words.next().ok_or(Problem::Missing { expected })
    }

    /// Passes over this word if it is the next.
    pub(super) fn skip(&mut self, word: &str) -> bool {
        self.words.next_if(|next| *next == word).is_some()
    }

    pub(super) fn id(&mut self, expected: &'static str) -> Result<Id<'a>, Problem> {
        named(self.next(expected)?, Id::new)
    }

    pub(super) fn ids(&mut self, expected: &'static str) -> Result<Vec<Id<'a>>, Problem> {
        list(self.next(expected)?).map(|id| named(id, Id::new)).collect()
    }

    pub(super) fn tags(&mut self, expected: &'static str) -> Result<Vec<Tag<'a>>, Problem> {
        list(self.next(expected)?).map(|tag| named(tag, Tag::new)).collect()
    }

    pub(super) fn number(&mut self, expected: &'static str) -> Result<u64, Problem> {
        let word = self.next(expected)?;
        word.parse().map_err(|_| unexpected(expected, word))
    }

    pub(super) fn expect(&mut self, word: &'static str) -> Result<(), Problem> {
        let found = self.next(word)?;
        if found == word { Ok(()) } else { Err(unexpected(word, found)) }
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.words.peek().is_none()
    }

    /// Nothing may be left over.
    pub(super) fn end(mut self) -> Result<(), Problem> {
        match self.words.next() {
            None => Ok(()),
            Some(word) => Err(unexpected("the end", word)),
        }
    }
}

/// The parts of a list; `-` has none.
pub(super) fn list(word: &str) -> impl Iterator<Item = &str> {
    word.split(',').filter(move |_| word != "-")
}

/// The text, if it is within the limits of an id.
pub(super) fn name(text: &str) -> Result<&str, Problem> {
    named(text, Id::new).map(|_| text)
}

pub(super) fn unexpected(expected: &'static str, found: &str) -> Problem {
    Problem::Unexpected { expected, found: found.to_owned() }
}

fn named<'a, T>(name: &'a str, new: impl Fn(&'a str) -> Result<T, IdError>) -> Result<T, Problem> {
    new(name).map_err(|error| Problem::Name { name: name.to_owned(), error })
}
