//! Asks the upstream to be accepted, again and again, until there is an answer that lasts.
//!
//! The answer to a repeated request carries its current state, so this is also how a mirror learns that it
//! was rejected. While the mirror is installed, the loop makes sure that the upstream knows its present
//! address and version.

use std::sync::Arc;
use std::time::Duration;

use heliostat_peer::BackOff;
use heliostat_peer::CallError;
use heliostat_storage::{StoreError, UpstreamState};
use reqwest::StatusCode;
use tokio_util::sync::CancellationToken;

use crate::lifecycle::{BondNews, wants_registration};
use crate::mirror::Mirror;
use crate::upstream_calls::RequestFate;

/// How often a mirror asks what became of its request.
const PENDING_POLL: BackOff = BackOff::new(Duration::from_secs(10), Duration::from_secs(10));

/// How often it asks when it cannot place its request.
const RETRY: BackOff = BackOff::new(Duration::from_secs(1), Duration::from_secs(60));

/// The setting that remembers which address and version the upstream was told last.
const ANNOUNCED_SETTING: &str = "announced";

/// When to look again.
enum Look {
    /// After this time.
    In(Duration),
    /// When the bond changes.
    WhenTheBondChanges,
}

impl Mirror {
    /// The reconciler behind joining; ends with the token.
    pub(crate) async fn keep_registered(self: Arc<Self>, stop: CancellationToken) {
        let mut bond = self.bond.subscribe();
        let mut failures = 0;
        loop {
            bond.mark_unchanged();
            let look = match self.register_once(&mut failures).await {
                Ok(look) => look,
                Err(error) => {
                    failures += 1;
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "cannot record the state of the upstream"
                    );
                    Look::In(RETRY.after(failures))
                }
            };
            let pause = async {
                match look {
                    Look::In(delay) => tokio::time::sleep(delay).await,
                    Look::WhenTheBondChanges => {
                        if bond.changed().await.is_err() {
                            std::future::pending::<()>().await;
                        }
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = pause => {}
            }
        }
    }

    async fn register_once(&self, failures: &mut u32) -> Result<Look, StoreError> {
        let state = self.bond.state();
        if !wants_registration(state) {
            return self.announce_changes(state, failures).await;
        }
        if self.secret_still_works().await? {
            self.sweep_signal.wake();
            return Ok(Look::WhenTheBondChanges);
        }
        match self.client.register(&self.registration_request()).await {
            Ok(fate) => {
                *failures = 0;
                let (news, reason) = match fate {
                    RequestFate::Pending => (
                        BondNews::RequestPending,
                        "an administrator of the upstream has to accept this mirror",
                    ),
                    RequestFate::Accepted => (
                        BondNews::RequestAccepted,
                        "accepted; the upstream has not installed this mirror yet",
                    ),
                    RequestFate::Rejected => (
                        BondNews::RequestRejected,
                        "an administrator of the upstream has rejected this mirror",
                    ),
                };
                self.hear(news, Some(reason.to_owned())).await?;
                Ok(Look::In(PENDING_POLL.after(1)))
            }
            Err(error) => {
                *failures += 1;
                let news = if state == UpstreamState::Pending && is_conflict(&error) {
                    BondNews::RequestRejected
                } else {
                    BondNews::RequestFailed
                };
                self.hear(news, Some(error.to_string())).await?;
                Ok(Look::In(RETRY.after(*failures)))
            }
        }
    }

    /// A bond that was put in doubt heals when the upstream accepts the old secret again.
    async fn secret_still_works(&self) -> Result<bool, StoreError> {
        let Some(secret) = self.bond.secret() else {
            return Ok(false);
        };
        if self.client.server_time_ms(&secret).await.is_err() {
            return Ok(false);
        }
        self.hear(BondNews::SecretAccepted, None).await?;
        Ok(self.bond.is_installed())
    }

    async fn announce_changes(&self, state: UpstreamState, failures: &mut u32) -> Result<Look, StoreError> {
        let Some(secret) = self.bond.secret().filter(|_| state == UpstreamState::Installed) else {
            return Ok(Look::WhenTheBondChanges);
        };
        let request = self.registration_request();
        let announced = format!("{} {}", request.base_url, request.product_version);
        if self.store.get_setting(ANNOUNCED_SETTING).await?.as_ref() == Some(&announced) {
            return Ok(Look::WhenTheBondChanges);
        }
        match self.client.upgrade(&request, &secret).await {
            Ok(()) => {
                *failures = 0;
                self.store.set_setting(ANNOUNCED_SETTING, &announced).await?;
                Ok(Look::WhenTheBondChanges)
            }
            Err(error) => {
                *failures += 1;
                tracing::warn!(
                    error = error.to_string(),
                    "cannot tell the upstream this mirror's address and version"
                );
                Ok(Look::In(RETRY.after(*failures)))
            }
        }
    }
}

fn is_conflict(error: &CallError) -> bool {
    error.status() == Some(StatusCode::CONFLICT)
}
