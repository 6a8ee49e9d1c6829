//! Random secrets and ids, and the type that keeps secrets out of logs.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What every access token starts with, so that people and scanners recognise one.
pub const ACCESS_TOKEN_PREFIX: &str = "hls_";

const SECRET_BYTES: usize = 32;
const PASSWORD_BYTES: usize = 18;
const SERVER_ID_GROUPS: usize = 4;
const SERVER_ID_GROUP_LENGTH: usize = 4;
const SERVER_ID_ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// A password, token or key: shown nowhere, compared in constant time.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(..)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// A fresh 256-bit key for a mirror and its upstream, in hex.
pub fn shared_secret() -> Secret {
    Secret(hex::encode(random_bytes::<SECRET_BYTES>()))
}

/// A fresh password that can be typed.
pub fn random_password() -> Secret {
    Secret(URL_SAFE_NO_PAD.encode(random_bytes::<PASSWORD_BYTES>()))
}

/// A fresh access token; only its [`token_hash`] is ever stored.
pub fn access_token() -> Secret {
    Secret(format!("{ACCESS_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(random_bytes::<SECRET_BYTES>())))
}

/// What is stored of an access token. Tokens are random and long, so a plain hash is enough.
pub fn token_hash(token: &Secret) -> String {
    hex::encode(Sha256::digest(token.expose().as_bytes()))
}

/// A fresh server id of the form `B0F5-CS21-45C2-CCK3`.
pub fn server_id() -> String {
    let mut rng = rand::rng();
    let groups: Vec<String> = (0..SERVER_ID_GROUPS)
        .map(|_| {
            (0..SERVER_ID_GROUP_LENGTH)
                .map(|_| char::from(SERVER_ID_ALPHABET[rng.random_range(0..SERVER_ID_ALPHABET.len())]))
                .collect()
        })
        .collect();
    groups.join("-")
}

/// True if `text` has the form that [`server_id`] makes.
pub fn is_server_id(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.len() == SERVER_ID_GROUPS
        && groups.iter().all(|group| {
            group.len() == SERVER_ID_GROUP_LENGTH
                && group.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
}

fn random_bytes<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    rand::fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_stay_hidden() {
        assert_ne!(shared_secret(), shared_secret());
        assert_eq!(shared_secret().expose().len(), 64);
        assert!(random_password().expose().len() >= 24);
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(..)");
    }

    #[test]
    fn tokens_are_recognisable_and_hashed() {
        let token = access_token();
        assert!(token.expose().starts_with(ACCESS_TOKEN_PREFIX));
        assert_eq!(token_hash(&token).len(), 64);
        assert_eq!(
            token_hash(&Secret::new("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn server_ids_have_their_form() {
        assert!(is_server_id(&server_id()));
        assert!(is_server_id("B0F5-CS21-45C2-CCK3"));
        for other in
            ["", "B0F5-CS21-45C2", "b0f5-CS21-45C2-CCK3", "B0F5-CS21-45C2-CCK3-AAAA", "B0F5CS2145C2CCK3"]
        {
            assert!(!is_server_id(other), "{other}");
        }
    }
}
