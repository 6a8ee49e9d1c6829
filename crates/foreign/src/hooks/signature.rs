//! Whether a delivery comes from whom it says: each provider's own signature over the bytes as they came, compared in
//! constant time with what each known secret would give.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heliostat_auth::Secret;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderMap;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::secrets::standard_key;
use crate::provider::Provider;

/// How far the time in a signed delivery may be from the time here, either way.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// Most signatures in one header that are looked at; there are several while a secret is being replaced.
const MAX_SIGNATURES: usize = 8;

/// What begins the value of a signature in hex.
const SHA256: &str = "sha256=";
/// What begins a signature as "Standard Webhooks" has it.
const V1: &str = "v1,";

/// Why a delivery is not taken for genuine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotGenuine {
    /// It is not signed.
    #[error(
        "the delivery has no header {0}: give the webhook the secret that stands in the file of --hook-secret-file"
    )]
    Unsigned(&'static str),
    /// It is signed otherwise.
    #[error(
        "the header {0} does not fit: the webhook and the file of --hook-secret-file must hold the same secret"
    )]
    Wrong(&'static str),
    /// It is signed for another time.
    #[error(
        "the delivery was signed more than 5 minutes before or after the time here: compare the clocks of both servers"
    )]
    OtherTime,
}

/// Proves a delivery with one of the secrets.
pub(super) fn prove(
    provider: Provider,
    secrets: &[Secret],
    headers: &HeaderMap,
    body: &[u8],
    now_seconds: i64,
) -> Result<(), NotGenuine> {
    match provider {
        Provider::GitHub => prove_hex("X-Hub-Signature-256", SHA256, secrets, headers, body),
        Provider::Gitea | Provider::Forgejo => {
            let own = "X-Forgejo-Signature";
            let name = if headers.contains_key(own) { own } else { "X-Gitea-Signature" };
            prove_hex(name, "", secrets, headers, body)
        }
        Provider::Bitbucket => prove_hex("X-Hub-Signature", SHA256, secrets, headers, body),
        Provider::GitLab if headers.contains_key(STANDARD_SIGNATURE) => {
            prove_standard(secrets, headers, body, now_seconds)
        }
        Provider::GitLab => prove_token(secrets, headers),
        Provider::Generic if headers.contains_key(STANDARD_SIGNATURE) => {
            prove_standard(secrets, headers, body, now_seconds)
        }
        Provider::Generic => prove_hex("X-Hub-Signature-256", SHA256, secrets, headers, body),
    }
}

/// The headers of "Standard Webhooks".
const STANDARD_ID: &str = "webhook-id";
const STANDARD_TIME: &str = "webhook-timestamp";
const STANDARD_SIGNATURE: &str = "webhook-signature";

/// An HMAC of the body in hex.
fn prove_hex(
    name: &'static str,
    prefix: &str,
    secrets: &[Secret],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), NotGenuine> {
    let value = text(headers, name).ok_or(NotGenuine::Unsigned(name))?;
    let signature = value.strip_prefix(prefix).and_then(|hex| hex::decode(hex).ok());
    let signature = signature.ok_or(NotGenuine::Wrong(name))?;
    let fits = |secret: &Secret| is_signature(secret.expose().as_bytes(), &[body], &signature);
    any(secrets, fits).then_some(()).ok_or(NotGenuine::Wrong(name))
}

/// The secret itself, as GitLab sends it.
fn prove_token(secrets: &[Secret], headers: &HeaderMap) -> Result<(), NotGenuine> {
    let name = "X-Gitlab-Token";
    let token = headers.get(name).ok_or(NotGenuine::Unsigned(name))?.as_bytes();
    let fits = |secret: &Secret| bool::from(secret.expose().as_bytes().ct_eq(token));
    any(secrets, fits).then_some(()).ok_or(NotGenuine::Wrong(name))
}

/// An HMAC of id, time and body, as "Standard Webhooks" has it; GitLab sends it where a signing token is set.
fn prove_standard(
    secrets: &[Secret],
    headers: &HeaderMap,
    body: &[u8],
    now_seconds: i64,
) -> Result<(), NotGenuine> {
    let required = |name| text(headers, name).ok_or(NotGenuine::Unsigned(name));
    let (id, time, signatures) =
        (required(STANDARD_ID)?, required(STANDARD_TIME)?, required(STANDARD_SIGNATURE)?);
    let signed_at: i64 = time.parse().map_err(|_| NotGenuine::Wrong(STANDARD_TIME))?;
    if now_seconds.abs_diff(signed_at) > TOLERANCE.as_secs() {
        return Err(NotGenuine::OtherTime);
    }
    let signatures: Vec<Vec<u8>> = signatures
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix(V1)?).ok())
        .take(MAX_SIGNATURES)
        .collect();
    let fits = |secret: &Secret| {
        let parts: [&[u8]; 5] = [id.as_bytes(), b".", time.as_bytes(), b".", body];
        let key = standard_key(secret.expose());
        signatures.iter().fold(false, |fits, signature| is_signature(&key, &parts, signature) | fits)
    };
    any(secrets, fits).then_some(()).ok_or(NotGenuine::Wrong(STANDARD_SIGNATURE))
}

/// Compares in constant time.
fn is_signature(key: &[u8], parts: &[&[u8]], signature: &[u8]) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.verify_slice(signature).is_ok()
}

