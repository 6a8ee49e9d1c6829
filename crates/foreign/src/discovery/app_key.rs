//! The private key of a GitHub App, and the short-lived token by which the app asks for itself.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use heliostat_auth::Secret;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

/// How long such a token is good for, in seconds; GitHub takes at most 600.
const LIFETIME_SECONDS: i64 = 540;
/// How far it begins in the past, in seconds, for a clock there that is behind.
const BACKDATED_SECONDS: i64 = 60;

/// The private key of an app. Cloning shares it.
#[derive(Clone)]
pub struct AppKey(Arc<RsaKeyPair>);

/// Why a file holds no key of an app.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableAppKey {
    /// It is not in PEM.
    #[error("it holds no private key in PEM, as GitHub hands one out for an app")]
    NotPem,
    /// It is none for RS256.
    #[error("the private key in it is no RSA key of 2048 to 4096 bits, which GitHub asks for: {0}")]
    NotRsa(String),
}

impl AppKey {
    /// Reads what GitHub hands out: an RSA key in PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, UnusableAppKey> {
        let key = match PrivateKeyDer::from_pem_slice(pem) {
            Ok(PrivateKeyDer::Pkcs1(key)) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            Ok(PrivateKeyDer::Pkcs8(key)) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            Ok(_) => return Err(UnusableAppKey::NotRsa("it is of another kind".to_owned())),
            Err(_) => return Err(UnusableAppKey::NotPem),
        };
        key.map(|key| Self(Arc::new(key))).map_err(|rejected| UnusableAppKey::NotRsa(rejected.to_string()))
    }

    /// A token for the app of this id, as a JWT by RS256.
    pub(super) fn token(&self, app_id: &str, now_seconds: i64) -> Secret {
        let encode = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let claims = json!({
            "iat": now_seconds - BACKDATED_SECONDS,
            "exp": now_seconds + LIFETIME_SECONDS,
            "iss": app_id,
        });
        let signed = format!("{}.{}", encode(json!({"alg": "RS256", "typ": "JWT"})), encode(claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("the buffer is as long as the modulus");
        Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AppKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    const PEM: &str = include_str!("app_key_of_tests.pem");

    #[test]
    fn tokens_are_signed_by_the_key() {
        let key = AppKey::from_pem(PEM.as_bytes()).expect("a key");
        let token = key.token("12345", 1_000_000);
        let (signed, signature) = token.expose().rsplit_once('.').expect("three parts");
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64");
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.0.public().as_ref());
        public.verify(signed.as_bytes(), &decode(signature)).expect("it fits");
        let (header, claims) = signed.split_once('.').expect("two parts");
        let json = |part| serde_json::from_slice::<Value>(&decode(part)).expect("JSON");
        assert_eq!(json(header), json!({"alg": "RS256", "typ": "JWT"}));
        assert_eq!(json(claims), json!({"iat": 999_940, "exp": 1_000_540, "iss": "12345"}));
        assert_eq!(format!("{key:?}"), "AppKey(..)");
    }

    #[test]
    fn other_files_are_no_keys() {
        assert_eq!(AppKey::from_pem(b"").err(), Some(UnusableAppKey::NotPem));
        assert_eq!(AppKey::from_pem(b"ghs_token").err(), Some(UnusableAppKey::NotPem));
        let cut = PEM.replace("MII", "MIA");
        assert!(AppKey::from_pem(cut.as_bytes()).is_err());
    }
}
