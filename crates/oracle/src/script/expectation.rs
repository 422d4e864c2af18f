//! From an expectation to its question and answer.

use super::words::{Words, list, name};
use super::{Expectation, Problem, Question, Subject};

pub(super) fn parse(text: &str) -> Result<Expectation<'_>, Problem> {
    let mut words = Words::of(text)?;
    let subject = subject(&mut words)?;
    let answer = answer(&mut words, &subject)?;
    let tenant = words.tenant.as_str();
    words.end()?;
    Ok(Expectation { text, question: Question { tenant, subject }, answer })
}

fn subject<'a>(words: &mut Words<'a>) -> Result<Subject<'a>, Problem> {
    if words.skip("time") {
        return Ok(Subject::Time { room: words.next("a room")?, message: words.next("a message")? });
    }
    let word = words.next("a user, with `#tags`, `@room` or `!room` if wanted")?;
    if let Some((user, room)) = word.split_once('@') {
        return Ok(Subject::Unread { user: name(user)?, room: name(room)? });
    }
    if let Some((user, room)) = word.split_once('!') {
        return Ok(Subject::Mentions { user: name(user)?, room: name(room)? });
    }
    let (user, tags) = word.split_once('#').unwrap_or((word, "-"));
    Ok(Subject::Badge {
        user: name(user)?,
        tags: list(tags).map(name).collect::<Result<_, _>>()?,
        skip_muted: words.skip("skip_muted"),
    })
}

/// A badge is always a number: for a user without rooms it is 0.
fn answer(words: &mut Words<'_>, subject: &Subject<'_>) -> Result<Option<u64>, Problem> {
    if matches!(subject, Subject::Badge { .. }) {
        return Ok(Some(words.number("a number")?));
    }
    if words.skip("none") {
        return Ok(None);
    }
    Ok(Some(words.number("a number or `none`")?))
}
