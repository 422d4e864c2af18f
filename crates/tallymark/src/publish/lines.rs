//! Lines of a file or pipe, one at a time, each with its number: never more of the input in memory
//! than one line.

use std::io::{self, BufRead, BufReader, Read};

/// The longest line, in bytes without the line break.
pub(super) const MAX_LINE_BYTES: usize = 16 << 20;

/// Reads numbered lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: BufReader<R>,
    number: u64,
    offset: u64,
    line: Vec<u8>,
}

/// A line as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawLine<'a> {
    /// Counted from 1.
    pub(super) number: u64,
    /// Offset of its end in the input, line break included.
    pub(super) end: u64,
    /// Without the line break; `None` if it is longer than [`MAX_LINE_BYTES`].
    pub(super) text: Option<&'a [u8]>,
}

impl<R: Read> Lines<R> {
    /// Starts at the input's first line.
    pub(super) fn new(input: BufReader<R>) -> Self {
        Self { input, number: 0, offset: 0, line: Vec::new() }
    }

    /// How many lines were read.
    pub(super) fn count(&self) -> u64 {
        self.number
    }

    /// The next line, or `None` at the end. The last line needs no line break.
    pub(super) fn next(&mut self) -> io::Result<Option<RawLine<'_>>> {
        self.line.clear();
        let mut length = 0;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() && length == 0 {
                return Ok(None);
            }
            let line_break = available.iter().position(|byte| *byte == b'\n');
            let taken = line_break.map_or(available.len(), |position| position + 1);
            if length + taken <= MAX_LINE_BYTES + 1 {
                self.line.extend_from_slice(&available[..taken]);
            }
            length += taken;
            let is_over = line_break.is_some() || available.is_empty();
            self.input.consume(taken);
            if is_over {
                break;
            }
        }
        self.number += 1;
        self.offset += length as u64;
        let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let fits = self.line.len() == length && text.len() <= MAX_LINE_BYTES;
        Ok(Some(RawLine { number: self.number, end: self.offset, text: fits.then_some(text) }))
    }

    /// Whether reading on may have to wait for the input.
    pub(super) fn may_wait(&self) -> bool {
        self.input.buffer().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line as number, end and text, with a buffer of 3 bytes to cross its border often.
    fn check(input: &str, expected: &[(u64, u64, &str)]) {
        let mut lines = Lines::new(BufReader::with_capacity(3, input.as_bytes()));
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let text = String::from_utf8(line.text.unwrap().to_vec()).unwrap();
            found.push((line.number, line.end, text));
        }
        let expected: Vec<_> = expected.iter().map(|(n, e, t)| (*n, *e, (*t).to_owned())).collect();
        assert_eq!(found, expected, "{input:?}");
    }

    #[test]
    fn lines_are_numbered_from_one() {
        check("", &[]);
        check("a", &[(1, 1, "a")]);
        check("a\n", &[(1, 2, "a")]);
        check("\n\n", &[(1, 1, ""), (2, 2, "")]);
        check("abcdef\r\n\nxy", &[(1, 8, "abcdef\r"), (2, 9, ""), (3, 11, "xy")]);
    }

    #[test]
    fn a_line_over_the_limit_is_told_and_the_next_one_read() {
        for (length, fits) in [(MAX_LINE_BYTES, true), (MAX_LINE_BYTES + 1, false)] {
            for line_break in ["\n", ""] {
                let input = format!("{}{line_break}", "x".repeat(length));
                let mut lines = Lines::new(BufReader::new(input.as_bytes()));
                let line = lines.next().unwrap().unwrap();
                assert_eq!(line.text.is_some(), fits, "{length} bytes and {line_break:?}");
                assert_eq!(lines.next().unwrap(), None);
            }
        }
        let input = format!("{}\nnext\n", "x".repeat(3 * MAX_LINE_BYTES));
        let mut lines = Lines::new(BufReader::new(input.as_bytes()));
        assert_eq!(lines.next().unwrap().unwrap().text, None);
        let next = lines.next().unwrap().unwrap();
        assert_eq!((next.number, next.text), (2, Some(&b"next"[..])));
        assert!(lines.line.capacity() <= 2 * MAX_LINE_BYTES + 2, "over-long lines are not kept");
    }
}
