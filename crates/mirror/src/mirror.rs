//! The mirror as a whole: what it is made of, how it starts, and which tasks run in it.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use heliostat_git::{Git, RepositoryStore};
use heliostat_storage::{
    LocalRepositoryId, MirrorStore, MirroredStatus, StoreError, UpstreamServerId, UpstreamState,
};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bond::Bond;
use crate::holdings::{Holdings, is_behind};
use crate::identify::Turnstiles;
use crate::lifecycle::BondNews;
use crate::options::MirrorOptions;
use crate::pending_changes::PendingChanges;
use crate::progress::ProgressStore;
use crate::report_outcome::Reports;
use crate::selection::Selection;
use crate::sweep::SweepSignal;
use crate::sync_queue::{SyncQueue, Work};
use crate::upstream_client::UpstreamClient;
use crate::verdicts::{VerdictLifetimes, Verdicts};

/// The setting that holds the server id a mirror made for itself.
const SERVER_ID_SETTING: &str = "server_id";

/// The folder of the repositories, below the data folder.
const REPOSITORIES_FOLDER: &str = "repositories";

/// How many rows are read from the database at once.
const LOAD_CHUNK: u64 = 1_000;

/// A replica that follows one upstream.
pub struct Mirror {
    pub(crate) options: MirrorOptions,
    /// The context path of the base URL.
    pub(crate) base_path: String,
    pub(crate) server_id: String,
    pub(crate) upstream_id: UpstreamServerId,
    pub(crate) store: MirrorStore,
    pub(crate) repositories: RepositoryStore,
    pub(crate) client: UpstreamClient,
    pub(crate) bond: Bond,
    selection: RwLock<Arc<Selection>>,
    pub(crate) changing_selection: tokio::sync::Mutex<()>,
    pub(crate) holdings: Holdings,
    /// Held while a repository comes or goes, so that it cannot do both at once.
    pub(crate) adopting: tokio::sync::Mutex<()>,
    pub(crate) queue: SyncQueue,
    pub(crate) reports: Reports,
    pub(crate) verdicts: Verdicts,
    pub(crate) turnstiles: Turnstiles,
    pub(crate) sweep_signal: SweepSignal,
    pub(crate) progress: ProgressStore,
    tasks: TaskTracker,
}

