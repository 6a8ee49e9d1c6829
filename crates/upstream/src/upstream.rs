//! The primary as one value: what it is made of, how it starts and how it runs.

use std::path::PathBuf;
use std::sync::Arc;

use heliostat_auth::{Passwords, Secret, server_id};
use heliostat_git as git;
use heliostat_peer::http::Destinations;
use heliostat_peer::{AddressRules, Clock, PeerClient};
use heliostat_refusal::Refusal;
use heliostat_storage::{StoreError, UpstreamStore};
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::bootstrap::{self, AdminAccount, BootstrapError};
use crate::deliver_events::{Deliveries, Mirrors};
use crate::deliver_webhooks::Webhooks;
use crate::delivery_loop;
use crate::known_refs::KnownRefs;
use crate::mirror_servers::LastSeen;
use crate::reconcile_refs::{self, Reconciliation};
use crate::register_limit::RegisterLimit;
use crate::webhook_client::WebhookClient;
use crate::wire_event::Occasion;

/// How this server names itself to those whom it calls.
pub(crate) const USER_AGENT: &str = concat!("heliostat-upstream/", env!("CARGO_PKG_VERSION"));

/// Setting under which the name of this upstream towards its mirrors is kept.
const CLIENT_KEY_SETTING: &str = "client_key";

/// Which addresses mirrors and webhooks may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MirrorAddresses {
    /// Ordinary ones, and loopback if the upstream's own base URL is on loopback.
    #[default]
    Ordinary,
    /// Any, by the operator's decision.
    Anything,
}

/// How an upstream is to be run.
#[derive(Debug, Clone)]
pub struct UpstreamOptions {
    /// What clients and mirrors see; a context path is honoured.
    pub base_url: Url,
    /// Folder in which the role keeps its own files.
    pub data: PathBuf,
    /// Password of the first administrator; generated if there is none.
    pub admin_password: Option<Secret>,
    /// Which addresses mirrors and webhooks may have.
    pub mirror_addresses: MirrorAddresses,
    /// Where the time comes from.
    pub clock: Clock,
}

/// Why an upstream did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client")]
    HttpClient(#[source] reqwest::Error),
    /// The database failed.
    #[error("cannot read or write the settings of this upstream")]
    Store(#[from] StoreError),
    /// What an earlier process left behind could not be tidied up.
    #[error("cannot tidy up the repositories")]
    Recovery(#[source] std::io::Error),
    /// The first administrator could not be created.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
}

/// The primary. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Upstream(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: UpstreamStore,
    pub(crate) repositories: git::RepositoryStore,
    pub(crate) options: UpstreamOptions,
    /// When this run began, in epoch milliseconds.
    pub(crate) started_at: i64,
    /// How this upstream names itself in what it signs.
    pub(crate) client_key: String,
    /// Calls mirrors.
    pub(crate) mirrors: PeerClient,
    pub(crate) passwords: Passwords,
    pub(crate) known_refs: KnownRefs,
    pub(crate) deliveries: Deliveries,
    pub(crate) webhook_client: WebhookClient,
    /// Wakes the delivery to webhooks.
    pub(crate) webhook_wake: Notify,
    pub(crate) reconciliation: Reconciliation,
    pub(crate) register_limit: RegisterLimit,
    pub(crate) last_seen: LastSeen,
    /// Work that must be finished even if whoever asked for it has gone.
    pub(crate) detached: TaskTracker,
}

impl Upstream {
    /// Opens the upstream and creates its first administrator if there is none. `Some` tells where his
    /// password is, once.
    pub async fn open(
        store: UpstreamStore,
        repositories: git::RepositoryStore,
        options: UpstreamOptions,
    ) -> Result<(Self, Option<AdminAccount>), StartError> {
        let rules = match options.mirror_addresses {
            MirrorAddresses::Ordinary => AddressRules::for_server_at(&options.base_url),
            MirrorAddresses::Anything => AddressRules::Anything,
        };
        let destinations = Destinations::ChosenByOthers(rules);
        let mirrors = PeerClient::new(USER_AGENT, destinations, options.clock.clone())
            .map_err(StartError::HttpClient)?;
        let webhook_client =
            WebhookClient::new(destinations, options.clock.clone()).map_err(StartError::HttpClient)?;
        repositories.recover().await.map_err(StartError::Recovery)?;
        let fresh_key = format!("heliostat-{}", server_id());
        let client_key = store.setting_or_insert(CLIENT_KEY_SETTING, &fresh_key).await?;
        let passwords = Passwords::new();
        let admin = bootstrap::create_admin(&store, &passwords, &options).await?;
        let inner = Inner {
            started_at: options.clock.now_ms(),
            store,
            repositories,
            options,
            client_key,
            mirrors,
            passwords,
            known_refs: KnownRefs::default(),
            deliveries: Deliveries::default(),
            webhook_client,
            webhook_wake: Notify::new(),
            reconciliation: Reconciliation::default(),
            register_limit: RegisterLimit::default(),
            last_seen: LastSeen::default(),
            detached: TaskTracker::new(),
        };
        Ok((Self(Arc::new(inner)), admin))
    }

    /// Runs the background work until `stop` is cancelled, then lets accepted pushes finish.
    pub async fn run(&self, stop: CancellationToken) {
        let reconcile = reconcile_refs::run(self.clone(), stop.clone());
        let tell_mirrors = delivery_loop::run(Mirrors(self.clone()), stop.clone());
        let tell_webhooks = delivery_loop::run(Webhooks(self.clone()), stop.clone());
        let keep_up = git::keep_up(self.0.repositories.clone(), stop);
        tokio::join!(reconcile, tell_mirrors, tell_webhooks, keep_up);
        self.0.detached.close();
        self.0.detached.wait().await;
    }

    /// What clients and mirrors see.
    pub fn base_url(&self) -> &Url {
        &self.0.options.base_url
    }

    /// Epoch milliseconds on this server.
    pub fn now_ms(&self) -> i64 {
        self.0.options.clock.now_ms()
    }

    pub(crate) fn store(&self) -> &UpstreamStore {
        &self.0.store
    }

    /// What the events of something that `caller` does now have in common.
    pub(crate) fn occasion<'a>(&'a self, caller: &'a heliostat_auth::Caller) -> Occasion<'a> {
        Occasion { base_url: self.base_url(), now_ms: self.now_ms(), actor: caller.user() }
    }

    /// Wakes the delivery after something was announced.
    pub(crate) fn announced(&self) {
        self.0.deliveries.wake();
        self.0.webhook_wake.notify_one();
    }

    /// Carries work on even if whoever waits for it goes away.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.0.detached.spawn(work).await.unwrap_or_else(|error| Err(Refusal::internal(error)))
    }
}
