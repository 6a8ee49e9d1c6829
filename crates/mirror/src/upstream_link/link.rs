//! What this mirror knows of its upstream: state, secret, and why things are as they are.
//!
//! Like the repositories, it is written to the database first and shown from memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use heliostat_auth::Secret;
use heliostat_peer::Clock;
use heliostat_refusal::Refusal;
use heliostat_storage::{
    MirrorStore, StoreError, UpstreamServer, UpstreamServerId, UpstreamSettings, UpstreamState,
};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::contact::{Contact, UpstreamFacts};
use super::identity::{UpstreamAddresses, UpstreamUrl};
use super::lease::Lease;
use super::state::{LinkEvent, state_after};

/// Where it is noted when the upstream was last in contact, followed by the upstream's id.
const CONTACT_SETTING: &str = "contact ";

/// Where it is noted whether the upstream lets changes wait for mirrors with leases, followed by the upstream's id.
const LEASES_SETTING: &str = "leases ";
const LEASES_ARE_NEEDED: &str = "needed";

/// What clients and operators are told while the link is in doubt.
const IN_DOUBT: &str =
    "upstream has refused the signature of this mirror, which serves nothing until one is accepted";

/// What can be done where the doubt does not end by itself.
const DOUBT_REMEDY: &str = "if that lasts, the two hold different secrets, as when one of them was restored from a backup: remove this \
                            mirror at the upstream (heliostat mirror remove), and accept its new request";

/// The one upstream that this mirror follows; its record is shown from memory.
#[derive(Debug)]
pub struct UpstreamLink {
    addresses: UpstreamAddresses,
    id: UpstreamServerId,
    store: MirrorStore,
    clock: Clock,
    contact: Arc<Contact>,
    lease: Lease,
    current: watch::Sender<Arc<UpstreamServer>>,
    /// The secret of the last signature that the upstream has refused, until it accepts one.
    refused: Mutex<Option<Secret>>,
    doubted: Notify,
    /// Why the upstream does not take the address and version of this mirror, if it does not.
    unannounced: Mutex<Option<String>>,
    /// Why this mirror has not joined although the upstream has accepted it, if that is so.
    not_joined: Mutex<Option<String>>,
    /// How many ask at the moment whether the upstream has ended the link.
    endings: AtomicUsize,
    changing: tokio::sync::Mutex<()>,
}

/// While it lives, a refused signature is the answer that was asked for, and no reason to doubt the link.
pub(crate) struct Ending<'a>(&'a AtomicUsize);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl UpstreamLink {
    /// Reads what an earlier process knew of the upstream.
    pub(crate) async fn open(
        addresses: UpstreamAddresses,
        store: MirrorStore,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let id = addresses.followed.server_id();
        let upstream = store.upsert_upstream(&id, addresses.public.as_str(), clock.now_ms()).await?;
        let current = watch::Sender::new(Arc::new(upstream));
        let noted = store.get_setting(&format!("{CONTACT_SETTING}{id}")).await?;
        let contact = Arc::new(Contact::open(noted.as_deref(), clock.clone()));
        let leases = store.get_setting(&format!("{LEASES_SETTING}{id}")).await?;
        let lease = Lease::new(clock.clone(), leases.as_deref() == Some(LEASES_ARE_NEEDED));
        Ok(Self {
            addresses,
            id,
            store,
            clock,
            contact,
            lease,
            current,
            refused: Mutex::default(),
            doubted: Notify::new(),
            unannounced: Mutex::default(),
            not_joined: Mutex::default(),
            endings: AtomicUsize::default(),
            changing: tokio::sync::Mutex::default(),
        })
    }

    /// The id under which this mirror lists its upstream.
    pub fn id(&self) -> &UpstreamServerId {
        &self.id
    }

    /// The address at which this mirror calls the upstream.
    pub fn url(&self) -> &UpstreamUrl {
        &self.addresses.followed
    }

    /// The address at which people reach the upstream.
    pub fn public_url(&self) -> &UpstreamUrl {
        &self.addresses.public
    }

    /// Both.
    pub(super) fn addresses(&self) -> &UpstreamAddresses {
        &self.addresses
    }

    /// What is known of the upstream.
    pub fn upstream(&self) -> Arc<UpstreamServer> {
        Arc::clone(&self.current.borrow())
    }

    /// How far the link is.
    pub fn state(&self) -> UpstreamState {
        self.current.borrow().state
    }

    /// Whether the upstream answers, and since when it is not known what it has, if that is so.
    pub fn facts(&self) -> UpstreamFacts {
        self.contact.facts()
    }

    pub(crate) fn contact(&self) -> &Arc<Contact> {
        &self.contact
    }

