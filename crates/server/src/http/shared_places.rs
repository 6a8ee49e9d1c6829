//! Places for work that takes much memory, a core or a thread: a bounded number at once, of which clients of one address
//! prefix have a few.
//!
//! A client that waits for a place of its own prefix delays no client of another.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use heliostat_peer::AddressPrefix;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// From so many prefixes on those are forgotten that have nothing here.
const MANY_PREFIXES: usize = 1_024;

/// Hands places out. Cloning is cheap and shares them.
#[derive(Debug, Clone)]
pub struct SharedPlaces {
    all: Arc<Semaphore>,
    per_prefix: usize,
    prefixes: Arc<Mutex<HashMap<AddressPrefix, Weak<Semaphore>>>>,
}

/// A place; dropping it passes it on.
#[derive(Debug)]
pub struct Place {
    _of_prefix: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl SharedPlaces {
    /// So many places, and so many of them for each address prefix.
    pub fn new(all: usize, per_prefix: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), per_prefix, prefixes: Arc::default() }
    }

    /// Waits for a place.
    pub async fn take(&self, client: AddressPrefix) -> Place {
        let own = self.places_of(client);
        let _of_prefix = own.acquire_owned().await.expect("it is never closed");
        let _of_all = Arc::clone(&self.all).acquire_owned().await.expect("it is never closed");
        Place { _of_prefix, _of_all }
    }

    fn places_of(&self, client: AddressPrefix) -> Arc<Semaphore> {
        let mut prefixes = self.prefixes.lock();
        if let Some(known) = prefixes.get(&client).and_then(Weak::upgrade) {
            return known;
        }
        if prefixes.len() >= MANY_PREFIXES {
            prefixes.retain(|_, places| places.strong_count() > 0);
        }
        let places = Arc::new(Semaphore::new(self.per_prefix));
        prefixes.insert(client, Arc::downgrade(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use futures_util::FutureExt;

    use super::*;

    fn prefix(third: u8) -> AddressPrefix {
        IpAddr::from(Ipv4Addr::new(192, 0, third, 1)).into()
    }

    #[tokio::test]
    async fn one_prefix_leaves_places_to_others() {
        let places = SharedPlaces::new(3, 2);
        let first = places.take(prefix(1)).await;
        let _second = places.take(prefix(1)).await;
        let mut waiting = Box::pin(places.take(prefix(1)));
        assert!((&mut waiting).now_or_never().is_none());
        let _other = places.take(prefix(2)).now_or_never().expect("a place is free");
        assert!(places.take(prefix(3)).now_or_never().is_none(), "all are taken");
        drop(first);
        assert!(waiting.now_or_never().is_some());
    }
}
