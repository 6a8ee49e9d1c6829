//! Asks the upstream to be accepted, again and again, until there is an answer that lasts.
//!
//! The answer to a repeated request carries its current state, so this is also how a mirror learns that it
//! was rejected. While the mirror is installed, the loop makes sure that the upstream knows its present
//! address and version: it tells them once in each process, because what either side remembers of that may be older, as
//! after a restored backup.

use std::sync::Arc;
use std::time::Duration;

use heliostat_api::models::MirroringRequestState;
use heliostat_peer::BackOff;
use heliostat_storage::{StoreError, UpstreamState};
use tokio_util::sync::CancellationToken;

use super::client::{UpstreamClient, is_conflict};
use super::descriptor::Introduction;
use super::link::UpstreamLink;
use super::state::{LinkEvent, wants_registration};

/// How often a mirror asks what became of its request.
const PENDING_POLL: BackOff = BackOff::new(Duration::from_secs(10), Duration::from_secs(10));

/// How often it asks when it cannot place its request.
const RETRY: BackOff = BackOff::new(Duration::from_secs(1), Duration::from_secs(60));

/// The setting that remembers which address and version the upstream was told last.
const ANNOUNCED_SETTING: &str = "announced";

/// What is said between the acceptance of the request and the installation.
const NOT_INSTALLED: &str = "accepted; the upstream has not installed this mirror yet. If that lasts for more than a minute, it has \
                             installed it before, with a secret that is not here, as when the data directory was restored, or \
                             the mirror was started with another --upstream: remove it at the upstream (heliostat mirror \
                             remove), and accept its new request";

/// When to look again.
enum Look {
    /// After this time.
    In(Duration),
    /// When the link changes.
    WhenTheLinkChanges,
}

/// Keeps this mirror known to its upstream.
pub(crate) struct Registration {
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) client: UpstreamClient,
    pub(crate) introduction: Arc<Introduction>,
}

impl Registration {
    /// The reconciler behind joining; ends with the token.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut link = self.link.subscribe();
        let (mut failures, mut has_announced) = (0, false);
        loop {
            link.mark_unchanged();
            let look = match self.register_once(&mut failures, &mut has_announced).await {
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
                    Look::WhenTheLinkChanges => {
                        if link.changed().await.is_err() {
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

    async fn register_once(&self, failures: &mut u32, has_announced: &mut bool) -> Result<Look, StoreError> {
        let state = self.link.state();
        if !wants_registration(state) {
            return self.announce(state, failures, has_announced).await;
        }
        if self.secret_still_works().await? {
            return Ok(Look::WhenTheLinkChanges);
        }
        match self.client.register(self.introduction.submission()).await {
            Ok(fate) => {
                *failures = 0;
                let (event, reason) = match fate {
                    MirroringRequestState::Pending => (
                        LinkEvent::RequestPending,
                        "an administrator of the upstream has to accept this mirror (heliostat request accept)",
                    ),
                    MirroringRequestState::Accepted => (LinkEvent::RequestAccepted, NOT_INSTALLED),
                    MirroringRequestState::Rejected => (
                        LinkEvent::RequestRejected,
                        "an administrator of the upstream has rejected this mirror",
                    ),
                };
                self.link.apply(event, Some(reason.to_owned())).await?;
                Ok(Look::In(PENDING_POLL.after(1)))
            }
            Err(error) => {
                *failures += 1;
                let event = if state == UpstreamState::Pending && is_conflict(&error) {
                    LinkEvent::RequestRejected
                } else {
                    LinkEvent::RequestFailed
                };
                self.link.apply(event, Some(error.to_string())).await?;
                Ok(Look::In(RETRY.after(*failures)))
            }
        }
    }

    /// A link that was put in doubt heals when the upstream accepts the old secret again.
    async fn secret_still_works(&self) -> Result<bool, StoreError> {
        let Some(secret) = self.link.secret() else {
            return Ok(false);
        };
        if self.client.server_time_ms(&secret).await.is_err() {
            return Ok(false);
        }
        self.link.apply(LinkEvent::SecretAccepted, None).await?;
        Ok(self.link.is_installed())
    }

    async fn announce(
        &self,
        state: UpstreamState,
        failures: &mut u32,
        has_announced: &mut bool,
    ) -> Result<Look, StoreError> {
        let Some(secret) = self.link.secret().filter(|_| state == UpstreamState::Installed) else {
            return Ok(Look::WhenTheLinkChanges);
        };
        let Introduction { base_url, internal_url, product_version, .. } = &*self.introduction;
        let announced = match internal_url {
            Some(internal) => format!("{base_url} {product_version} {internal}"),
            None => format!("{base_url} {product_version}"),
        };
        let is_told = self.link.store().get_setting(ANNOUNCED_SETTING).await?.as_ref() == Some(&announced);
        if is_told && *has_announced {
            return Ok(Look::WhenTheLinkChanges);
        }
        match self.client.upgrade(self.introduction.upgrade(), &secret).await {
            Ok(()) => {
                *failures = 0;
                *has_announced = true;
                self.link.announced(None);
                self.link.store().set_setting(ANNOUNCED_SETTING, &announced).await?;
                Ok(Look::WhenTheLinkChanges)
            }
            Err(error) => {
                *failures += 1;
                // What it was told before it knows, as a rule, unless another mirror has come by the address.
                let is_news = !is_told || is_conflict(&error);
                if is_news {
                    tracing::warn!(
                        error = error.to_string(),
                        "cannot tell the upstream this mirror's address and version"
                    );
                }
                // One that is away is told later, and is said to be away.
                let problem = (is_news && !error.is_outage()).then(|| {
                    format!(
                        "the upstream does not take the address {base_url} and the version {product_version} of this mirror, \
                         and goes on to call where it was before: {error}"
                    )
                });
                self.link.announced(problem);
                Ok(Look::In(RETRY.after(*failures)))
            }
        }
    }
}
