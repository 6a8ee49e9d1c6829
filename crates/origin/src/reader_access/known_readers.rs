//! The readers of whom something is known in memory. Those whom the origin refuses, or of whom it has said nothing yet,
//! are kept apart: however many they are, they displace no reader whom it has shown something.

use std::sync::Arc;

use parking_lot::Mutex;
use quick_cache::sync::Cache;

use super::ask_origin::ReaderKey;
use super::reader::Reader;

/// Readers in memory.
pub(super) struct KnownReaders {
    shown: Cache<ReaderKey, Arc<Reader>>,
    not_shown: Cache<ReaderKey, Arc<Reader>>,
    /// Held by one who adds a reader, or moves one.
    moving: Mutex<()>,
}

impl KnownReaders {
    /// With room for so many who were shown something, and for so many others.
    pub(super) fn new(max_shown: usize, max_not_shown: usize) -> Self {
        let (shown, not_shown) = (Cache::new(max_shown), Cache::new(max_not_shown));
        Self { shown, not_shown, moving: Mutex::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.shown.len() + self.not_shown.len()
    }

    /// A reader, who is added if nothing is known of them in memory.
    pub(super) fn find_or_add(&self, key: &ReaderKey) -> Arc<Reader> {
        if let Some(reader) = self.find(key) {
            return reader;
        }
        let _moving = self.moving.lock();
        if let Some(reader) = self.find(key) {
            return reader;
        }
        let reader = Arc::new(Reader::default());
        self.not_shown.insert(key.clone(), Arc::clone(&reader));
        reader
    }

    fn find(&self, key: &ReaderKey) -> Option<Arc<Reader>> {
        self.shown.get(key).or_else(|| self.not_shown.get(key))
    }

    /// The origin has shown this reader something.
    pub(super) fn note_shown(&self, key: &ReaderKey, reader: &Arc<Reader>) {
        if self.shown.get(key).is_some_and(|known| Arc::ptr_eq(&known, reader)) {
            return;
        }
        let _moving = self.moving.lock();
        self.shown.insert(key.clone(), Arc::clone(reader));
        self.not_shown.remove(key);
    }

    /// The origin refuses this reader.
    pub(super) fn note_refused(&self, key: &ReaderKey, reader: &Arc<Reader>) {
        let _moving = self.moving.lock();
        if self.shown.remove(key).is_some() {
            self.not_shown.insert(key.clone(), Arc::clone(reader));
        }
    }
}

#[cfg(test)]
mod tests {
    use heliostat_foreign::RepositoryPath;

    use super::*;

    const MAX: usize = 1_024;

    fn key(number: usize) -> ReaderKey {
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&number.to_be_bytes());
        (RepositoryPath::parse("/acme/tool.git").expect("a path"), fingerprint)
    }

    #[test]
    fn readers_who_were_shown_nothing_displace_none_who_were_shown_something() {
        let readers = KnownReaders::new(MAX, MAX);
        let known: Vec<_> = (0..10)
            .map(|number| {
                let reader = readers.find_or_add(&key(number));
                readers.note_shown(&key(number), &reader);
                reader
            })
            .collect();
        for number in 100..100 + 20 * MAX {
            // Twice, so that they count as asked for often.
            readers.find_or_add(&key(number));
            readers.find_or_add(&key(number));
        }
        assert!(readers.len() < 3 * MAX, "there is an end to them");
        for (number, known) in known.iter().enumerate() {
            assert!(Arc::ptr_eq(&readers.find_or_add(&key(number)), known), "it is in memory");
        }
        readers.note_refused(&key(0), &known[0]);
        assert!(Arc::ptr_eq(&readers.find_or_add(&key(0)), &known[0]), "what was said last is known");
        assert_eq!(readers.shown.len(), known.len() - 1);
    }
}
