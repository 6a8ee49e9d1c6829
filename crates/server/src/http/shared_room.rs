//! Room of a bounded size, of which clients of one address prefix get a part.

use std::collections::HashMap;
use std::sync::Arc;

use heliostat_peer::AddressPrefix;
use parking_lot::Mutex;

/// One prefix gets this part of the room: 1/4.
const PREFIX_SHARE: u64 = 4;

/// Gives room away. Cloning is cheap and shares it.
#[derive(Debug, Clone)]
pub struct SharedRoom {
    max_bytes: u64,
    used: Arc<Mutex<Used>>,
}

#[derive(Debug, Default)]
struct Used {
    bytes: u64,
    by_prefix: HashMap<AddressPrefix, u64>,
}

/// What one client has of the room; given back when dropped.
#[derive(Debug)]
pub struct TakenRoom {
    room: SharedRoom,
    prefix: AddressPrefix,
    bytes: u64,
}

impl SharedRoom {
    /// So much room.
    pub fn new(max_bytes: u64) -> Self {
        Self { max_bytes, used: Arc::default() }
    }

    /// A place in it that takes nothing yet.
    pub fn place(&self, prefix: AddressPrefix) -> TakenRoom {
        TakenRoom { room: self.clone(), prefix, bytes: 0 }
    }

    /// How much is taken.
    #[cfg(test)]
    pub fn used_bytes(&self) -> u64 {
        self.used.lock().bytes
    }
}

impl TakenRoom {
    /// Takes so much more; false if there is not so much.
    pub fn grow(&mut self, bytes: u64) -> bool {
        let max_bytes = self.room.max_bytes;
        let mut used = self.room.used.lock();
        let of_prefix = used.by_prefix.get(&self.prefix).copied().unwrap_or(0).saturating_add(bytes);
        if used.bytes.saturating_add(bytes) > max_bytes || of_prefix > max_bytes / PREFIX_SHARE {
            return false;
        }
        used.bytes += bytes;
        used.by_prefix.insert(self.prefix, of_prefix);
        self.bytes += bytes;
        true
    }
}

impl Drop for TakenRoom {
    fn drop(&mut self) {
        let mut used = self.room.used.lock();
        used.bytes -= self.bytes;
        if let Some(of_prefix) = used.by_prefix.get_mut(&self.prefix) {
            *of_prefix -= self.bytes;
            if *of_prefix == 0 {
                used.by_prefix.remove(&self.prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn clients_of_one_prefix_leave_room_for_others() {
        let room = SharedRoom::new(400);
        let place = |third| room.place(IpAddr::from(Ipv4Addr::new(192, 0, third, 1)).into());
        let (mut first, mut neighbour, mut other) = (place(1), place(1), place(2));
        assert!(first.grow(60) && first.grow(40), "its share");
        assert!(!neighbour.grow(1) && !first.grow(1) && other.grow(1));
        assert!(!other.grow(u64::MAX));
        drop(first);
        assert!(neighbour.grow(100));
        drop((neighbour, other));
        assert_eq!(room.used_bytes(), 0);
        assert!(room.used.lock().by_prefix.is_empty());
    }
}
