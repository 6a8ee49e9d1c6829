//! Takes deliveries of webhooks: proves them, drops what was taken already, and notes what they name.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use heliostat_peer::Clock;
use reqwest::header::HeaderMap;
use url::Url;

use super::deliveries::Deliveries;
use super::hints::{Hints, Noted};
use super::named_repositories::named_repositories;
use super::secrets::HookSecrets;
use super::signature::{self, NotGenuine};
use crate::provider::{Provider, projects_below};

/// Longest body of a delivery. GitHub sends none that is longer.
pub const MAX_HOOK_BODY_BYTES: usize = 25 * 1024 * 1024;

/// Takes deliveries for one server's repositories.
#[derive(Debug)]
pub struct HookReceiver {
    secrets: HookSecrets,
    /// What stands before project and repository in the addresses of a Bitbucket Data Center.
    projects_below: &'static str,
    deliveries: Deliveries,
    hints: Arc<Hints>,
    clock: Clock,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    noted: AtomicU64,
    repeated: AtomicU64,
    other: AtomicU64,
    refused: AtomicU64,
}

/// How many deliveries came since the start, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HookCounts {
    /// They named repositories, which are looked at.
    pub noted: u64,
    /// They had been taken before.
    pub repeated: u64,
    /// They tell of something else.
    pub other: u64,
    /// They were not genuine, not readable, or found no room.
    pub refused: u64,
}

/// What became of a delivery that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// So many repositories are looked at.
    Noted(usize),
    /// It had been taken before.
    Repeated,
    /// It tells of something that changes no references.
    Other,
}

/// Why a delivery was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookRefused {
    /// The secret with which the provider signs was not given.
    #[error("webhooks of {0} are not received here: start the mirror with --hook-secret-file {0}=FILE")]
    NotSetUp(Provider),
    /// It does not come from whom it says.
    #[error(transparent)]
    NotGenuine(#[from] NotGenuine),
    /// It is not what the provider publishes.
    #[error("{0}")]
    Unreadable(String),
    /// Too many repositories wait to be looked at.
    #[error("too many repositories wait to be looked at")]
    NoRoom,
}

impl HookReceiver {
    /// Takes what is signed with these secrets, for the repositories of the server at `origin`.
    pub fn new(secrets: HookSecrets, origin: &Url, hints: Arc<Hints>, clock: Clock) -> Self {
        HookReceiver {
            secrets,
            projects_below: projects_below(origin),
            deliveries: Deliveries::default(),
            hints,
            clock,
            counters: Counters::default(),
        }
    }

    /// Whether webhooks of this provider are received.
    pub fn receives(&self, provider: Provider) -> bool {
        !self.secrets.of(provider).is_empty()
    }

    /// Takes a delivery; its repositories are looked at afterwards, by [`Hints::follow`].
    pub fn receive(
        &self,
        provider: Provider,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Received, HookRefused> {
        let received = self.take(provider, headers, body);
        let counter = match &received {
            Ok(Received::Noted(_)) => &self.counters.noted,
            Ok(Received::Repeated) => &self.counters.repeated,
            Ok(Received::Other) => &self.counters.other,
            Err(_) => &self.counters.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        received
    }

    /// How many came.
    pub fn counts(&self) -> HookCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        HookCounts {
            noted: count(&self.counters.noted),
            repeated: count(&self.counters.repeated),
            other: count(&self.counters.other),
            refused: count(&self.counters.refused),
        }
    }

    fn take(&self, provider: Provider, headers: &HeaderMap, body: &[u8]) -> Result<Received, HookRefused> {
        if !self.receives(provider) {
            return Err(HookRefused::NotSetUp(provider));
        }
        let secrets = self.secrets.of(provider);
        signature::prove(provider, secrets, headers, body, self.clock.now_seconds())?;
        if self.deliveries.is_known(provider, headers) {
            return Ok(Received::Repeated);
        }
        let paths = named_repositories(provider, headers, body, self.projects_below)
            .map_err(|unreadable| HookRefused::Unreadable(unreadable.to_string()))?;
        let count = paths.len();
        for path in paths {
            if self.hints.note(path) == Noted::NoRoom {
                // Not remembered, so that the provider may send it again.
                return Err(HookRefused::NoRoom);
            }
        }
        self.deliveries.remember(provider, headers);
        Ok(if count == 0 { Received::Other } else { Received::Noted(count) })
    }
}

#[cfg(test)]
mod tests {
    use heliostat_auth::{Secret, body_signature};
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    const SECRET: &str = "a-secret-of-tests";
    const PUSH: &str = r#"{"repository": {"full_name": "acme/tool"}}"#;

    fn receiver() -> HookReceiver {
        let mut secrets = HookSecrets::default();
        secrets.add(Provider::GitHub, SECRET).expect("usable");
        let origin = Url::parse("https://git.example.com/").expect("a URL");
        HookReceiver::new(secrets, &origin, Arc::default(), Clock::system())
    }

    fn headers(event: &str, id: &str, body: &str) -> HeaderMap {
        let signature = body_signature(&Secret::new(SECRET), body.as_bytes());
        let pairs =
            [("x-github-event", event), ("x-github-delivery", id), ("x-hub-signature-256", &signature)];
        let pair = |(name, value): (&str, &str)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        };
        pairs.into_iter().map(pair).collect()
    }

    #[test]
    fn a_delivery_is_taken_once() {
        let receiver = receiver();
        let take = |id, body| receiver.receive(Provider::GitHub, &headers("push", id, body), body.as_bytes());
        assert_eq!(take("1", PUSH), Ok(Received::Noted(1)));
        assert_eq!(take("1", PUSH), Ok(Received::Repeated));
        assert_eq!(take("2", PUSH), Ok(Received::Noted(1)));
        assert_eq!(receiver.hints.waiting(), 1, "both are about one repository");
        let ping = receiver.receive(Provider::GitHub, &headers("ping", "3", "{}"), b"{}");
        assert_eq!(ping, Ok(Received::Other));
        let counts = HookCounts { noted: 2, repeated: 1, other: 1, refused: 0 };
        assert_eq!(receiver.counts(), counts);
    }

    #[test]
    fn what_is_not_proven_is_neither_read_nor_remembered() {
        let receiver = receiver();
        let signed = headers("push", "1", PUSH);
        let changed = receiver.receive(Provider::GitHub, &signed, b"{}");
        assert!(matches!(changed, Err(HookRefused::NotGenuine(_))));
        let other = receiver.receive(Provider::GitLab, &signed, PUSH.as_bytes());
        assert_eq!(other, Err(HookRefused::NotSetUp(Provider::GitLab)));
        let unreadable = receiver.receive(Provider::GitHub, &headers("push", "1", "{"), b"{");
        assert!(matches!(unreadable, Err(HookRefused::Unreadable(_))));
        assert_eq!(receiver.hints.waiting(), 0);
        let genuine = receiver.receive(Provider::GitHub, &signed, PUSH.as_bytes());
        assert_eq!(genuine, Ok(Received::Noted(1)));
        assert_eq!(receiver.counts().refused, 3);
    }
}
