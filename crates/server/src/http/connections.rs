//! Which connections there are, and which one is closed when there are too many.
//!
//! Where there is no room for a new client, another connection is closed for it: one of the address prefix with the most
//! connections, and there the one for which the server has waited longest. So clients that connect and say nothing,
//! stop in the middle of a request or do not read make room for those that do; a thousand connections of one prefix
//! displace each other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use heliostat_peer::AddressPrefix;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::client_wait::ClientWait;

/// One prefix leaves this part of all connections to others: 1/4.
const LEFT_TO_OTHERS: usize = 4;

/// So many connections of a prefix are served as soon as they come.
const SERVED_AT_ONCE: usize = 32;

/// So many connections that are waited for are compared when one has to go: a flood must not make each accept long.
const MAX_LOOKED_AT: usize = 64;

/// The connections of a server. Cloning is cheap and shares them.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    max: usize,
    max_per_prefix: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next_id: u64,
    open: usize,
    by_prefix: HashMap<AddressPrefix, BTreeMap<u64, Entry>>,
    displaced: u64,
    refused: u64,
    failed_handshakes: u64,
}

#[derive(Debug)]
struct Entry {
    wait: ClientWait,
    end: CancellationToken,
}

/// A connection that was let in; it leaves when dropped.
#[derive(Debug)]
pub struct Connection {
    connections: Connections,
    prefix: Mutex<AddressPrefix>,
    id: u64,
    /// Whether it is one of many of its prefix, while there are others.
    pub is_of_a_crowd: bool,
    /// Whose move it is.
    pub wait: ClientWait,
    /// Cancelled when the connection has to make room.
    pub end: CancellationToken,
}

/// How many connections there are, and what became of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionCounters {
    /// Open now.
    pub open: usize,
    /// How many may be open.
    pub max: usize,
    /// Closed so far to make room for others.
    pub displaced: u64,
    /// Not let in so far because all others were being answered.
    pub refused: u64,
    /// Ended so far in the handshake of TLS.
    pub failed_handshakes: u64,
}

impl Connections {
    /// At most so many at once.
    pub fn new(max: usize) -> Self {
        let max_per_prefix = (max - max / LEFT_TO_OTHERS).max(1);
        Self(Arc::new(Inner { max, max_per_prefix, state: Mutex::default() }))
    }

    /// Lets a connection in, and closes another one if there is no room; `None` if all that could be closed are being
    /// answered.
    pub fn admit(&self, prefix: AddressPrefix) -> Option<Connection> {
        let mut state = self.0.state.lock();
        let of_prefix = state.by_prefix.get(&prefix).map_or(0, BTreeMap::len);
        let has_room = if of_prefix >= self.0.max_per_prefix {
            state.close_slowest(|candidate| candidate == prefix)
        } else {
            state.open < self.0.max
                || state.close_slowest(|_| true)
                || state.close_newest_beyond(of_prefix + 1)
        };
        if !has_room {
            state.refused += 1;
            return None;
        }
        let id = state.next_id;
        state.next_id += 1;
        state.open += 1;
        let (wait, end) = (ClientWait::begin(), CancellationToken::new());
        let entry = Entry { wait: wait.clone(), end: end.clone() };
        state.by_prefix.entry(prefix).or_default().insert(id, entry);
        let is_of_a_crowd = of_prefix >= SERVED_AT_ONCE && state.by_prefix.len() > 1;
        drop(state);
        let prefix = Mutex::new(prefix);
        Some(Connection { connections: self.clone(), prefix, id, is_of_a_crowd, wait, end })
    }

    /// Closes a connection because the system has no room; false if there is none that could be.
    pub fn make_room(&self) -> bool {
        self.0.state.lock().close_slowest(|_| true)
    }

    /// What there is, and what has been.
    pub fn counters(&self) -> ConnectionCounters {
        let state = self.0.state.lock();
        ConnectionCounters {
            open: state.open,
            max: self.0.max,
            displaced: state.displaced,
            refused: state.refused,
            failed_handshakes: state.failed_handshakes,
        }
    }
}

impl State {
    /// Closes one for which the server has waited long, of a prefix that has the most; of another one if all of those are
    /// being answered.
    fn close_slowest(&mut self, may_close: impl Fn(AddressPrefix) -> bool) -> bool {
        let may_close = &may_close;
        let candidates = || self.by_prefix.iter().filter(move |(prefix, _)| may_close(**prefix));
        let most = candidates().map(|(_, entries)| entries.len()).max().unwrap_or(0);
        let largest = candidates().filter(|(_, entries)| entries.len() == most);
        let slowest = slowest_of(largest).or_else(|| slowest_of(candidates()));
        slowest.is_some_and(|(prefix, id)| self.close(prefix, id))
    }

    /// Closes the newest of the prefix that has the most, if it has more than so many.
    fn close_newest_beyond(&mut self, count: usize) -> bool {
        let largest = self.by_prefix.iter().max_by_key(|(_, entries)| entries.len());
        let newest = largest.filter(|(_, entries)| entries.len() > count);
        let newest = newest.and_then(|(prefix, entries)| Some((*prefix, *entries.last_key_value()?.0)));
        newest.is_some_and(|(prefix, id)| self.close(prefix, id))
    }

    fn close(&mut self, prefix: AddressPrefix, id: u64) -> bool {
        let Some(entry) = self.remove(prefix, id) else { return false };
        entry.end.cancel();
        self.displaced += 1;
        true
    }

    fn remove(&mut self, prefix: AddressPrefix, id: u64) -> Option<Entry> {
        let entries = self.by_prefix.get_mut(&prefix)?;
        let entry = entries.remove(&id)?;
        if entries.is_empty() {
            self.by_prefix.remove(&prefix);
        }
        self.open -= 1;
        Some(entry)
    }
}

