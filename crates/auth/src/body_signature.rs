//! The signature by which the receiver of a webhook knows that a body comes from here and is whole.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Secret;

/// The value of `X-Hub-Signature` for a body: the algorithm's name and the HMAC in hex.
pub fn body_signature(secret: &Secret, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_published_test_vector() {
        // RFC 4231, test case 2.
        let signature = body_signature(&Secret::new("Jefe"), b"what do ya want for nothing?");
        assert_eq!(signature, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_ne!(signature, body_signature(&Secret::new("Jefe"), b"what do ya want for nothing!"));
    }
}
