//! The mirror as a whole: how its parts are put together, and which tasks run in it.

use std::io;
use std::sync::Arc;

use heliostat_git::{Git, RepositoryStore};
use heliostat_storage::{MirrorStore, StoreError};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::{AccessDecisions, Authenticator, DecisionLifetimes};
use crate::inventory::{Inventory, LoadError, SelectedProjects, is_behind};
use crate::options::MirrorOptions;
use crate::serving::GitServing;
use crate::status::{Lookups, StatusReport, SupportInfo};
use crate::sync::{
    OutcomeReports, PendingChanges, Sweep, SweepProgress, SweepSignal, SyncQueue, SyncWorkers, Synchroniser,
    UpstreamEvents, Work,
};
use crate::upstream_link::{Introduction, LinkEvent, Registration, UpstreamClient, UpstreamLink};

/// The setting that holds the server id a mirror made for itself.
const SERVER_ID_SETTING: &str = "server_id";

/// The folder of the repositories, below the data folder.
const REPOSITORIES_FOLDER: &str = "repositories";

/// A replica that follows one upstream: its parts, for those who answer requests.
pub struct Mirror {
    /// What the operator decided.
    pub options: MirrorOptions,
    /// What this mirror says of itself.
    pub introduction: Arc<Introduction>,
    /// How it stands with its upstream.
    pub link: Arc<UpstreamLink>,
    /// Who is calling.
    pub authenticator: Arc<Authenticator>,
    /// Which projects are mirrored.
    pub selection: Arc<SelectedProjects>,
    /// What the upstream announces.
    pub events: UpstreamEvents,
    /// Wakes the comparison with the upstream.
    pub sweep_signal: Arc<SweepSignal>,
    /// What git requests go through.
    pub serving: GitServing,
    /// How things are.
    pub status: StatusReport,
    /// Upstreams and single repositories.
    pub lookups: Lookups,
    /// For those who look for a fault.
    pub support_info: SupportInfo,
    background: Background,
}

/// What works without being asked.
struct Background {
    client: UpstreamClient,
    inventory: Arc<Inventory>,
    repositories: RepositoryStore,
    queue: Arc<SyncQueue>,
    synchroniser: Arc<Synchroniser>,
    reports: Arc<OutcomeReports>,
    sweep_progress: Arc<SweepProgress>,
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

impl From<LoadError> for StartError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Repositories(error) => Self::Repositories(error),
            LoadError::Store(error) => Self::Store(error),
        }
    }
}

