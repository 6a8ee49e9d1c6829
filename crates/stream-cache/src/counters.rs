//! What the cache has done since it was opened, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the cache has done since it was opened, and what it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounters {
    /// Answers that were there.
    pub hits: u64,
    /// Requests that shared a computation that was under way.
    pub joins: u64,
    /// Computations that were begun because a client asked.
    pub misses: u64,
    /// Computations that were begun before a client asked.
    pub prepared: u64,
    /// Computations that were given up because the last reader had left.
    pub abandoned: u64,
    /// Bytes that readers took.
    pub bytes_served: u64,
    /// Bytes that computations yielded.
    pub bytes_generated: u64,
    /// Processor time that hits and joins would have taken.
    pub saved: Duration,
    /// Answers that were passed on but not kept: too large, or the disk would not take them.
    pub not_stored: u64,
    /// Times that writing an entry failed, also when it succeeded later.
    pub write_failures: u64,
    /// Entries that were found damaged, and thrown away.
    pub damaged: u64,
    /// Entries that made room for others.
    pub evictions: u64,
    /// Computations under way.
    pub growing: u64,
    /// Entries that are whole.
    pub entries: u64,
    /// Bytes on disk, of entries that are whole or in the making, without what is too long to be kept.
    pub bytes: u64,
}

/// What the cache holds for one group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupUsage {
    /// Entries that are whole.
    pub entries: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

/// The running numbers; what the cache holds is counted where it is held.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) joins: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) prepared: AtomicU64,
    pub(crate) abandoned: AtomicU64,
    bytes_served: AtomicU64,
    bytes_generated: AtomicU64,
    saved_micros: AtomicU64,
    pub(crate) not_stored: AtomicU64,
    pub(crate) write_failures: AtomicU64,
    pub(crate) damaged: AtomicU64,
    pub(crate) growing: AtomicU64,
}

/// Counts one more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn served(&self, bytes: u64) {
        self.bytes_served.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn generated(&self, bytes: u64) {
        self.bytes_generated.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn saved(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.saved_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// All but what the cache holds.
    pub(crate) fn read(&self) -> CacheCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheCounters {
            hits: read(&self.hits),
            joins: read(&self.joins),
            misses: read(&self.misses),
            prepared: read(&self.prepared),
            abandoned: read(&self.abandoned),
            bytes_served: read(&self.bytes_served),
            bytes_generated: read(&self.bytes_generated),
            saved: Duration::from_micros(read(&self.saved_micros)),
            not_stored: read(&self.not_stored),
            write_failures: read(&self.write_failures),
            damaged: read(&self.damaged),
            growing: read(&self.growing),
            ..CacheCounters::default()
        }
    }
}