    /// Whether this mirror may answer readers by itself.
    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Notes when the upstream was last in contact, for the next process.
    pub(crate) async fn note_contact(&self) -> Result<(), StoreError> {
        self.store.set_setting(&format!("{CONTACT_SETTING}{}", self.id), &self.contact.noted()).await
    }

    /// Notes whether the upstream lets changes wait for mirrors with leases: the next process has none at its start, and
    /// may not reach the upstream.
    pub(crate) async fn note_leases(&self, are_needed: bool) -> Result<(), StoreError> {
        if are_needed == self.lease.is_needed() {
            return Ok(());
        }
        let value = if are_needed { LEASES_ARE_NEEDED } else { "not needed" };
        self.store.set_setting(&format!("{LEASES_SETTING}{}", self.id), value).await
    }

    /// Refuses every id but that of the upstream that is followed.
    pub fn require(&self, upstream_id: &str) -> Result<(), Refusal> {
        if upstream_id.eq_ignore_ascii_case(self.id.as_str()) {
            return Ok(());
        }
        Err(Refusal::not_found("upstream server", "This mirror does not follow an upstream with that id."))
    }

    /// The id of the upstream that this mirror follows, for callers who do not name it.
    pub fn followed(&self) -> Result<&str, Refusal> {
        match self.state() {
            UpstreamState::Removed => Err(Refusal::not_found(
                "upstream server",
                "This mirror follows no upstream: the one that it followed has removed it.",
            )),
            _ => Ok(self.id.as_str()),
        }
    }

    pub(crate) fn is_installed(&self) -> bool {
        self.state() == UpstreamState::Installed
    }

