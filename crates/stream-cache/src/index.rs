//! Which entries are whole, and how the disk budget is spent. In memory only: the files are the truth.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::counters::GroupUsage;
use crate::eviction::{EvictionOrder, Rank};
use crate::key::CacheKey;
use crate::store::Stored;

/// The entries that are whole, and what the ones in the making have reserved.
#[derive(Debug)]
pub(crate) struct Index {
    groups: HashMap<u64, Group>,
    order: EvictionOrder,
    max_bytes: u64,
    max_entries: usize,
    entries: usize,
    stored_bytes: u64,
    growing_bytes: u64,
    evictions: u64,
    /// Whether all entries of earlier processes are known.
    pub(crate) scanned: bool,
}

#[derive(Debug, Default)]
struct Group {
    entries: HashMap<[u8; 32], Record>,
    bytes: u64,
}

#[derive(Debug)]
struct Record {
    stored: Arc<Stored>,
    wanted: u32,
    rank: Rank,
}

impl Index {
    pub(crate) fn new(max_bytes: u64, max_entries: usize) -> Self {
        Self {
            groups: HashMap::new(),
            order: EvictionOrder::default(),
            max_bytes,
            max_entries,
            entries: 0,
            stored_bytes: 0,
            growing_bytes: 0,
            evictions: 0,
            scanned: false,
        }
    }

    /// The entry with this key.
    pub(crate) fn get(&self, key: &CacheKey) -> Option<&Arc<Stored>> {
        Some(&self.groups.get(&key.group)?.entries.get(&key.digest)?.stored)
    }

    /// Notes that an entry was wanted so many times more.
    pub(crate) fn want(&mut self, key: &CacheKey, times: u32) {
        let group = self.groups.get_mut(&key.group);
        if let Some(record) = group.and_then(|group| group.entries.get_mut(&key.digest)) {
            record.wanted = record.wanted.saturating_add(times);
            self.order.remove(record.rank);
            let (cost, bytes) = (record.stored.footer.cost, record.stored.bytes());
            record.rank = self.order.place(*key, cost, bytes, record.wanted);
        }
    }

    /// Takes an entry in place of any with the same key, and names the files to remove for that. Others make room
    /// for it, however little it is worth: a newcomer must have a chance to be wanted again.
    #[must_use]
    pub(crate) fn insert(&mut self, stored: Arc<Stored>) -> Vec<PathBuf> {
        let (key, bytes) = (stored.footer.key, stored.bytes());
        self.take_out(&key);
        let evicted = self.make_room(bytes, 1);
        let rank = self.order.place(key, stored.footer.cost, bytes, 1);
        let group = self.groups.entry(key.group).or_default();
        group.bytes += bytes;
        self.stored_bytes += bytes;
        self.entries += 1;
        group.entries.insert(key.digest, Record { stored, wanted: 1, rank });
        evicted
    }

    /// Forgets an entry, if it is still this one.
    pub(crate) fn remove(&mut self, stored: &Arc<Stored>) -> bool {
        let key = stored.footer.key;
        let same = self.get(&key).is_some_and(|present| Arc::ptr_eq(present, stored));
        if same {
            self.take_out(&key);
        }
        same
    }

    /// Forgets the entries of a group.
    pub(crate) fn remove_group(&mut self, group: u64) {
        if let Some(removed) = self.groups.remove(&group) {
            self.stored_bytes -= removed.bytes;
            self.entries -= removed.entries.len();
            for record in removed.entries.values() {
                self.order.remove(record.rank);
            }
        }
    }

    /// Sets bytes aside for an entry in the making, and names the files to remove for that. `None` when entries in
    /// the making have taken the whole budget.
    pub(crate) fn reserve(&mut self, bytes: u64) -> Option<Vec<PathBuf>> {
        if self.growing_bytes + bytes > self.max_bytes {
            return None;
        }
        self.growing_bytes += bytes;
        Some(self.make_room(0, 0))
    }

    /// Gives back what [`Index::reserve`] set aside.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.growing_bytes -= bytes;
    }

    /// Gives entries up until so much more keeps the limits, and names their files.
    fn make_room(&mut self, bytes: u64, entries: usize) -> Vec<PathBuf> {
        let room = self.max_bytes.saturating_sub(self.growing_bytes + bytes);
        let max_entries = self.max_entries.saturating_sub(entries);
        self.evict_while(|index| index.stored_bytes > room || index.entries > max_entries)
    }

    /// Gives entries up that take at least so many bytes, as far as there are any, and names their files.
    pub(crate) fn evict(&mut self, bytes: u64) -> Vec<PathBuf> {
        let target = self.stored_bytes.saturating_sub(bytes);
        self.evict_while(|index| index.stored_bytes > target)
    }

    fn evict_while(&mut self, condition: impl Fn(&Self) -> bool) -> Vec<PathBuf> {
        let mut files = Vec::new();
        while condition(self)
            && let Some(key) = self.order.pop()
        {
            if let Some(stored) = self.take_out(&key) {
                self.evictions += 1;
                files.push(stored.path().to_owned());
            }
        }
        files
    }

    fn take_out(&mut self, key: &CacheKey) -> Option<Arc<Stored>> {
        let group = self.groups.get_mut(&key.group)?;
        let record = group.entries.remove(&key.digest)?;
        let bytes = record.stored.bytes();
        group.bytes -= bytes;
        self.stored_bytes -= bytes;
        self.entries -= 1;
        self.order.remove(record.rank);
        if group.entries.is_empty() {
            self.groups.remove(&key.group);
        }
        Some(record.stored)
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.evictions
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.stored_bytes + self.growing_bytes
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries as u64
    }

    /// What each group with entries takes.
    pub(crate) fn usage(&self) -> impl Iterator<Item = (u64, GroupUsage)> + '_ {
        self.groups
            .iter()
            .map(|(id, group)| (*id, GroupUsage { entries: group.entries.len() as u64, bytes: group.bytes }))
    }
}
