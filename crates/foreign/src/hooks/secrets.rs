//! The secrets that webhooks are signed with. A provider may have several, so that one can be replaced while it is in use.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heliostat_auth::Secret;

use crate::provider::Provider;

/// Most secrets of one provider.
const MAX_SECRETS: usize = 16;
/// Shortest secret, in bytes: what is shorter can be guessed.
const MIN_SECRET_BYTES: usize = 8;
/// Longest secret, in bytes.
const MAX_SECRET_BYTES: usize = 1_024;
const LENGTHS: RangeInclusive<usize> = MIN_SECRET_BYTES..=MAX_SECRET_BYTES;

/// What begins a secret of "Standard Webhooks", which is in base64.
const WHSEC: &str = "whsec_";

/// The secrets of all providers whose webhooks are received.
#[derive(Debug, Clone, Default)]
pub struct HookSecrets(BTreeMap<Provider, Vec<Secret>>);

/// Why a secret is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableSecret {
    /// There is none.
    #[error("it holds no secret: write one on a line of its own, and give the same to the webhook of {0}")]
    Missing(Provider),
    /// It has an odd length.
    #[error(
        "a secret in it has the length {0}: take {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes, such as `openssl rand -hex 32` makes"
    )]
    Length(usize),
    /// There are too many.
    #[error("{0} has more than {MAX_SECRETS} secrets: keep those that webhooks use")]
    TooMany(Provider),
}

impl HookSecrets {
    /// Adds what a file holds: one secret on each line that is not empty.
    pub fn add(&mut self, provider: Provider, file: &str) -> Result<(), UnusableSecret> {
        let lines: Vec<&str> = file.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() {
            return Err(UnusableSecret::Missing(provider));
        }
        // The key counts that a secret stands for: a long text may stand for a short one.
        let lengths = |line: &&str| [line.len(), standard_key(line).len()];
        let odd = lines.iter().flat_map(lengths).find(|length| !LENGTHS.contains(length));
        if let Some(odd) = odd {
            return Err(UnusableSecret::Length(odd));
        }
        let secrets = self.0.entry(provider).or_default();
        secrets.extend(lines.into_iter().map(Secret::new));
        if secrets.len() > MAX_SECRETS { Err(UnusableSecret::TooMany(provider)) } else { Ok(()) }
    }

    /// The secrets of a provider; none if its webhooks are not received.
    pub fn of(&self, provider: Provider) -> &[Secret] {
        self.0.get(&provider).map_or(&[], Vec::as_slice)
    }
}

/// The key of "Standard Webhooks" that a secret stands for.
pub(super) fn standard_key(secret: &str) -> Vec<u8> {
    let decoded = secret.strip_prefix(WHSEC).and_then(|key| STANDARD.decode(key).ok());
    decoded.unwrap_or_else(|| secret.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_a_secret_on_each_line() {
        let mut secrets = HookSecrets::default();
        assert_eq!(secrets.add(Provider::GitHub, "first-secret\r\n\n  second-secret\n"), Ok(()));
        let exposed: Vec<&str> = secrets.of(Provider::GitHub).iter().map(Secret::expose).collect();
        assert_eq!(exposed, ["first-secret", "second-secret"]);
        assert!(secrets.of(Provider::GitLab).is_empty());
        assert_eq!(secrets.add(Provider::Gitea, " \n\n"), Err(UnusableSecret::Missing(Provider::Gitea)));
        assert_eq!(secrets.add(Provider::Gitea, "short"), Err(UnusableSecret::Length(5)));
        assert_eq!(secrets.add(Provider::Generic, "whsec_AA=="), Err(UnusableSecret::Length(1)));
        let told = UnusableSecret::Length(1).to_string();
        assert!(told.contains("the length 1:"), "one is not several: {told}");
        assert_eq!(secrets.add(Provider::Generic, "whsec_AAAAAAAAAAA="), Ok(()));
        let many = "sixteen-bytes-ok\n".repeat(MAX_SECRETS + 1);
        assert_eq!(secrets.add(Provider::Gitea, &many), Err(UnusableSecret::TooMany(Provider::Gitea)));
    }
}