    /// Whether the upstream has refused the present signature, and has accepted none since.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let refused = self.refused.lock();
        refused.is_some() && self.is_installed() && *refused == self.secret()
    }

    /// Whether this mirror may serve: the link holds, and the upstream has said nothing else.
    pub(crate) fn serves(&self) -> bool {
        self.is_installed() && !self.is_in_doubt()
    }

    /// Refuses to serve anything while the link is in doubt.
    pub(crate) fn refuse_while_in_doubt(&self) -> Result<(), Refusal> {
        if self.is_in_doubt() { Err(Refusal::unavailable(format!("The {IN_DOUBT}."))) } else { Ok(()) }
    }

    /// What is wrong with the link, in words for `/status`.
    pub(crate) fn complaint(&self) -> Option<String> {
        let not_joined = self.not_joined.lock().clone().filter(|_| !self.is_installed());
        if self.is_in_doubt() {
            Some(format!("the {IN_DOUBT}; {DOUBT_REMEDY}"))
        } else if not_joined.is_some() {
            not_joined
        } else {
            let last_error = self.current.borrow().last_error.clone();
            last_error.or_else(|| self.unannounced.lock().clone())
        }
    }

    /// Whether the upstream knows the address and version of this mirror, and why it does not.
    pub(super) fn announced(&self, problem: Option<String>) {
        *self.unannounced.lock() = problem;
    }

    /// Why this mirror has not joined although the upstream has accepted it; `None` once it has.
    pub(super) fn installation_refused(&self, reason: Option<String>) {
        if let Some(reason) = reason.as_deref() {
            tracing::warn!(upstream.url = %self.url(), reason, "this mirror has not joined the upstream");
        }
        *self.not_joined.lock() = reason;
    }

    /// Waits until the link has come into doubt since this was asked last.
    pub(crate) async fn doubted(&self) {
        self.doubted.notified().await;
    }

    /// Begins to ask whether the upstream has ended the link.
    pub(crate) fn ending(&self) -> Ending<'_> {
        self.endings.fetch_add(1, Ordering::Relaxed);
        Ending(&self.endings)
    }

    /// The upstream has refused a signature with this secret. One that is not in force does not matter: anyone can claim an
    /// installation.
    pub(super) fn signature_refused(&self, secret: &Secret) {
        if self.secret().as_ref() != Some(secret) || self.endings.load(Ordering::Relaxed) > 0 {
            return;
        }
        let before = self.refused.lock().replace(secret.clone());
        if before.as_ref() != Some(secret) && self.is_installed() {
            tracing::warn!(upstream.url = %self.url(), "the {IN_DOUBT}; {DOUBT_REMEDY}");
            self.doubted.notify_one();
        }
    }

    /// The upstream has accepted a signature with this secret.
    pub(super) fn signature_accepted(&self, secret: &Secret) {
        let ended = self.refused.lock().take_if(|refused| refused == secret).is_some();
        if ended {
            // Those who wait until the link holds look again.
            self.current.send_modify(|_| {});
        }
    }

    /// The shared secret, also while the link is in doubt.
    pub(crate) fn secret(&self) -> Option<Secret> {
        self.current.borrow().shared_secret.as_deref().map(Secret::new)
    }

    /// The shared secret of a link that holds.
    pub(crate) fn secret_in_force(&self) -> Option<Secret> {
        if self.serves() { self.secret() } else { None }
    }

    /// Ends when a link that did not hold before, or does not hold now, holds again: it may have changed meanwhile.
    pub(crate) async fn becoming_installed(&self, before: UpstreamState) {
        if before == UpstreamState::Installed && self.is_installed() {
            return std::future::pending().await;
        }
        let mut link = self.subscribe();
        if link.wait_for(|upstream| upstream.state == UpstreamState::Installed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<UpstreamServer>> {
        self.current.subscribe()
    }

    /// Takes in what has happened to the link. The reason is what `/status` shows; `None` when all is well.
    pub(crate) async fn apply(&self, event: LinkEvent, reason: Option<String>) -> Result<(), StoreError> {
        self.change(event, reason, |_| {}).await
    }

    /// Takes in that the upstream has installed this mirror. What it begins with is stored together with the secret.
    pub(super) async fn apply_installed(
        &self,
        client_key: String,
        secret: &Secret,
        settings: Option<UpstreamSettings>,
    ) -> Result<(), StoreError> {
        let take_in = |upstream: &mut UpstreamServer| {
            upstream.shared_secret = Some(secret.expose().to_owned());
            upstream.client_key = Some(client_key);
        };
        self.change_with_settings(LinkEvent::Installed, None, settings, take_in).await
    }

    /// Takes in that the upstream has ended the link; the secret is worth nothing from now on.
    pub(super) async fn apply_uninstalled(&self) -> Result<(), StoreError> {
        let reason = "the upstream has removed this mirror; started anew, it asks to join again".to_owned();
        self.change(LinkEvent::Uninstalled, Some(reason), |upstream| {
            upstream.shared_secret = None;
            upstream.client_key = None;
        })
        .await
    }

    pub(super) fn store(&self) -> &MirrorStore {
        &self.store
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn change(
        &self,
        event: LinkEvent,
        reason: Option<String>,
        change: impl FnOnce(&mut UpstreamServer),
    ) -> Result<(), StoreError> {
        self.change_with_settings(event, reason, None, change).await
    }

    async fn change_with_settings(
        &self,
        event: LinkEvent,
        reason: Option<String>,
        settings: Option<UpstreamSettings>,
        change: impl FnOnce(&mut UpstreamServer),
    ) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        let before = self.upstream();
        let mut after = (*before).clone();
        change(&mut after);
        after.state = state_after(before.state, event);
        // What is said about requests does not matter to a link that holds or has ended.
        let is_settled = matches!(after.state, UpstreamState::Installed | UpstreamState::Removed);
        if after.state != before.state || !is_settled || matches!(event, LinkEvent::Installed) {
            after.last_error = reason;
        }
        if after == *before {
            return Ok(());
        }
        if after.state != before.state {
            after.state_changed_at = self.clock.now_ms();
            tracing::info!(
                upstream.url = %after.base_url,
                upstream.state = %after.state,
                upstream.state_before = %before.state,
                reason = after.last_error.as_deref(),
                "the link to the upstream has changed"
            );
        } else if let Some(reason) =
            after.last_error.as_deref().filter(|_| after.last_error != before.last_error)
        {
            tracing::warn!(upstream.url = %after.base_url, reason, "cannot join the upstream yet");
        }
        self.save(&before, &after, settings.as_ref()).await?;
        self.current.send_replace(Arc::new(after));
        Ok(())
    }

    async fn save(
        &self,
        before: &UpstreamServer,
        after: &UpstreamServer,
        settings: Option<&UpstreamSettings>,
    ) -> Result<(), StoreError> {
        let (id, now_ms) = (&self.id, self.clock.now_ms());
        match (&after.shared_secret, &after.client_key) {
            (Some(secret), Some(client_key))
                if settings.is_some()
                    || after.shared_secret != before.shared_secret
                    || after.client_key != before.client_key =>
            {
                let (secret, client_key) = (secret.clone(), client_key.clone());
                self.store.install_upstream(id, secret, client_key, settings, now_ms).await
            }
            (None, _) if before.shared_secret.is_some() => {
                self.store.remove_upstream(id, now_ms).await?;
                self.store.set_upstream_error(id, after.last_error.as_deref()).await
            }
            _ => self.store.set_upstream_state(id, after.state, after.last_error.as_deref(), now_ms).await,
        }
    }
}