impl Mirror {
    /// Reads what an earlier process has left and puts it in order. Nothing runs yet: see [`Mirror::run`].
    pub async fn open(options: MirrorOptions, git: Git, store: MirrorStore) -> Result<Arc<Self>, StartError> {
        let root = options.data.join(REPOSITORIES_FOLDER);
        let repositories =
            RepositoryStore::new(git, root, Arc::clone(&options.engine)).map_err(StartError::Repositories)?;
        repositories.recover().await.map_err(StartError::Repositories)?;

        let clock = options.clock.clone();
        let server_id = store.setting_or_insert(SERVER_ID_SETTING, &heliostat_auth::server_id()).await?;
        let introduction = Arc::new(Introduction {
            server_id: server_id.clone(),
            name: options.name.clone(),
            base_url: options.base_url.clone(),
            mirror_type: options.mirror_type,
            product_version: options.product_version.clone(),
            upstream_url: options.upstream_url.clone(),
        });
        let client = UpstreamClient::new(options.upstream_url.clone(), server_id, clock.clone())
            .map_err(StartError::Client)?;
        let link = UpstreamLink::open(options.upstream_url.clone(), store.clone(), clock.clone()).await?;
        let link = Arc::new(link);

        let lifetimes = DecisionLifetimes { fresh: options.decision_ttl, stale: options.serve_stale };
        let decisions = AccessDecisions::new(Arc::clone(&link), client.clone(), clock.clone(), lifetimes);
        let decisions = Arc::new(decisions);
        let base_path = url::Url::parse(&options.base_url).map(|url| url.path().to_owned());
        let authenticator = Arc::new(Authenticator {
            base_path: base_path.unwrap_or_default(),
            link: Arc::clone(&link),
            decisions: Arc::clone(&decisions),
            clock: clock.clone(),
        });

        let selection = SelectedProjects::load(Arc::clone(&link), client.clone(), store.clone()).await?;
        let selection = Arc::new(selection);
        let inventory = Inventory::load(
            Arc::clone(&link),
            Arc::clone(&selection),
            store.clone(),
            repositories.clone(),
            clock.clone(),
        );
        let inventory = Arc::new(inventory.await?);

        let queue = Arc::new(SyncQueue::new(clock.clone()));
        let reports = OutcomeReports::new(Arc::clone(&link), client.clone(), clock.clone());
        let sweep_signal = Arc::new(SweepSignal::default());
        let sweep_progress = Arc::new(SweepProgress::new(inventory.was_complete()));
        let synchroniser = Arc::new(Synchroniser {
            link: Arc::clone(&link),
            client: client.clone(),
            inventory: Arc::clone(&inventory),
            repositories: repositories.clone(),
            queue: Arc::clone(&queue),
            sweep_signal: Arc::clone(&sweep_signal),
        });
        link.apply(LinkEvent::Started, link.upstream().last_error.clone()).await?;

        Ok(Arc::new(Self {
            events: UpstreamEvents {
                link: Arc::clone(&link),
                client: client.clone(),
                authenticator: Arc::clone(&authenticator),
                decisions: Arc::clone(&decisions),
                selection: Arc::clone(&selection),
                inventory: Arc::clone(&inventory),
                queue: Arc::clone(&queue),
                sweep_signal: Arc::clone(&sweep_signal),
                sweep_progress: Arc::clone(&sweep_progress),
            },
            serving: GitServing {
                freshness_cap: options.freshness_cap,
                link: Arc::clone(&link),
                client: client.clone(),
                decisions: Arc::clone(&decisions),
                inventory: Arc::clone(&inventory),
                repositories: repositories.clone(),
                queue: Arc::clone(&queue),
                synchroniser: Arc::clone(&synchroniser),
            },
            status: StatusReport {
                introduction: Arc::clone(&introduction),
                link: Arc::clone(&link),
                inventory: Arc::clone(&inventory),
                sweep_progress: Arc::clone(&sweep_progress),
                clock: clock.clone(),
            },
            lookups: Lookups {
                introduction: Arc::clone(&introduction),
                link: Arc::clone(&link),
                decisions,
                inventory: Arc::clone(&inventory),
            },
            support_info: SupportInfo {
                link: Arc::clone(&link),
                selection: Arc::clone(&selection),
                inventory: Arc::clone(&inventory),
                queue: Arc::clone(&queue),
                store,
                clock,
            },
            background: Background {
                client,
                inventory,
                repositories,
                queue,
                synchroniser,
                reports: Arc::new(reports),
                sweep_progress,
                tasks: TaskTracker::new(),
            },
            options,
            introduction,
            link,
            authenticator,
            selection,
            sweep_signal,
        }))
    }

    /// Starts everything that runs in the background. It ends with the token; [`Mirror::stopped`] says when.
    pub fn run(&self, stop: &CancellationToken) {
        let Background { client, inventory, queue, reports, tasks, .. } = &self.background;
        let workers = Arc::new(SyncWorkers {
            inventory: Arc::clone(inventory),
            queue: Arc::clone(queue),
            synchroniser: Arc::clone(&self.background.synchroniser),
            reports: Arc::clone(reports),
            clock: self.options.clock.clone(),
        });
        for work in [Work::Following, Work::First] {
            for number in 1..=self.options.sync_parallelism.max(1) {
                tasks.spawn(Arc::clone(&workers).run(work, number, stop.clone()));
            }
        }
        tasks.spawn(Arc::clone(reports).run(Arc::clone(inventory), stop.clone()));
        tasks.spawn(self.sweep().run(stop.clone()));
        let registration = Registration {
            link: Arc::clone(&self.link),
            client: client.clone(),
            introduction: Arc::clone(&self.introduction),
        };
        tasks.spawn(registration.run(stop.clone()));
        tasks.spawn(heliostat_git::keep_up(self.background.repositories.clone(), stop.clone()));
        tasks.close();
        for entry in inventory.all() {
            if is_behind(&entry.record()) {
                queue.request(&entry, PendingChanges::Snapshot);
            }
        }
    }

    /// Waits until everything that [`Mirror::run`] has started is over.
    pub async fn stopped(&self) {
        self.background.tasks.wait().await;
    }

    fn sweep(&self) -> Sweep {
        Sweep {
            interval: self.options.sweep_interval,
            mass_removal: self.options.mass_removal,
            link: Arc::clone(&self.link),
            client: self.background.client.clone(),
            selection: Arc::clone(&self.selection),
            inventory: Arc::clone(&self.background.inventory),
            queue: Arc::clone(&self.background.queue),
            synchroniser: Arc::clone(&self.background.synchroniser),
            signal: Arc::clone(&self.sweep_signal),
            progress: Arc::clone(&self.background.sweep_progress),
            clock: self.options.clock.clone(),
        }
    }
}
