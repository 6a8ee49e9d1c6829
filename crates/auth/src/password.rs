//! Passwords: hashed with Argon2id, verified without blocking the runtime or telling which users exist.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use thiserror::Error;

use crate::Secret;
use crate::login_queue::{Expectation, LoginAttempt, LoginOrigin, LoginQueue, LoginTurn, TooManyAttempts};
use crate::new_password::{MAX_PASSWORD_BYTES, NewPassword};
use crate::remembered_passwords::{PasswordKey, Recalled, RememberedPasswords};

/// Argon2 computations at the same time; each takes about 19 MiB and a core.
const MAX_CONCURRENT_HASHES: usize = 4;
/// They take this part of the cores: what needs no password computed is answered beside them. There are two at least, so
/// that the attempts of one network do not take all.
const SHARE_OF_CORES: usize = 2;
const MIN_CONCURRENT_HASHES: usize = 2;
/// Argon2 computations that wait; more are refused.
const MAX_QUEUED_HASHES: usize = 1_024;

/// Hashing a new password, as far as the queue is concerned.
const NEW_PASSWORD: LoginAttempt<'_> = LoginAttempt { name: "", origin: LoginOrigin::Server("") };

/// Why a password could not be hashed or verified.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// Too many wait, or too many were wrong before.
    #[error(transparent)]
    TooMany(#[from] TooManyAttempts),
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
    queue: LoginQueue,
    /// Hash of a random password, so that unknown users cost as much time as known ones.
    decoy_hash: OnceLock<String>,
}

impl Passwords {
    /// Starts with nothing remembered.
    #[expect(clippy::new_without_default, reason = "a second one would have a second memory and queue")]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            remembered: RememberedPasswords::new(),
            queue: LoginQueue::new(concurrent_hashes(), MAX_QUEUED_HASHES),
            decoy_hash: OnceLock::new(),
        }))
    }

    /// The hash to store for a new password.
    pub async fn hash(&self, password: &NewPassword) -> Result<String, PasswordError> {
        let password = password.secret().clone();
        let turn = self.0.queue.turn(NEW_PASSWORD, Expectation::Right).await?;
        compute(move || {
            let hash = hash_now(&password);
            drop(turn);
            hash
        })
        .await
    }

    /// True if `password` belongs to `stored_hash`. With `None` (no such user) it is false after as much work.
    pub async fn verify(
        &self,
        attempt: LoginAttempt<'_>,
        password: &Secret,
        stored_hash: Option<&str>,
    ) -> Result<bool, PasswordError> {
        if password.expose().len() > MAX_PASSWORD_BYTES {
            return Ok(false);
        }
        let key = self.0.remembered.key(attempt.name, stored_hash, password);
        let expectation = match self.0.remembered.recall(&key, Instant::now()) {
            Recalled::Right => return Ok(true),
            Recalled::Wrong => return Ok(false),
            Recalled::WasRight => Expectation::Right,
            Recalled::Nothing => Expectation::Nothing,
        };
        let turn = self.0.queue.turn(attempt, expectation).await?;
        let (inner, password) = (Arc::clone(&self.0), password.clone());
        let stored_hash = stored_hash.map(str::to_owned);
        // The turn ends with the computation, which goes on when the client has gone.
        compute(move || inner.verify_now(turn, key, &password, stored_hash.as_deref())).await
    }
}

fn concurrent_hashes() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / SHARE_OF_CORES).clamp(MIN_CONCURRENT_HASHES, MAX_CONCURRENT_HASHES)
}

async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
) -> Result<T, PasswordError> {
    tokio::task::spawn_blocking(work).await.expect("hashing does not panic")
}

impl Inner {
    fn verify_now(
        &self,
        turn: LoginTurn,
        key: PasswordKey,
        password: &Secret,
        stored_hash: Option<&str>,
    ) -> Result<bool, PasswordError> {
        // While this request waited, another one of the same client may have done the work.
        match self.remembered.recall(&key, Instant::now()) {
            Recalled::Right => return Ok(true),
            Recalled::Wrong => return Ok(false),
            Recalled::WasRight | Recalled::Nothing => {}
        }
        let is_right = match stored_hash {
            Some(stored_hash) => matches(password, stored_hash)?,
            None => {
                let decoy = || hash_now(&crate::random_password()).unwrap_or_default();
                let _ = matches(password, self.decoy_hash.get_or_init(decoy));
                false
            }
        };
        self.remembered.remember(key, is_right, Instant::now());
        if is_right {
            turn.was_right();
        } else {
            turn.was_wrong(&key);
        }
        Ok(is_right)
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

    const ATTEMPT: LoginAttempt<'_> =
        LoginAttempt { name: "ada", origin: LoginOrigin::Network("192.0.2.0/24") };

    #[tokio::test]
    async fn the_right_password_and_no_other_is_accepted() {
        let passwords = Passwords::new();
        let password = Secret::new("correct horse");
        let fit = NewPassword::chosen(ATTEMPT.name, &password).expect("a fit password");
        let hash = passwords.hash(&fit).await.expect("a usable password");
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        let verify = async |password: &Secret, hash: Option<&str>| {
            passwords.verify(ATTEMPT, password, hash).await.expect("a readable hash")
        };
        for _ in 0..2 {
            assert!(verify(&password, Some(&hash)).await);
            assert!(!verify(&Secret::new("wrong"), Some(&hash)).await);
        }
        assert!(!verify(&password, None).await, "unknown users are no error");
        let other = passwords.hash(&fit).await.expect("a usable password");
        assert_ne!(hash, other, "salts differ");
    }

    #[tokio::test]
    async fn short_passwords_of_former_times_are_verified_and_unreadable_hashes_are_errors() {
        let passwords = Passwords::new();
        let former = Secret::new("x");
        let hash = hash_now(&former).expect("any bytes have a hash");
        assert!(matches!(passwords.verify(ATTEMPT, &former, Some(&hash)).await, Ok(true)));
        let long = Secret::new("x".repeat(MAX_PASSWORD_BYTES + 1));
        assert!(matches!(passwords.verify(ATTEMPT, &long, Some(&hash)).await, Ok(false)));
        let unreadable = passwords.verify(ATTEMPT, &Secret::new("x"), Some("not a hash")).await;
        assert!(matches!(unreadable, Err(PasswordError::Unusable { .. })));
    }

    #[tokio::test]
    async fn who_guesses_is_refused_and_who_repeats_itself_is_not() {
        let passwords = Passwords::new();
        let password = Secret::new("correct horse");
        let fit = NewPassword::chosen(ATTEMPT.name, &password).expect("a fit password");
        let hash = passwords.hash(&fit).await.expect("a usable password");
        let tried = async |attempt, password: String| {
            passwords.verify(attempt, &Secret::new(password), Some(&hash)).await
        };
        for _ in 0..20 {
            assert!(matches!(tried(ATTEMPT, "old".to_owned()).await, Ok(false)));
        }
        let mut guesses = 0;
        let refused = loop {
            match tried(ATTEMPT, guesses.to_string()).await {
                Ok(is_right) => assert!(!is_right),
                Err(error) => break error,
            }
            guesses += 1;
        };
        assert!(matches!(refused, PasswordError::TooMany(_)) && guesses < 10, "{refused} after {guesses}");
        assert!(matches!(tried(ATTEMPT, "old".to_owned()).await, Ok(false)));
        let elsewhere = LoginAttempt { origin: LoginOrigin::Network("198.51.100.0/24"), ..ATTEMPT };
        assert!(matches!(tried(elsewhere, "correct horse".to_owned()).await, Ok(true)));
    }
}
