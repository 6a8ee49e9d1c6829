//! Which connections there are, and which one is closed when there are too many.
//!
//! A new client is always let in at the cost of somebody else: of the address prefix with the most connections, and there
//! of the one for which the server has waited longest. So clients that connect and say nothing, stop in the middle of a
//! request or do not read make room for those that do; a thousand connections of one prefix displace each other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use heliostat_peer::AddressPrefix;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::client_wait::ClientWait;

/// One prefix leaves this part of all connections to others: 1/4.
const LEFT_TO_OTHERS: usize = 4;

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
    closed: u64,
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
    prefix: AddressPrefix,
    id: u64,
    /// Whose move it is.
    pub wait: ClientWait,
    /// Cancelled when the connection has to make room.
    pub end: CancellationToken,
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
        if of_prefix >= self.0.max_per_prefix {
            state.close_slowest(|candidate, _| candidate == prefix)?;
        } else if state.open >= self.0.max {
            state.close_slowest(|_, _| true).or_else(|| state.close_newest_beyond(of_prefix + 1))?;
        }
        let id = state.next_id;
        state.next_id += 1;
        state.open += 1;
        let (wait, end) = (ClientWait::begin(), CancellationToken::new());
        let entry = Entry { wait: wait.clone(), end: end.clone() };
        state.by_prefix.entry(prefix).or_default().insert(id, entry);
        drop(state);
        Some(Connection { connections: self.clone(), prefix, id, wait, end })
    }

    /// Closes a connection because the system has no room; false if there is none that could be.
    pub fn make_room(&self) -> bool {
        self.0.state.lock().close_slowest(|_, _| true).is_some()
    }

    /// How many are open.
    #[cfg(test)]
    pub fn open(&self) -> usize {
        self.0.state.lock().open
    }

    /// How many were closed to make room.
    #[cfg(test)]
    pub fn closed(&self) -> u64 {
        self.0.state.lock().closed
    }
}

impl State {
    /// Closes the one for which the server has waited longest, among the prefixes that have the most.
    fn close_slowest(&mut self, may_close: impl Fn(AddressPrefix, usize) -> bool) -> Option<()> {
        let mut slowest: Option<(usize, Duration, AddressPrefix, u64)> = None;
        for (prefix, entries) in &self.by_prefix {
            let count = entries.len();
            if !may_close(*prefix, count) || slowest.is_some_and(|(most, ..)| most > count) {
                continue;
            }
            for (id, entry) in entries {
                let Some(waited) = entry.wait.waited() else { continue };
                if slowest.is_none_or(|(most, longest, ..)| (most, longest) < (count, waited)) {
                    slowest = Some((count, waited, *prefix, *id));
                }
            }
        }
        let (_, _, prefix, id) = slowest?;
        self.close(prefix, id);
        Some(())
    }

    /// Closes the newest of the prefix that has the most, if it has more than so many.
    fn close_newest_beyond(&mut self, count: usize) -> Option<()> {
        let (prefix, entries) = self.by_prefix.iter().max_by_key(|(_, entries)| entries.len())?;
        let id = *entries.last_key_value().filter(|_| entries.len() > count)?.0;
        self.close(*prefix, id);
        Some(())
    }

    fn close(&mut self, prefix: AddressPrefix, id: u64) {
        if let Some(entry) = self.remove(prefix, id) {
            entry.end.cancel();
            self.closed += 1;
        }
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

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.0.state.lock().remove(self.prefix, self.id);
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
        assert_eq!((connections.open(), connections.closed()), (8, 1));
        drop(many);
        assert_eq!(connections.open(), 4);
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
    fn requests_of_one_prefix_do_not_keep_others_out() {
        let connections = Connections::new(4);
        let own: Vec<_> = (0..3).map(|_| connections.admit(prefix(1)).expect("room")).collect();
        let other = connections.admit(prefix(2)).expect("room");
        own.iter().chain([&other]).for_each(|connection| connection.wait.for_server());
        let new = connections.admit(prefix(3)).expect("room is made");
        assert!(is_closed(&own[2]) && !is_closed(&other));
        new.wait.for_server();
        // Now nobody has more than a share.
        assert!(connections.admit(prefix(1)).is_none());
    }
}
