//! The primary as one value: what it is made of, how it starts and how it runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use heliostat_auth::{Passwords, Secret, server_id};
use heliostat_downstream::{Announcer, Downstream, DownstreamParts, Members, deliver};
use heliostat_git_serve::{ServedRepositories, keep_house, keep_room};
use heliostat_peer::http::Destinations;
use heliostat_peer::{AddressRules, Clock, DetachedTasks, PeerClient};
use heliostat_storage::{CLIENT_KEY_SETTING, RepositoryId, StoreError, UpstreamStore};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::accounts::{Accounts, AdminAccount, BootstrapError, FirstAdmin, create_admin};
use crate::changes::{self, Changes};
use crate::following::{self, Followings};
use crate::origin::Primary;
use crate::repositories::{Repositories, carry_out_purges};
use crate::webhooks::{USER_AGENT, WebhookClient, WebhookDelivery, Webhooks};

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
    pub outgoing: AddressRules,
    /// How long a deleted repository lies in the trash.
    pub trash_time: Duration,
    /// How long a mirror's request to join waits for a decision.
    pub request_lifetime: Duration,
    /// The most of what was pushed that an event to a mirror carries, in bytes; 0 for none.
    pub small_push_bytes: usize,
    /// How long a mirror's lease lasts, and a push waits at most for mirrors, or half of it more; zero for no leases.
    pub mirror_lease: Duration,
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
pub struct Upstream(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) store: UpstreamStore,
    /// The repositories on disk, with what answers their readers.
    pub(crate) served: ServedRepositories,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) changes: Arc<Changes>,
    pub(crate) repositories: Arc<Repositories>,
    pub(crate) followings: Arc<Followings>,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) downstream: Downstream<Primary>,
    trash_time: Duration,
    tasks: DetachedTasks,
}

/// How others are called that neither push nor mirror.
struct Outside {
    webhook_client: WebhookClient,
    /// Where sources of repositories may be that follow one.
    destinations: Destinations,
}