/// Why a mirror does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The folder for repositories cannot be used.
    #[error("cannot use the folder for repositories")]
    Repositories(#[source] io::Error),
    /// The database does not answer.
    #[error("cannot read what the mirror remembers")]
    Store(#[from] StoreError),
    /// The HTTP client cannot be set up.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

impl Mirror {
    /// Reads what an earlier process has left and puts it in order. Nothing runs yet: see [`Mirror::run`].
    pub async fn open(options: MirrorOptions, git: Git, store: MirrorStore) -> Result<Arc<Self>, StartError> {
        let root = options.data.join(REPOSITORIES_FOLDER);
        let repositories =
            RepositoryStore::new(git, root, Arc::clone(&options.engine)).map_err(StartError::Repositories)?;
        repositories.recover().await.map_err(StartError::Repositories)?;

        let server_id = store.setting_or_insert(SERVER_ID_SETTING, &heliostat_auth::server_id()).await?;
        let upstream_id = options.upstream_url.server_id();
        let now_ms = options.clock.now_ms();
        let upstream = store.upsert_upstream(&upstream_id, options.upstream_url.as_str(), now_ms).await?;
        let selection = Selection::from(store.upstream_settings(&upstream_id).await?);
        let client =
            UpstreamClient::new(options.upstream_url.clone(), server_id.clone(), options.clock.clone())
                .map_err(StartError::Client)?;
        let lifetimes = VerdictLifetimes { fresh: options.verdict_ttl, stale: options.serve_stale };
        let base_path =
            url::Url::parse(&options.base_url).map(|url| url.path().to_owned()).unwrap_or_default();
        let mut mirror = Self {
            base_path,
            server_id,
            upstream_id,
            repositories,
            client,
            bond: Bond::new(upstream),
            selection: RwLock::new(Arc::new(selection)),
            changing_selection: tokio::sync::Mutex::default(),
            holdings: Holdings::default(),
            adopting: tokio::sync::Mutex::default(),
            queue: SyncQueue::default(),
            reports: Reports::default(),
            verdicts: Verdicts::new(lifetimes),
            turnstiles: Turnstiles::default(),
            sweep_signal: SweepSignal::default(),
            progress: ProgressStore::default(),
            tasks: TaskTracker::new(),
            options,
            store,
        };
        mirror.load_holdings().await?;
        mirror.progress = ProgressStore::new(mirror.was_ready());
        mirror.hear(BondNews::Started, mirror.bond.upstream().last_error.clone()).await?;
        Ok(Arc::new(mirror))
    }

    /// Starts everything that runs in the background. It ends with the token; [`Mirror::stopped`] says when.
    pub fn run(self: &Arc<Self>, stop: &CancellationToken) {
        for work in [Work::Following, Work::First] {
            for number in 1..=self.options.sync_parallelism.max(1) {
                self.tasks.spawn(Arc::clone(self).synchronise_queued(work, number, stop.clone()));
            }
        }
        self.tasks.spawn(Arc::clone(self).report_outcomes(stop.clone()));
        self.tasks.spawn(Arc::clone(self).keep_swept(stop.clone()));
        self.tasks.spawn(Arc::clone(self).keep_registered(stop.clone()));
        self.tasks.spawn(heliostat_git::keep_up(self.repositories.clone(), stop.clone()));
        self.tasks.close();
        for holding in self.holdings.all() {
            if is_behind(&holding.record()) {
                self.request_sync(&holding, PendingChanges::Snapshot);
            }
        }
    }

    /// Waits until everything that [`Mirror::run`] has started is over.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }

    /// The id that this mirror made for itself at its first start.
    pub fn server_id(&self) -> &str {
        &self.server_id
    }

    /// The id under which this mirror lists its upstream.
    pub fn upstream_id(&self) -> &UpstreamServerId {
        &self.upstream_id
    }

    /// What the operator decided.
    pub fn options(&self) -> &MirrorOptions {
        &self.options
    }

    /// How far the bond with the upstream is.
    pub fn upstream_state(&self) -> UpstreamState {
        self.bond.state()
    }

    pub(crate) fn selection(&self) -> Arc<Selection> {
        Arc::clone(&self.selection.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn show_selection(&self, selection: Selection) {
        *self.selection.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(selection);
    }

    async fn load_holdings(&self) -> Result<(), StartError> {
        let mut known = std::collections::HashSet::new();
        let mut after: Option<LocalRepositoryId> = None;
        loop {
            // Rows of upstreams that were followed earlier keep their place on disk.
            let rows = self.store.repositories_after(None, after, LOAD_CHUNK).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.local_id);
            for row in rows {
                known.insert(u64::try_from(row.local_id.0).expect("the database counts ids up from one"));
                if row.removed_at.is_some() {
                    self.erase(row.local_id.0).await?;
                } else if row.upstream_server_id == self.upstream_id {
                    self.holdings.enter(row);
                }
            }
        }
        for disk_id in self.repositories.list().await.map_err(StartError::Repositories)? {
            if !known.contains(&disk_id) {
                tracing::warn!(repository.local_id = disk_id, "removing a repository that nothing refers to");
                self.repositories.remove(disk_id).await.map_err(StartError::Repositories)?;
            }
        }
        Ok(())
    }

    /// Whether an earlier process got through its first synchronisation.
    fn was_ready(&self) -> bool {
        let held = self.holdings.all();
        let is_undecided =
            |status| matches!(status, MirroredStatus::NotMirrored | MirroredStatus::Initializing);
        self.bond.is_installed()
            && !held.is_empty()
            && !held.iter().any(|holding| is_undecided(holding.record().status))
    }
}
