//! How far a user has read, room by room.

/// The cursors of one user, parallel to the rooms: two bytes each as long as none is above 65,535, else four.
#[derive(Debug)]
pub(crate) enum Cursors {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Default for Cursors {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

impl Cursors {
    pub(crate) fn get(&self, place: usize) -> u32 {
        match self {
            Self::Narrow(cursors) => cursors[place].into(),
            Self::Wide(cursors) => cursors[place],
        }
    }

    pub(crate) fn set(&mut self, place: usize, cursor: u32) {
        match (&mut *self, u16::try_from(cursor)) {
            (Self::Narrow(cursors), Ok(cursor)) => cursors[place] = cursor,
            _ => self.wide()[place] = cursor,
        }
    }

    pub(crate) fn insert(&mut self, place: usize, cursor: u32) {
        match (&mut *self, u16::try_from(cursor)) {
            (Self::Narrow(cursors), Ok(cursor)) => cursors.insert(place, cursor),
            _ => self.wide().insert(place, cursor),
        }
    }

    pub(crate) fn remove(&mut self, place: usize) -> u32 {
        match self {
            Self::Narrow(cursors) => cursors.remove(place).into(),
            Self::Wide(cursors) => cursors.remove(place),
        }
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        match self {
            Self::Narrow(cursors) => cursors.truncate(length),
            Self::Wide(cursors) => cursors.truncate(length),
        }
    }

    /// Room for so many more, and no more than that.
    pub(crate) fn reserve(&mut self, more: usize) {
        match self {
            Self::Narrow(cursors) => cursors.reserve_exact(more),
            Self::Wide(cursors) => cursors.reserve_exact(more),
        }
    }

    /// All of them, with four bytes each from now on.
    fn wide(&mut self) -> &mut Vec<u32> {
        if let Self::Narrow(cursors) = self {
            let mut wide = Vec::with_capacity(cursors.capacity());
            wide.extend(cursors.iter().copied().map(u32::from));
            *self = Self::Wide(wide);
        }
        let Self::Wide(cursors) = self else { unreachable!("it was just widened") };
        cursors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_width_holds_what_it_was_given() {
        // The first cursor that needs four bytes comes by `set` or by `insert`, to some place, or not at all.
        for wide_step in 0..40 {
            let (mut cursors, mut plain) = (Cursors::default(), Vec::new());
            cursors.reserve(10);
            for step in 0..35_u32 {
                let cursor = if step == wide_step { 65_536 } else { 65_535 - step };
                let place = (step * 7) as usize % (plain.len() + 1);
                match step % 5 {
                    0..3 => {
                        cursors.insert(place, cursor);
                        plain.insert(place, cursor);
                    }
                    3 => {
                        let place = place % plain.len();
                        cursors.set(place, cursor);
                        plain[place] = cursor;
                    }
                    _ => assert_eq!(cursors.remove(place % plain.len()), plain.remove(place % plain.len())),
                }
                let found: Vec<u32> = (0..plain.len()).map(|place| cursors.get(place)).collect();
                assert_eq!(found, plain, "step {step}, wide at {wide_step}");
            }
            cursors.truncate(3);
            let is_wide = plain.contains(&65_536) || matches!(cursors, Cursors::Wide(_));
            assert_eq!(is_wide, wide_step < 35 && wide_step % 5 < 4, "wide at {wide_step}");
        }
    }
}