impl Upstream {
    /// Opens the upstream and creates its first administrator if there is none. `Some` tells where the password of the
    /// administrator is, once.
    pub fn open(
        store: UpstreamStore,
        served: ServedRepositories,
        options: UpstreamOptions,
    ) -> LocalBoxFuture<'static, Result<(Self, Option<AdminAccount>), StartError>> {
        // Behind a pointer it is compiled here, and as a future where it is waited for: in the crates above.
        Self::opened(store, served, options).boxed_local()
    }

    async fn opened(
        store: UpstreamStore,
        served: ServedRepositories,
        options: UpstreamOptions,
    ) -> Result<(Self, Option<AdminAccount>), StartError> {
        let destinations = Destinations::ChosenByOthers(options.outgoing);
        let client = PeerClient::new(USER_AGENT, destinations.clone(), options.clock.clone())
            .map_err(StartError::HttpClient)?;
        let webhook_client = WebhookClient::new(destinations.clone(), options.clock.clone())
            .map_err(StartError::HttpClient)?;
        served.store().recover().await.map_err(StartError::Recovery)?;
        let fresh_key = format!("heliostat-{}", server_id());
        let client_key = store.setting_or_insert(CLIENT_KEY_SETTING, &fresh_key).await?;
        let passwords = Passwords::new();
        let first = FirstAdmin {
            password: options.admin_password.as_ref(),
            folder: &options.data,
            now_ms: options.clock.now_ms(),
        };
        let admin = create_admin(&store.accounts, &passwords, &first).await?;

        let tasks = DetachedTasks::default();
        let announcer = Arc::new(Announcer::new(
            options.base_url,
            options.clock,
            options.small_push_bytes,
            options.mirror_lease,
        ));
        let request_lifetime = options.request_lifetime;
        let parts = DownstreamParts { store, client, client_key, announcer, tasks, request_lifetime };
        let outside = Outside { webhook_client, destinations };
        let recorded_before =
            parts.store.repositories.highest_repository_id().await?.unwrap_or(RepositoryId(0));
        let upstream = Self::assembled(
            parts,
            served,
            passwords,
            outside,
            recorded_before,
            options.trash_time,
            options.data,
        );
        Ok((upstream, admin))
    }

    /// Hands each part what it needs.
    fn assembled(
        parts: DownstreamParts,
        served: ServedRepositories,
        passwords: Passwords,
        outside: Outside,
        recorded_before: RepositoryId,
        trash_time: Duration,
        data: PathBuf,
    ) -> Self {
        let Outside { webhook_client, destinations } = outside;
        let DownstreamParts { store, client, announcer, tasks, .. } = parts.clone();
        let members = Arc::new(Members::new(&parts));
        let webhooks =
            Arc::new(Webhooks::new(store.webhooks.clone(), webhook_client, Arc::clone(&announcer)));
        let changes =
            Changes::new(&store, served.clone(), Arc::clone(&announcer), tasks.clone(), recorded_before);
        let changes = Arc::new(changes);
        served.store().subscribe(changes.suspicions());
        let accounts = Arc::new(Accounts::new(
            &store,
            passwords,
            Arc::clone(&announcer),
            Arc::clone(&members),
            tasks.clone(),
            data,
        ));
        let repositories = Arc::new(Repositories::new(
            &store,
            served.clone(),
            Arc::clone(&announcer),
            Arc::clone(&accounts),
            Arc::clone(&changes),
            client,
            tasks.clone(),
        ));
        let followings = Arc::new(Followings::new(
            store.followings.clone(),
            Arc::clone(&repositories),
            Arc::clone(&changes),
            Arc::clone(&announcer),
            destinations,
            tasks.clone(),
        ));
        let primary = Primary {
            mirrors: store.mirrors.clone(),
            webhooks: store.webhooks.clone(),
            announcer: Arc::clone(&announcer),
            changes: Arc::clone(&changes),
            repositories: Arc::clone(&repositories),
        };
        let downstream = Downstream::new(parts, members, Arc::new(primary));
        Self(Arc::new(Parts {
            store,
            served,
            announcer,
            accounts,
            changes,
            repositories,
            followings,
            webhooks,
            downstream,
            trash_time,
            tasks,
        }))
    }

    /// Runs the background work until `stop` is cancelled, then lets accepted pushes finish.
    pub fn run(&self, stop: CancellationToken) -> BoxFuture<'_, ()> {
        self.work(stop).boxed()
    }

    async fn work(&self, stop: CancellationToken) {
        let reconcile = changes::run(&self.0.changes, stop.clone());
        let tell_mirrors = self.0.downstream.run(stop.clone());
        let tell_webhooks = deliver(WebhookDelivery(Arc::clone(&self.0.webhooks)), stop.clone());
        let trash = self.0.served.store().clone().keep_trash(self.0.trash_time, stop.clone());
        let room = keep_room(self.0.served.clone(), stop.clone());
        let purges = carry_out_purges(Arc::clone(&self.0.repositories), stop.clone());
        let follow = following::run(Arc::clone(&self.0.followings), stop.clone());
        let housekeeping = keep_house(self.0.served.clone(), stop);
        tokio::join!(reconcile, tell_mirrors, tell_webhooks, trash, room, purges, follow, housekeeping);
        self.0.tasks.finished().await;
    }

    /// What clients and mirrors see.
    pub fn base_url(&self) -> &Url {
        self.0.announcer.base_url()
    }

    /// Epoch milliseconds on this server.
    pub fn now_ms(&self) -> i64 {
        self.0.announcer.now_ms()
    }

    /// Users, their tokens and their permissions.
    pub fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// Repositories and their projects.
    pub fn repositories(&self) -> &Arc<Repositories> {
        &self.0.repositories
    }

    /// Repositories that follow one of another server.
    pub fn followings(&self) -> &Arc<Followings> {
        &self.0.followings
    }

    /// Webhooks.
    pub fn webhooks(&self) -> &Webhooks {
        &self.0.webhooks
    }

    /// The mirrors that follow this upstream.
    pub fn downstream(&self) -> &Downstream<Primary> {
        &self.0.downstream
    }
}
