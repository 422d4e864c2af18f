//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts connections. Its lock is taken when one is accepted and when one ends, never by a request.
#[derive(Debug)]
pub(super) struct Places {
    connections: usize,
    connections_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    connections: usize,
    /// Addresses without a connection are not in here.
    by_address: HashMap<IpAddr, usize>,
}

/// A connection that may be. Its place is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

/// Why a connection may not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are as many as there may be.
    Connections,
    /// There are as many from this address as there may be.
    Address,
}

impl Places {
    pub(super) fn new(connections: usize, connections_per_address: usize) -> Arc<Self> {
        Arc::new(Self { connections, connections_per_address, open: Mutex::default() })
    }

    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Full> {
        let address = one_client(peer);
        let mut open = self.open.lock();
        if open.connections >= self.connections {
            return Err(Full::Connections);
        }
        let of_address = open.by_address.entry(address).or_default();
        if *of_address >= self.connections_per_address {
            return Err(Full::Address);
        }
        *of_address += 1;
        open.connections += 1;
        Ok(Place { places: Arc::clone(self), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open.lock();
        open.connections -= 1;
        if let Entry::Occupied(mut entry) = open.by_address.entry(self.address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// Who has one IPv6 address has the 2^64 of its network.
fn one_client(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::{Full, Places};

    fn take(places: &std::sync::Arc<Places>, peer: &str) -> Result<super::Place, Full> {
        places.take(peer.parse().unwrap())
    }

    #[test]
    fn as_many_as_there_may_be_and_no_more() {
        let places = Places::new(3, 2);
        let first = take(&places, "192.0.2.1").unwrap();
        let _second = take(&places, "192.0.2.1").unwrap();
        assert_eq!(take(&places, "192.0.2.1").unwrap_err(), Full::Address);
        let third = take(&places, "192.0.2.2").unwrap();
        assert_eq!(take(&places, "192.0.2.3").unwrap_err(), Full::Connections);
        drop(third);
        assert_eq!(take(&places, "192.0.2.1").unwrap_err(), Full::Address);
        drop(first);
        let _fourth = take(&places, "192.0.2.1").unwrap();
    }

    #[test]
    fn an_address_is_forgotten_with_its_last_connection() {
        let places = Places::new(10, 10);
        let connections = ["192.0.2.1", "192.0.2.1", "192.0.2.2"].map(|peer| take(&places, peer).unwrap());
        assert_eq!(places.open.lock().by_address.len(), 2);
        drop(connections);
        assert_eq!(places.open.lock().by_address.len(), 0);
        assert_eq!(places.open.lock().connections, 0);
    }

    /// One line a case: two peers, and whether they are counted as one client.
    #[test]
    fn who_is_one_client() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ] {
            let places = Places::new(10, 1);
            let _one = take(&places, one).unwrap();
            assert_eq!(take(&places, other).is_err(), same, "{one} {other}");
        }
    }
}
