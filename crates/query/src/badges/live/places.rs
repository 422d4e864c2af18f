//! How many live badges there are.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::LiveLimits;

/// Counts live badges, in all and by user. All clones are one.
#[derive(Debug, Clone)]
pub(in crate::badges) struct LivePlaces {
    limits: LiveLimits,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// By tenant and user; those who have none are not in it.
    of_users: HashMap<Owner, usize>,
}

type Owner = Arc<(Box<str>, Arc<str>)>;

/// One live badge, until this is dropped.
#[derive(Debug)]
pub(super) struct LivePlace {
    places: LivePlaces,
    owner: Owner,
}

impl LivePlaces {
    pub(in crate::badges) fn new(limits: LiveLimits) -> Self {
        Self { limits, taken: Arc::default() }
    }

    /// `None` if there are as many as may be, in all or of this user.
    pub(super) fn take(&self, tenant: &str, user: &Arc<str>) -> Option<LivePlace> {
        let owner = Owner::new((tenant.into(), Arc::clone(user)));
        let mut taken = self.taken.lock();
        let of_user = taken.of_users.get(&owner).copied().unwrap_or(0);
        if taken.all >= self.limits.connections || of_user >= self.limits.connections_per_user {
            return None;
        }
        taken.all += 1;
        taken.of_users.insert(Arc::clone(&owner), of_user + 1);
        Some(LivePlace { places: self.clone(), owner })
    }
}

impl Drop for LivePlace {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.all -= 1;
        if let Some(of_user) = taken.of_users.get_mut(&self.owner) {
            *of_user -= 1;
            if *of_user == 0 {
                taken.of_users.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_taken_until_it_is_given_back() {
        let limits = LiveLimits { connections: 3, connections_per_user: 2, ..LiveLimits::default() };
        let places = LivePlaces::new(limits);
        let (ann, bob) = (Arc::from("ann"), Arc::from("bob"));
        let first = places.take("demo", &ann);
        let second = places.take("demo", &ann);
        assert!(first.is_some() && second.is_some());
        assert!(places.take("demo", &ann).is_none(), "ann has as many as one may have");
        let third = places.take("other", &ann);
        assert!(third.is_some(), "somebody else of that name");
        assert!(places.take("demo", &bob).is_none(), "there are as many as may be");
        drop((first, second));
        assert!(places.take("demo", &bob).is_some());
        drop(third);
        assert!(places.taken.lock().of_users.is_empty());
        assert_eq!(places.taken.lock().all, 0);
    }
}
