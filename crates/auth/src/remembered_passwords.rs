//! Passwords that were checked a moment ago, so that a client's next request does not pay for Argon2 again.
//!
//! What was right is right for a minute without another check, and for a day it is expected to be right, which puts it
//! before guesses. What was wrong is wrong for a minute: a client that repeats it learns nothing and costs nothing.
//!
//! Kept as SHA-256 over a salt of this process, the name, the stored hash and the password. A changed password changes
//! the stored hash and thereby the key of its entry, so nothing has to be invalidated. Names of which there is no user
//! are treated like others, so that the time of an answer does not tell whether there is such a user.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::Secret;

/// How long a checked password needs no other check.
const REMEMBERED_FOR: Duration = Duration::from_mins(1);
/// How long a password that was right is expected to be right.
const EXPECTED_FOR: Duration = Duration::from_hours(24);
/// How many are remembered at once that were right, and as many that were wrong.
const MAX_REMEMBERED: usize = 4_096;

/// Stands for a name with a password, as long as its user has this password.
pub(crate) type PasswordKey = [u8; 32];

/// What is remembered of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recalled {
    /// It was right a moment ago.
    Right,
    /// It was wrong a moment ago.
    Wrong,
    /// It was right once, and has to be checked again.
    WasRight,
    /// Nothing.
    Nothing,
}

/// The cache; one per process.
pub(crate) struct RememberedPasswords {
    salt: [u8; 32],
    checked: Mutex<Checked>,
}

/// When each was checked last. Those that were wrong have a room of their own: guesses must not drive others out.
#[derive(Default)]
struct Checked {
    right: HashMap<PasswordKey, Instant>,
    wrong: HashMap<PasswordKey, Instant>,
}

impl RememberedPasswords {
    pub(crate) fn new() -> Self {
        let mut salt = [0; 32];
        rand::fill(&mut salt);
        Self { salt, checked: Mutex::default() }
    }

    /// What is known about a password.
    pub(crate) fn recall(&self, key: &PasswordKey, now: Instant) -> Recalled {
        let checked = self.checked.lock();
        let age = |at: &Instant| now.duration_since(*at);
        match (checked.right.get(key).map(age), checked.wrong.get(key).map(age)) {
            (Some(age), _) if age < REMEMBERED_FOR => Recalled::Right,
            (Some(age), _) if age < EXPECTED_FOR => Recalled::WasRight,
            (_, Some(age)) if age < REMEMBERED_FOR => Recalled::Wrong,
            _ => Recalled::Nothing,
        }
    }

    /// Remembers how a password turned out.
    pub(crate) fn remember(&self, key: PasswordKey, is_right: bool, now: Instant) {
        let mut checked = self.checked.lock();
        let Checked { right, wrong } = &mut *checked;
        if is_right {
            wrong.remove(&key);
            remember_in(right, EXPECTED_FOR, key, now);
        } else {
            right.remove(&key);
            remember_in(wrong, REMEMBERED_FOR, key, now);
        }
    }

    /// The key of a password for this name, whose user has this stored hash, if there is one.
    pub(crate) fn key(&self, name: &str, stored_hash: Option<&str>, password: &Secret) -> PasswordKey {
        let mut digest = Sha256::new();
        digest.update(self.salt);
        for part in [&name.to_lowercase(), stored_hash.unwrap_or_default(), password.expose()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        digest.finalize().into()
    }
}

/// Makes room where there is none: first of what is over, then of the older half.
fn remember_in(
    entries: &mut HashMap<PasswordKey, Instant>,
    useful_for: Duration,
    key: PasswordKey,
    now: Instant,
) {
    if entries.len() >= MAX_REMEMBERED && !entries.contains_key(&key) {
        entries.retain(|_, at| now.duration_since(*at) < useful_for);
        if entries.len() >= MAX_REMEMBERED {
            let mut times: Vec<Instant> = entries.values().copied().collect();
            let (_, median, _) = times.select_nth_unstable(MAX_REMEMBERED / 2);
            let median = *median;
            entries.retain(|_, at| *at > median);
        }
    }
    entries.insert(key, now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_and_depend_on_the_name_and_the_stored_hash() {
        let memory = RememberedPasswords::new();
        let (password, start) = (Secret::new("hunter2"), Instant::now());
        let key = memory.key("ada", Some("old"), &password);
        assert_eq!(memory.recall(&key, start), Recalled::Nothing);
        memory.remember(key, true, start);
        assert_eq!(memory.recall(&key, start), Recalled::Right);
        assert_eq!(memory.recall(&memory.key("Ada", Some("old"), &password), start), Recalled::Right);
        for other in [
            memory.key("ada", Some("new"), &password),
            memory.key("bob", Some("old"), &password),
            memory.key("ada", None, &password),
            memory.key("ada", Some("old"), &Secret::new("hunter3")),
        ] {
            assert_eq!(memory.recall(&other, start), Recalled::Nothing);
        }
        assert_eq!(memory.recall(&key, start + REMEMBERED_FOR), Recalled::WasRight);
        assert_eq!(memory.recall(&key, start + EXPECTED_FOR), Recalled::Nothing);
        memory.remember(key, false, start);
        assert_eq!(memory.recall(&key, start), Recalled::Wrong);
        assert_eq!(memory.recall(&key, start + REMEMBERED_FOR), Recalled::Nothing);
    }

    #[test]
    fn the_memory_is_bounded_and_guesses_drive_nothing_else_out() {
        let memory = RememberedPasswords::new();
        let start = Instant::now();
        let key = |number: usize| memory.key("ada", Some("hash"), &Secret::new(number.to_string()));
        memory.remember(key(0), true, start);
        for number in 1..=3 * MAX_REMEMBERED {
            memory.remember(key(number), false, start + Duration::from_micros(number as u64));
        }
        assert_eq!(memory.recall(&key(0), start + Duration::from_secs(1)), Recalled::Right);
        assert!(memory.checked.lock().wrong.len() <= MAX_REMEMBERED);
        for number in 0..=MAX_REMEMBERED {
            memory.remember(key(number), true, start);
        }
        assert!(memory.checked.lock().right.len() <= MAX_REMEMBERED);
    }
}
