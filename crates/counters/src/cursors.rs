//! How far a user has read, room by room.

/// The cursors of one user, parallel to the rooms: two bytes each as long as none is above 65,535, else four. How many
/// of the places are in use is known to the rooms.
#[derive(Debug)]
pub(crate) enum Cursors {
    Narrow(Box<[u16]>),
    Wide(Box<[u32]>),
}

impl Default for Cursors {
    fn default() -> Self {
        Self::Narrow(Box::default())
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

    /// Puts a cursor before the one at `place`; `used` places are in use, and one more has to be there.
    pub(crate) fn insert(&mut self, place: usize, used: usize, cursor: u32) {
        match self {
            Self::Narrow(cursors) => cursors.copy_within(place..used, place + 1),
            Self::Wide(cursors) => cursors.copy_within(place..used, place + 1),
        }
        self.set(place, cursor);
    }

    /// Takes a cursor from its place; `used` places were in use.
    pub(crate) fn remove(&mut self, place: usize, used: usize) -> u32 {
        let cursor = self.get(place);
        match self {
            Self::Narrow(cursors) => cursors.copy_within(place + 1..used, place),
            Self::Wide(cursors) => cursors.copy_within(place + 1..used, place),
        }
        cursor
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> usize {
        match self {
            Self::Narrow(cursors) => cursors.len(),
            Self::Wide(cursors) => cursors.len(),
        }
    }

    /// Changes how many there are.
    pub(crate) fn resize(&mut self, places: usize) {
        match self {
            Self::Narrow(cursors) => resize(cursors, places),
            Self::Wide(cursors) => resize(cursors, places),
        }
    }

    /// All of them, with four bytes each from now on.
    fn wide(&mut self) -> &mut [u32] {
        if let Self::Narrow(cursors) = self {
            *self = Self::Wide(cursors.iter().copied().map(u32::from).collect());
        }
        let Self::Wide(cursors) = self else { unreachable!("it was just widened") };
        cursors
    }
}

fn resize<T: Copy + Default>(cursors: &mut Box<[T]>, places: usize) {
    let mut resized = std::mem::take(cursors).into_vec();
    resized.reserve_exact(places.saturating_sub(resized.len()));
    resized.resize(places, T::default());
    *cursors = resized.into_boxed_slice();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_width_holds_what_it_was_given() {
        // The first cursor that needs four bytes comes by `set` or by `insert`, to some place, or not at all.
        for wide_step in 0..40 {
            let (mut cursors, mut plain) = (Cursors::default(), Vec::new());
            for step in 0..35_u32 {
                let cursor = if step == wide_step { 65_536 } else { 65_535 - step };
                let place = (step * 7) as usize % (plain.len() + 1);
                match step % 5 {
                    0..3 => {
                        cursors.resize(plain.len() + 1 + step as usize % 2);
                        cursors.insert(place, plain.len(), cursor);
                        plain.insert(place, cursor);
                    }
                    3 => {
                        let place = place % plain.len();
                        cursors.set(place, cursor);
                        plain[place] = cursor;
                    }
                    _ => {
                        let (place, used) = (place % plain.len(), plain.len());
                        assert_eq!(cursors.remove(place, used), plain.remove(place));
                    }
                }
                let found: Vec<u32> = (0..plain.len()).map(|place| cursors.get(place)).collect();
                assert_eq!(found, plain, "step {step}, wide at {wide_step}");
            }
            let is_wide = matches!(cursors, Cursors::Wide(_));
            assert_eq!(is_wide, wide_step < 35 && wide_step % 5 < 4, "wide at {wide_step}");
        }
    }
}
