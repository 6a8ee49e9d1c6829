//! What makes a mirror of another Git server quicker: webhooks, and lists of what organisations have.

use std::sync::Arc;
use std::time::Duration;

use heliostat_foreign::discovery::{CredentialSource, Organisation, Sweep, SweepOptions};
use heliostat_foreign::hooks::{Hints, HookReceiver, HookSecrets};
use heliostat_foreign::{Provider, RepositoryPath, UnusableServer};
use heliostat_origin::{Origin, ServiceAccess};
use heliostat_peer::{Authorities, Clock};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::options::StartError;
use super::own_credential::OwnCredential;
use crate::metrics::HintMetrics;

/// How many repositories are looked at at once because of a hint.
const LOOKS_AT_ONCE: usize = 4;

/// What an operator decides about hints.
#[derive(Debug, Clone)]
pub struct HintOptions {
    /// The secrets of webhooks.
    pub secrets: HookSecrets,
    /// A credential of the mirror's own.
    pub credential: Option<CredentialSource>,
    /// Whose repositories are listed.
    pub organisations: Vec<Organisation>,
    /// Where the provider's interface is, if not at its usual place.
    pub interface: Option<Url>,
    /// How long after one listing the next begins.
    pub discovery_interval: Duration,
}

/// The parts that take hints and follow them.
pub(super) struct OriginHints {
    /// Takes webhooks.
    receiver: Arc<HookReceiver>,
    credential: Option<Arc<OwnCredential>>,
    /// Lists organisations, if any are to be listed.
    sweep: Option<Arc<Sweep>>,
    hints: Arc<Hints>,
}

impl OriginHints {
    /// Prepares to take hints about the server at `origin`; nothing is asked yet.
    pub(super) fn new(
        options: HintOptions,
        origin: &Url,
        authorities: Authorities,
        clock: &Clock,
    ) -> Result<Self, StartError> {
        let failed = |error: UnusableServer| StartError::domain("mirror", &error);
        let hints = Arc::new(Hints::default());
        let sweep = SweepOptions {
            organisations: options.organisations,
            origin: origin.clone(),
            interface: options.interface,
            authorities,
            interval: options.discovery_interval,
        };
        let credential = options.credential.map(|source| {
            // Only an app asks for its credential, and apps are GitHub's.
            OwnCredential::new(source, sweep.api(Provider::GitHub), clock.clone()).map(Arc::new)
        });
        let credential = credential.transpose().map_err(failed)?;
        let receiver = HookReceiver::new(options.secrets, origin, Arc::clone(&hints), clock.clone());
        let lists = !sweep.organisations.is_empty();
        let sweep = lists.then(|| {
            let shown = credential.as_ref().map(|own| own.credential());
            Sweep::new(&sweep, shown, Arc::clone(&hints), clock.clone()).map(Arc::new)
        });
        let sweep = sweep.transpose().map_err(failed)?;
        Ok(Self { receiver: Arc::new(receiver), credential, sweep, hints })
    }

    /// What takes webhooks.
    pub(super) fn receiver(&self) -> Arc<HookReceiver> {
        Arc::clone(&self.receiver)
    }

    /// What metrics show of them.
    pub(super) fn metrics(&self) -> HintMetrics {
        let sweep = self.sweep.as_ref().map(|sweep| sweep.state()).unwrap_or_default();
        HintMetrics { hooks: self.receiver.counts(), waiting: self.hints.waiting(), sweep }
    }

    /// What `/status` says of them: no names, which unauthenticated clients could read there.
    pub(super) fn complaint(self: &Arc<Self>) -> impl Fn() -> Option<String> + Send + Sync + use<> {
        let hints = Arc::clone(self);
        move || {
            let has_failed = hints.sweep.as_ref().is_some_and(|sweep| sweep.state().failure.is_some());
            let list = has_failed
                .then(|| "not all repositories of the origin can be listed; the log says why".to_owned());
            let own = hints.credential.as_ref().and_then(|own| own.complaint());
            let all: Vec<String> = own.into_iter().chain(list).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
    }

    /// What is shown to the origin where the mirror looks by itself.
    pub(super) fn service(&self) -> Option<Arc<dyn ServiceAccess>> {
        let own: Arc<dyn ServiceAccess> = self.credential.clone()?;
        Some(own)
    }

    /// Has the mirror look at what hints name, until `stop`.
    pub(super) async fn follow(self: Arc<Self>, origin: Arc<Origin>, stop: CancellationToken) {
        let look = move |path: RepositoryPath| {
            let origin = Arc::clone(&origin);
            async move {
                let is_shown = origin.look(&path).await;
                tracing::debug!(
                    repository.path = path.as_str(),
                    is_shown,
                    "a repository was reported to have changed"
                );
            }
        };
        let sweeping = async {
            match &self.sweep {
                Some(sweep) => sweep.run().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = Arc::clone(&self.hints).follow(LOOKS_AT_ONCE, look) => {}
            () = sweeping => {}
        }
    }
}
