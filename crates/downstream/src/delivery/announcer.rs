//! What all events of this server have in common, what goes along with them and waits for them, and the signals that events
//! were stored.

use std::time::Duration;

use heliostat_auth::Caller;
use heliostat_peer::Clock;
use tokio::sync::Notify;
use url::Url;
use uuid::Uuid;

use super::events::EventContext;
use super::leases::Leases;
use super::pushed_packs::PushedPacks;

/// Knows this server's address and time, and wakes the deliveries.
pub struct Announcer {
    base_url: Url,
    instance: String,
    clock: Clock,
    pushed_packs: PushedPacks,
    leases: Leases,
    mirrors: Notify,
    webhooks: Notify,
}

impl Announcer {
    /// For the server at `base_url`, whose events carry at most so many bytes of what was pushed, and whose mirrors get
    /// leases of this length.
    pub fn new(base_url: Url, clock: Clock, small_push_bytes: usize, lease: Duration) -> Self {
        Self {
            base_url,
            instance: Uuid::new_v4().to_string(),
            clock,
            pushed_packs: PushedPacks::new(small_push_bytes),
            leases: Leases::new(lease),
            mirrors: Notify::new(),
            webhooks: Notify::new(),
        }
    }

    /// The leases of mirrors.
    pub fn leases(&self) -> &Leases {
        &self.leases
    }

    /// What small pushes have brought.
    pub fn pushed_packs(&self) -> &PushedPacks {
        &self.pushed_packs
    }

    /// This process, which has another name after each start.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// What clients and mirrors see.
    pub fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// The base URL without a slash at its end, to which paths are appended.
    pub fn base_address(&self) -> &str {
        self.base_url.as_str().trim_end_matches('/')
    }

    /// Epoch milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Epoch seconds, as tokens count them.
    pub fn now_seconds(&self) -> i64 {
        self.clock.now_seconds()
    }

    /// What the events of something that `caller` does now have in common.
    pub fn context<'a>(&'a self, caller: &'a Caller) -> EventContext<'a> {
        EventContext { base: self.base_address(), now_ms: self.now_ms(), actor: caller.user() }
    }

    /// Wakes the deliveries after events were stored.
    pub fn announced(&self) {
        self.mirrors.notify_one();
        self.webhooks.notify_one();
    }

    /// The signal that events were stored for mirrors.
    pub fn mirrors_signal(&self) -> &Notify {
        &self.mirrors
    }

    /// The signal that events were stored for webhooks.
    pub fn webhooks_signal(&self) -> &Notify {
        &self.webhooks
    }
}