/// The one that was waited for longest, of the oldest that are waited for.
fn slowest_of<'a>(
    prefixes: impl Iterator<Item = (&'a AddressPrefix, &'a BTreeMap<u64, Entry>)>,
) -> Option<(AddressPrefix, u64)> {
    let entries =
        prefixes.flat_map(|(prefix, entries)| entries.iter().map(move |(id, entry)| (*prefix, *id, entry)));
    let waited_for = entries.filter_map(|(prefix, id, entry)| Some((entry.wait.since_ms()?, prefix, id)));
    let slowest = waited_for.take(MAX_LOOKED_AT).min_by_key(|(since_ms, ..)| *since_ms);
    slowest.map(|(_, prefix, id)| (prefix, id))
}

impl Connection {
    /// Its handshake has failed.
    pub fn handshake_failed(&self) {
        self.connections.0.state.lock().failed_handshakes += 1;
    }

    /// Counts among those of another prefix from now on: a proxy has said for whom it asks.
    pub fn is_for(&self, prefix: AddressPrefix) {
        let mut now = self.prefix.lock();
        if *now == prefix {
            return;
        }
        let mut state = self.connections.0.state.lock();
        if let Some(entry) = state.remove(*now, self.id) {
            state.open += 1;
            state.by_prefix.entry(prefix).or_default().insert(self.id, entry);
            *now = prefix;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let prefix = *self.prefix.get_mut();
        self.connections.0.state.lock().remove(prefix, self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn prefix(third: u8) -> AddressPrefix {
        IpAddr::from(Ipv4Addr::new(192, 0, third, 1)).into()
    }

    fn is_closed(connection: &Connection) -> bool {
        connection.end.is_cancelled()
    }

    #[test]
    fn who_is_waited_for_longest_makes_room_in_the_largest_prefix() {
        let connections = Connections::new(8);
        let many: Vec<_> = (0..5).map(|_| connections.admit(prefix(1)).expect("room")).collect();
        let other = connections.admit(prefix(2)).expect("room");
        let answered = connections.admit(prefix(3)).expect("room");
        answered.wait.for_server();
        many[0].wait.for_server();
        let last = connections.admit(prefix(2)).expect("room");
        let new = connections.admit(prefix(3)).expect("room is made");
        assert_eq!(many.iter().filter(|connection| is_closed(connection)).count(), 1);
        assert!(!is_closed(&many[0]), "it is being answered");
        assert!(![&other, &answered, &last, &new].into_iter().any(is_closed));
        let counters = connections.counters();
        assert_eq!((counters.open, counters.displaced, counters.refused), (8, 1, 0));
        drop(many);
        assert_eq!(connections.counters().open, 4);
    }

    #[test]
    fn many_of_a_prefix_are_a_crowd_where_there_are_others() {
        let connections = Connections::new(8 * SERVED_AT_ONCE);
        let crowd = |third| connections.admit(prefix(third)).expect("room");
        let alone: Vec<_> = (0..2 * SERVED_AT_ONCE).map(|_| crowd(1)).collect();
        assert!(alone.iter().all(|connection| !connection.is_of_a_crowd));
        let other: Vec<_> = (0..SERVED_AT_ONCE).map(|_| crowd(2)).collect();
        assert!(other.iter().all(|connection| !connection.is_of_a_crowd));
        assert!([1, 2].into_iter().all(|third| crowd(third).is_of_a_crowd));
    }

    #[test]
    fn a_prefix_displaces_its_own() {
        let connections = Connections::new(8);
        let own: Vec<_> = (0..6).map(|_| connections.admit(prefix(1)).expect("room")).collect();
        let other = connections.admit(prefix(2)).expect("room");
        let next = connections.admit(prefix(1)).expect("room is made");
        assert_eq!(own.iter().filter(|connection| is_closed(connection)).count(), 1);
        assert!(!is_closed(&other));
        own.iter().chain([&next]).for_each(|connection| connection.wait.for_server());
        assert!(connections.admit(prefix(1)).is_none(), "all are being answered");
        assert!(connections.admit(prefix(3)).is_some(), "others find room");
    }

    #[test]
    fn a_connection_counts_for_the_client_behind_a_proxy() {
        let connections = Connections::new(8);
        let behind: Vec<_> = (0..6).map(|_| connections.admit(prefix(1)).expect("room")).collect();
        behind[0].is_for(prefix(2));
        behind[0].is_for(prefix(2));
        behind[1].is_for(prefix(3));
        assert_eq!(connections.counters().open, 6);
        let more: Vec<_> = (0..3).map(|_| connections.admit(prefix(1)).expect("room is made")).collect();
        assert!(![&behind[0], &behind[1]].into_iter().any(is_closed), "they are of other prefixes");
        drop((behind, more));
        assert_eq!(connections.counters().open, 0);
        assert!(connections.0.state.lock().by_prefix.is_empty());
    }

    #[test]
    fn requests_of_one_prefix_do_not_keep_others_out() {
        let connections = Connections::new(4);
        let own: Vec<_> = (0..3).map(|_| connections.admit(prefix(1)).expect("room")).collect();
        let other = connections.admit(prefix(2)).expect("room");
        own.iter().chain([&other]).for_each(|connection| connection.wait.for_server());
        let new = connections.admit(prefix(3)).expect("room is made");
        assert!(is_closed(&own[2]) && !is_closed(&other));
        new.wait.for_server();
        // Now no prefix has more than a share.
        assert!(connections.admit(prefix(1)).is_none());
        assert_eq!(connections.counters().refused, 1);
    }
}
