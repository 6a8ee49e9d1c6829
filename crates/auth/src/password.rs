//! Passwords: hashed with Argon2id, verified without blocking the runtime or telling which users exist.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::Secret;
use crate::remembered_passwords::RememberedPasswords;

/// Longest password, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 4_096;
/// Argon2 computations at the same time; each takes about 19 MiB and a core.
const MAX_CONCURRENT_HASHES: usize = 4;
/// Argon2 computations running or waiting; more are refused.
const MAX_QUEUED_HASHES: usize = 256;

/// Why a password could not be hashed or verified.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// Nothing was given.
    #[error("the password is empty")]
    Empty,
    /// Longer than [`MAX_PASSWORD_BYTES`].
    #[error("the password is longer than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    /// Too many computations are waiting.
    #[error("too many passwords are being checked")]
    Busy,
    /// The stored hash cannot be read, or hashing itself failed.
    #[error("the password could not be hashed or its stored hash could not be read")]
    Unusable {
        /// What the implementation says.
        #[source]
        error: password_hash::Error,
    },
}

/// Hashes and verifies passwords; one per process, cheap to clone.
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

struct Inner {
    remembered: RememberedPasswords,
    permits: Semaphore,
    queued: AtomicUsize,
    /// Hash of a random password, so that unknown users cost as much time as known ones.
    decoy_hash: OnceLock<String>,
}

impl Passwords {
    /// Starts with nothing remembered.
    #[expect(clippy::new_without_default, reason = "a second one would have a second memory and queue")]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            remembered: RememberedPasswords::new(),
            permits: Semaphore::new(MAX_CONCURRENT_HASHES),
            queued: AtomicUsize::new(0),
            decoy_hash: OnceLock::new(),
        }))
    }

    /// The hash to store for a new password.
    pub async fn hash(&self, password: &Secret) -> Result<String, PasswordError> {
        if password.expose().is_empty() {
            return Err(PasswordError::Empty);
        }
        if password.expose().len() > MAX_PASSWORD_BYTES {
            return Err(PasswordError::TooLong);
        }
        let password = password.clone();
        self.run_limited(move |_| hash_now(&password)).await
    }

    /// True if `password` belongs to `stored_hash`. With `None` (no such user) it is false after as much work.
    pub async fn verify(&self, password: &Secret, stored_hash: Option<&str>) -> Result<bool, PasswordError> {
        if password.expose().len() > MAX_PASSWORD_BYTES {
            return Ok(false);
        }
        if let Some(hash) = stored_hash
            && self.0.remembered.contains(password, hash, Instant::now())
        {
            return Ok(true);
        }
        let (password, stored_hash) = (password.clone(), stored_hash.map(str::to_owned));
        self.run_limited(move |inner| inner.verify_now(&password, stored_hash.as_deref())).await
    }

    async fn run_limited<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _place = QueuePlace::take(&self.0.queued)?;
        let _permit = self.0.permits.acquire().await.expect("the semaphore is never closed");
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&inner)).await.expect("hashing does not panic")
    }
}

impl Inner {
    fn verify_now(&self, password: &Secret, stored_hash: Option<&str>) -> Result<bool, PasswordError> {
        let Some(stored_hash) = stored_hash else {
            let decoy =
                self.decoy_hash.get_or_init(|| hash_now(&crate::random_password()).unwrap_or_default());
            let _ = matches(password, decoy);
            return Ok(false);
        };
        // While this request waited, another one of the same client may have done the work.
        if self.remembered.contains(password, stored_hash, Instant::now()) {
            return Ok(true);
        }
        let right = matches(password, stored_hash)?;
        if right {
            self.remembered.insert(password, stored_hash, Instant::now());
        }
        Ok(right)
    }
}

/// A place in the queue, given back on drop however the request ends.
struct QueuePlace<'a>(&'a AtomicUsize);

impl<'a> QueuePlace<'a> {
    fn take(queued: &'a AtomicUsize) -> Result<Self, PasswordError> {
        let place = Self(queued);
        if queued.fetch_add(1, Ordering::Relaxed) >= MAX_QUEUED_HASHES {
            Err(PasswordError::Busy)
        } else {
            Ok(place)
        }
    }
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn hash_now(password: &Secret) -> Result<String, PasswordError> {
    let hash = Argon2::default()
        .hash_password(password.expose().as_bytes())
        .map_err(|error| PasswordError::Unusable { error })?;
    Ok(hash.to_string())
}

fn matches(password: &Secret, stored_hash: &str) -> Result<bool, PasswordError> {
    let hash =
        PasswordHash::new(stored_hash).map_err(|error| PasswordError::Unusable { error: error.into() })?;
    match Argon2::default().verify_password(password.expose().as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(PasswordError::Unusable { error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_and_no_other_is_accepted() {
        let passwords = Passwords::new();
        let password = Secret::new("correct horse");
        let hash = passwords.hash(&password).await.expect("a usable password");
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        for _ in 0..2 {
            assert!(passwords.verify(&password, Some(&hash)).await.expect("a readable hash"));
            assert!(!passwords.verify(&Secret::new("wrong"), Some(&hash)).await.expect("a readable hash"));
        }
        assert!(!passwords.verify(&password, None).await.expect("unknown users are no error"));
        let other = passwords.hash(&password).await.expect("a usable password");
        assert_ne!(hash, other, "salts differ");
    }

    #[tokio::test]
    async fn useless_passwords_and_hashes_are_errors() {
        let passwords = Passwords::new();
        assert!(matches!(passwords.hash(&Secret::new("")).await, Err(PasswordError::Empty)));
        let long = Secret::new("x".repeat(MAX_PASSWORD_BYTES + 1));
        assert!(matches!(passwords.hash(&long).await, Err(PasswordError::TooLong)));
        let unreadable = passwords.verify(&Secret::new("x"), Some("not a hash")).await;
        assert!(matches!(unreadable, Err(PasswordError::Unusable { .. })));
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let passwords = Passwords::new();
        passwords.0.queued.store(MAX_QUEUED_HASHES, Ordering::Relaxed);
        assert!(matches!(passwords.hash(&Secret::new("x")).await, Err(PasswordError::Busy)));
        assert_eq!(passwords.0.queued.load(Ordering::Relaxed), MAX_QUEUED_HASHES);
    }
}
