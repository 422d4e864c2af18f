//! The few shapes that rows are made of: variable-length integers, texts and fixed runs of bytes.

/// A row ends too early, goes on too long, or holds a value that its place does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadRow;

/// Seven bits a byte, lowest first; the top bit says that more follow.
pub(crate) fn put_int(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_int(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads a row from its front to its end.
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn new(row: &'a [u8]) -> Self {
        Self(row)
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn end(self) -> Result<(), BadRow> {
        if self.is_at_end() { Ok(()) } else { Err(BadRow) }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], BadRow> {
        let (front, rest) = self.0.split_at_checked(length).ok_or(BadRow)?;
        self.0 = rest;
        Ok(front)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], BadRow> {
        let (front, rest) = self.0.split_first_chunk().ok_or(BadRow)?;
        self.0 = rest;
        Ok(*front)
    }

    #[inline]
    pub(crate) fn int(&mut self) -> Result<u64, BadRow> {
        match *self.0 {
            // Most are that short.
            [byte @ ..0x80, ref rest @ ..] => {
                self.0 = rest;
                Ok(byte.into())
            }
            _ => self.long_int(),
        }
    }

    fn long_int(&mut self) -> Result<u64, BadRow> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            value |= bits << shift;
            if (bits << shift) >> shift != bits {
                return Err(BadRow);
            }
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(BadRow)
    }

    #[inline]
    pub(crate) fn int32(&mut self) -> Result<u32, BadRow> {
        u32::try_from(self.int()?).map_err(|_| BadRow)
    }

    /// What [`put_bytes`] wrote.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], BadRow> {
        let length = usize::try_from(self.int()?).map_err(|_| BadRow)?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, BadRow> {
        std::str::from_utf8(self.bytes()?).map_err(|_| BadRow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_survive_and_broken_ones_are_refused() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut row = Vec::new();
            put_int(&mut row, value);
            let mut cursor = Cursor::new(&row);
            assert_eq!(cursor.int(), Ok(value));
            assert!(cursor.is_at_end());
            assert_eq!(Cursor::new(&row[..row.len() - 1]).int(), Err(BadRow), "{value} cut short");
        }
        assert_eq!(Cursor::new(&[0xff; 10]).int(), Err(BadRow), "more than 64 bits");
        assert_eq!(Cursor::new(&[0xff; 11]).int(), Err(BadRow));
    }
}
