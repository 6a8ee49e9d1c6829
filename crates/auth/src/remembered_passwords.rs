//! Passwords that were verified a moment ago, so that a client's next request does not pay for Argon2 again.
//!
//! Kept as SHA-256 over a salt of this process, the stored hash and the password. A changed password changes
//! the stored hash and thereby the key of its entry, so nothing has to be invalidated.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::Secret;

/// How long a verified password is remembered.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);
/// How many are remembered at once.
const MAX_REMEMBERED: usize = 4_096;

/// The cache; one per process.
pub(crate) struct RememberedPasswords {
    salt: [u8; 32],
    valid_until: Mutex<HashMap<[u8; 32], Instant>>,
}

impl RememberedPasswords {
    pub(crate) fn new() -> Self {
        let mut salt = [0; 32];
        rand::fill(&mut salt);
        Self { salt, valid_until: Mutex::default() }
    }

    /// True if this password was verified against this stored hash a short time ago.
    pub(crate) fn contains(&self, password: &Secret, stored_hash: &str, now: Instant) -> bool {
        let key = self.key(password, stored_hash);
        let entries = self.valid_until.lock();
        entries.get(&key).is_some_and(|end| now < *end)
    }

    /// Remembers a password that has just been verified.
    pub(crate) fn insert(&self, password: &Secret, stored_hash: &str, now: Instant) {
        let key = self.key(password, stored_hash);
        let mut entries = self.valid_until.lock();
        if entries.len() >= MAX_REMEMBERED {
            entries.retain(|_, end| now < *end);
        }
        if entries.len() >= MAX_REMEMBERED {
            entries.clear();
        }
        entries.insert(key, now + REMEMBERED_FOR);
    }

    fn key(&self, password: &Secret, stored_hash: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.salt);
        digest.update((stored_hash.len() as u64).to_le_bytes());
        digest.update(stored_hash.as_bytes());
        digest.update(password.expose().as_bytes());
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_and_depend_on_the_stored_hash() {
        let memory = RememberedPasswords::new();
        let (password, start) = (Secret::new("hunter2"), Instant::now());
        assert!(!memory.contains(&password, "old", start));
        memory.insert(&password, "old", start);
        assert!(memory.contains(&password, "old", start));
        assert!(!memory.contains(&password, "new", start));
        assert!(!memory.contains(&Secret::new("hunter3"), "old", start));
        assert!(!memory.contains(&password, "old", start + REMEMBERED_FOR));
    }

    #[test]
    fn the_memory_is_bounded() {
        let memory = RememberedPasswords::new();
        let start = Instant::now();
        for number in 0..=MAX_REMEMBERED {
            memory.insert(&Secret::new(number.to_string()), "hash", start);
        }
        let count = memory.valid_until.lock().len();
        assert!(count <= MAX_REMEMBERED);
    }
}
