//! A hash for secrets that are kept on a disk: so slow to compute that an attacker who has it cannot try many guesses.

use argon2::Argon2;

/// Argon2id with its usual cost. Blocks for tens of milliseconds and takes about 19 MiB.
pub fn slow_hash(secret: &[u8; 32], salt: &[u8; 32]) -> [u8; 32] {
    let mut hash = [0; 32];
    Argon2::default()
        .hash_password_into(secret, salt, &mut hash)
        .expect("lengths that Argon2 takes, and memory for one computation");
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_and_salt_decide() {
        let hash = slow_hash(&[1; 32], &[2; 32]);
        assert_eq!(hash, slow_hash(&[1; 32], &[2; 32]));
        assert_ne!(hash, slow_hash(&[3; 32], &[2; 32]));
        assert_ne!(hash, slow_hash(&[1; 32], &[3; 32]));
    }
}
