//! What the origin has shown to readers and is not on the disk yet.
//!
//! Lists wait once for all who were shown the same. They may come faster than they are written, as where each build shows a new
//! token to a long list that changes all the time: what they take is limited, and a reader whose list finds no room here is
//! written down without it.

use std::collections::HashMap;
use std::sync::Arc;

use heliostat_foreign::RepositoryPath;

use super::ask_origin::ReaderKey;
use super::listings::{ListName, Shown};
use super::reader::Reader;

/// Most readers that wait. Of others is written what they are shown the next time.
const MAX_WAITING_READERS: usize = 65_536;

/// Most memory that the lists which wait take, up to the last one.
const MAX_WAITING_BYTES: u64 = 128 * 1024 * 1024;

/// A reader to whom something was shown, and what that was.
pub(super) struct News {
    pub(super) reader: Arc<Reader>,
    pub(super) name: ListName,
    /// Where the origin has led to.
    pub(super) moved_to: Option<RepositoryPath>,
}

/// All that waits.
#[derive(Default)]
pub(super) struct WaitingNews {
    pub(super) readers: HashMap<ReaderKey, News>,
    /// The lists themselves, until they are on the disk.
    pub(super) lists: HashMap<ListName, Arc<Shown>>,
    /// What they take in memory.
    bytes: u64,
}

impl WaitingNews {
    /// A reader was shown something, which takes the place of what they were shown before.
    pub(super) fn add(&mut self, key: ReaderKey, news: News, shown: Option<&Arc<Shown>>) {
        if self.readers.len() >= MAX_WAITING_READERS && !self.readers.contains_key(&key) {
            return;
        }
        if let Some(shown) = shown {
            self.add_list(news.name, shown);
        }
        self.readers.insert(key, news);
    }

    /// The same of what they were shown some time ago.
    pub(super) fn add_older(&mut self, key: ReaderKey, news: News, shown: Option<&Arc<Shown>>) {
        if !self.readers.contains_key(&key) {
            self.add(key, news, shown);
        }
    }

    /// The origin has refused a reader. Memory may know them as another one by now than the one that waits.
    pub(super) fn forget(&mut self, key: &ReaderKey) {
        self.readers.remove(key);
    }

    fn add_list(&mut self, name: ListName, shown: &Arc<Shown>) {
        if self.bytes >= MAX_WAITING_BYTES || self.lists.contains_key(&name) {
            return;
        }
        self.bytes += shown.memory_bytes();
        self.lists.insert(name, Arc::clone(shown));
    }
}

#[cfg(test)]
mod tests {
    use heliostat_git::{ObjectFormat, RefSnapshot};

    use super::*;

    fn key(number: usize) -> ReaderKey {
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&number.to_be_bytes());
        (RepositoryPath::parse("/acme/tool.git").expect("a path"), fingerprint)
    }

    fn news(name: ListName) -> News {
        News { reader: Arc::default(), name, moved_to: None }
    }

    #[test]
    fn a_list_waits_once_and_only_while_there_is_room() {
        let shown = Arc::new(Shown::of_what_is_here(RefSnapshot::empty(), ObjectFormat::Sha1));
        let mut waiting = WaitingNews::default();
        for number in 0..3 {
            waiting.add(key(number), news([1; 32]), Some(&shown));
        }
        assert_eq!((waiting.readers.len(), waiting.lists.len()), (3, 1));
        assert_eq!(waiting.bytes, shown.memory_bytes());
        waiting.add_older(key(0), news([2; 32]), Some(&shown));
        assert_eq!((waiting.readers[&key(0)].name, waiting.lists.len()), ([1; 32], 1), "there is newer");

        waiting.bytes = MAX_WAITING_BYTES;
        waiting.add(key(0), news([2; 32]), Some(&shown));
        assert_eq!((waiting.readers[&key(0)].name, waiting.lists.len()), ([2; 32], 1), "without its list");
    }

    #[test]
    fn there_is_an_end_to_the_readers_that_wait() {
        let mut waiting = WaitingNews::default();
        for number in 0..MAX_WAITING_READERS + 2 {
            waiting.add(key(number), news([1; 32]), None);
        }
        assert_eq!(waiting.readers.len(), MAX_WAITING_READERS);
        waiting.add(key(0), news([2; 32]), None);
        assert_eq!(waiting.readers[&key(0)].name, [2; 32], "who waits is told of anew");
        waiting.forget(&key(0));
        assert!(!waiting.readers.contains_key(&key(0)), "who was refused waits no more");
    }
}