/// Asks about all secrets, so that the time does not tell which one fits.
fn any(secrets: &[Secret], fits: impl Fn(&Secret) -> bool) -> bool {
    secrets.iter().fold(false, |found, secret| fits(secret) | found)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
pub(super) mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    pub(in crate::hooks) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        };
        pairs.iter().map(pair).collect()
    }

    fn secrets(texts: &[&str]) -> Vec<Secret> {
        texts.iter().map(|text| Secret::new(*text)).collect()
    }

    /// The example in GitHub's documentation of signatures.
    const DOCUMENTED: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const DOCUMENTED_SECRET: &str = "It's a Secret to Everybody";
    const DOCUMENTED_BODY: &[u8] = b"Hello, World!";

    #[test]
    fn signatures_in_hex_are_those_of_the_documentation() {
        let with_name = format!("sha256={DOCUMENTED}");
        for (provider, header, value) in [
            (Provider::GitHub, "x-hub-signature-256", with_name.as_str()),
            (Provider::Generic, "x-hub-signature-256", with_name.as_str()),
            (Provider::Bitbucket, "x-hub-signature", with_name.as_str()),
            (Provider::Gitea, "x-gitea-signature", DOCUMENTED),
            (Provider::Forgejo, "x-gitea-signature", DOCUMENTED),
            (Provider::Forgejo, "x-forgejo-signature", DOCUMENTED),
        ] {
            let prove = |texts: &[&str], value: &str, body: &[u8]| {
                prove(provider, &secrets(texts), &headers(&[(header, value)]), body, 0)
            };
            assert_eq!(prove(&[DOCUMENTED_SECRET], value, DOCUMENTED_BODY), Ok(()), "{provider}");
            assert_eq!(prove(&["new one", DOCUMENTED_SECRET], value, DOCUMENTED_BODY), Ok(()), "{provider}");
            let wrong = |proven: Result<(), NotGenuine>| matches!(proven, Err(NotGenuine::Wrong(_)));
            assert!(wrong(prove(&[DOCUMENTED_SECRET], value, b"Hello, World")), "{provider}");
            assert!(wrong(prove(&["another"], value, DOCUMENTED_BODY)), "{provider}");
            assert!(wrong(prove(&[], value, DOCUMENTED_BODY)), "{provider}");
            for odd in ["", "sha256=", "sha1=757107ea", "zz", &value[..value.len() - 2]] {
                assert!(wrong(prove(&[DOCUMENTED_SECRET], odd, DOCUMENTED_BODY)), "{provider} {odd}");
            }
        }
    }

    #[test]
    fn what_is_not_signed_is_not_genuine() {
        for (provider, name) in [
            (Provider::GitHub, "X-Hub-Signature-256"),
            (Provider::GitLab, "X-Gitlab-Token"),
            (Provider::Gitea, "X-Gitea-Signature"),
            (Provider::Forgejo, "X-Gitea-Signature"),
            (Provider::Bitbucket, "X-Hub-Signature"),
            (Provider::Generic, "X-Hub-Signature-256"),
        ] {
            // SHA-1 is not asked for, and the header of another provider says nothing.
            let others = headers(&[("x-signature", DOCUMENTED), ("x-gogs-signature", DOCUMENTED)]);
            let proven = prove(provider, &secrets(&[DOCUMENTED_SECRET]), &others, DOCUMENTED_BODY, 0);
            assert_eq!(proven, Err(NotGenuine::Unsigned(name)));
        }
    }

    #[test]
    fn gitlab_shows_its_secret() {
        let prove = |token: &str| {
            let known = secrets(&["first-secret", "second-secret"]);
            prove(Provider::GitLab, &known, &headers(&[("x-gitlab-token", token)]), b"{}", 0)
        };
        assert_eq!(prove("first-secret"), Ok(()));
        assert_eq!(prove("second-secret"), Ok(()));
        for other in ["", "first-secre", "first-secret2", "First-secret"] {
            assert_eq!(prove(other), Err(NotGenuine::Wrong("X-Gitlab-Token")), "{other}");
        }
    }

    /// The example in the specification of Standard Webhooks.
    #[test]
    fn standard_webhooks_are_those_of_their_specification() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = br#"{"test": 2432232314}"#;
        let time = 1_614_265_330;
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let with = |id: &str, time: &str, signature: &str| {
            headers(&[("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)])
        };
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let two = format!("v1,AAAA v1a,AAAA {signature}");
        for provider in [Provider::GitLab, Provider::Generic] {
            let prove = |headers: &HeaderMap, body: &[u8], now| {
                prove(provider, &secrets(&["another-secret", secret]), headers, body, now)
            };
            assert_eq!(prove(&with(id, "1614265330", signature), body, time + 300), Ok(()));
            assert_eq!(prove(&with(id, "1614265330", &two), body, time - 300), Ok(()));
            let genuine = with(id, "1614265330", signature);
            assert_eq!(prove(&genuine, body, time + 301), Err(NotGenuine::OtherTime));
            assert_eq!(prove(&genuine, body, i64::MIN), Err(NotGenuine::OtherTime));
            let wrong = Err(NotGenuine::Wrong(STANDARD_SIGNATURE));
            assert_eq!(prove(&genuine, b"{}", time), wrong);
            assert_eq!(prove(&with("msg_other", "1614265330", signature), body, time), wrong);
            assert_eq!(prove(&with(id, "1614265331", signature), body, time), wrong);
            assert_eq!(
                prove(&with(id, "soon", signature), body, time),
                Err(NotGenuine::Wrong(STANDARD_TIME))
            );
            let nameless = headers(&[("webhook-timestamp", "1614265330"), ("webhook-signature", signature)]);
            assert_eq!(prove(&nameless, body, time), Err(NotGenuine::Unsigned(STANDARD_ID)));
        }
    }
}
