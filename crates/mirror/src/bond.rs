//! What this mirror knows of its upstream: state, secret, and why things are as they are.
//!
//! Like the repositories, it is written to the database first and shown from memory.

use std::sync::Arc;

use heliostat_auth::Secret;
use heliostat_storage::{StoreError, UpstreamServer, UpstreamState};
use tokio::sync::watch;

use crate::lifecycle::{BondNews, state_after};
use crate::mirror::Mirror;

/// The upstream's record, shown from memory.
#[derive(Debug)]
pub(crate) struct Bond {
    current: watch::Sender<Arc<UpstreamServer>>,
    changing: tokio::sync::Mutex<()>,
}

/// What an upstream hands over when it installs a mirror.
#[derive(Debug, Clone)]
pub(crate) struct NewBond {
    pub(crate) client_key: String,
    pub(crate) secret: Secret,
}

impl Bond {
    pub(crate) fn new(upstream: UpstreamServer) -> Self {
        Self { current: watch::Sender::new(Arc::new(upstream)), changing: tokio::sync::Mutex::default() }
    }

    pub(crate) fn upstream(&self) -> Arc<UpstreamServer> {
        Arc::clone(&self.current.borrow())
    }

    pub(crate) fn state(&self) -> UpstreamState {
        self.current.borrow().state
    }

    pub(crate) fn is_installed(&self) -> bool {
        self.state() == UpstreamState::Installed
    }

    /// The shared secret, also while the bond is in doubt.
    pub(crate) fn secret(&self) -> Option<Secret> {
        self.current.borrow().shared_secret.as_deref().map(Secret::new)
    }

    /// The shared secret of a bond that holds.
    pub(crate) fn secret_in_force(&self) -> Option<Secret> {
        if self.is_installed() { self.secret() } else { None }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<UpstreamServer>> {
        self.current.subscribe()
    }
}

impl Mirror {
    /// Takes in news about the bond. The reason is what `/status` shows; `None` when all is well.
    pub(crate) async fn hear(&self, news: BondNews, reason: Option<String>) -> Result<(), StoreError> {
        self.change_bond(news, reason, |_| {}).await
    }

    /// Takes in that the upstream has installed this mirror.
    pub(crate) async fn hear_installed(&self, bond: NewBond) -> Result<(), StoreError> {
        self.change_bond(BondNews::Installed, None, |upstream| {
            upstream.shared_secret = Some(bond.secret.expose().to_owned());
            upstream.client_key = Some(bond.client_key);
        })
        .await
    }

    /// Takes in that the upstream has ended the bond; the secret is worth nothing from now on.
    pub(crate) async fn hear_uninstalled(&self) -> Result<(), StoreError> {
        let reason = "the upstream has removed this mirror".to_owned();
        self.change_bond(BondNews::Uninstalled, Some(reason), |upstream| {
            upstream.shared_secret = None;
            upstream.client_key = None;
        })
        .await
    }

    async fn save(&self, before: &UpstreamServer, after: &UpstreamServer) -> Result<(), StoreError> {
        let (id, now_ms) = (&self.upstream_id, self.options.clock.now_ms());
        match (&after.shared_secret, &after.client_key) {
            (Some(secret), Some(client_key))
                if after.shared_secret != before.shared_secret || after.client_key != before.client_key =>
            {
                self.store.install_upstream(id, secret.clone(), client_key.clone(), now_ms).await
            }
            (None, _) if before.shared_secret.is_some() => {
                self.store.remove_upstream(id, now_ms).await?;
                self.store.set_upstream_error(id, after.last_error.as_deref()).await
            }
            _ => self.store.set_upstream_state(id, after.state, after.last_error.as_deref(), now_ms).await,
        }
    }

    async fn change_bond(
        &self,
        news: BondNews,
        reason: Option<String>,
        change: impl FnOnce(&mut UpstreamServer),
    ) -> Result<(), StoreError> {
        let _changing = self.bond.changing.lock().await;
        let before = self.bond.upstream();
        let mut after = (*before).clone();
        change(&mut after);
        after.state = state_after(before.state, news);
        // What is said about requests does not matter to a bond that holds or has ended.
        let is_settled = matches!(after.state, UpstreamState::Installed | UpstreamState::Removed);
        if after.state != before.state || !is_settled || matches!(news, BondNews::Installed) {
            after.last_error = reason;
        }
        if after == *before {
            return Ok(());
        }
        if after.state != before.state {
            after.state_changed_at = self.options.clock.now_ms();
            tracing::info!(
                upstream.url = %after.base_url,
                upstream.state = %after.state,
                reason = after.last_error.as_deref(),
                "upstream is now {}, it was {}", after.state, before.state
            );
        } else if let Some(reason) =
            after.last_error.as_deref().filter(|_| after.last_error != before.last_error)
        {
            tracing::warn!(upstream.url = %after.base_url, reason, "cannot join the upstream yet: {reason}");
        }
        self.save(&before, &after).await?;
        self.bond.current.send_replace(Arc::new(after));
        Ok(())
    }
}
