//! The parts that own the state of a mirror, opened in order, and handed to those who work with them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use heliostat_auth::Secret;
use heliostat_git::Git;
use heliostat_git_serve::ServedRepositories;
use heliostat_peer::{Clock, DetachedTasks};
use heliostat_storage::{MirrorStore, SERVER_ID_SETTING, StoreError};
use parking_lot::Mutex;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::access::{AccessDecisions, Authenticator, DecisionLifetimes};
use crate::inventory::{Inventory, LoadError, SelectedProjects};
use crate::options::MirrorOptions;
use crate::serving::{Arrivals, GitServing, WantedFetches, places_at_upstream, places_to_wait};
use crate::status::{Lookups, StatusReport, SupportInfo};
use crate::sync::{
    Batches, ChangeCounts, DiskProgress, DiskRounds, HeldBack, HoldLease, KeepContact, MassRemoval, Missed,
    OutcomeReports, Purges, Repairs, RunCounts, Sweep, SweepProgress, SweepSignal, SyncQueue, SyncWorkers,
    Synchroniser, UpstreamEvents,
};
use crate::upstream_link::{
    Heartbeat, Introduction, LinkEvent, Registration, Unconfirmed, UpstreamAddresses, UpstreamClient,
    UpstreamLink,
};

/// The folder of the repositories, below the data folder.
const REPOSITORIES_FOLDER: &str = "repositories";

/// The setting that keeps by what this mirror proves that an open request is its own.
const REGISTRATION_KEY_SETTING: &str = "registration_key";

/// What owns the state.
pub(crate) struct Parts {
    clock: Clock,
    pub(crate) served: ServedRepositories,
    pub(crate) introduction: Arc<Introduction>,
    client: UpstreamClient,
    pub(crate) link: Arc<UpstreamLink>,
    heartbeat: Arc<Heartbeat>,
    pub(crate) decisions: Arc<AccessDecisions>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) selection: Arc<SelectedProjects>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) queue: Arc<SyncQueue>,
    pub(crate) repairs: Arc<Repairs>,
    disk_progress: Arc<DiskProgress>,
    pub(crate) reports: Arc<OutcomeReports>,
    pub(crate) sweep_signal: Arc<SweepSignal>,
    sweep_progress: Arc<SweepProgress>,
    synchroniser: Arc<Synchroniser>,
    /// What is done to its end, also when the caller is gone.
    pub(crate) tasks: DetachedTasks,
    /// Ends when the mirror stops.
    pub(crate) stop: CancellationToken,
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

impl Parts {
    /// Reads what an earlier process has left and puts it in order.
    pub(crate) async fn open(
        options: &MirrorOptions,
        git: Git,
        store: MirrorStore,
    ) -> Result<Self, StartError> {
        let served = open_repositories(options, git).await?;
        let repositories = served.store().clone();
        let clock = options.clock.clone();
        let server_id = store.setting_or_insert(SERVER_ID_SETTING, &heliostat_auth::server_id()).await?;
        let fresh_key = heliostat_auth::shared_secret();
        let registration_key = store.setting_or_insert(REGISTRATION_KEY_SETTING, fresh_key.expose()).await?;
        let introduction = Arc::new(introduction(options, server_id.clone(), Secret::new(registration_key)));
        let addresses = UpstreamAddresses {
            followed: options.upstream_url.clone(),
            public: options.upstream_public_url.clone().unwrap_or_else(|| options.upstream_url.clone()),
        };
        let link = Arc::new(UpstreamLink::open(addresses, store.clone(), clock.clone()).await?);
        let client = UpstreamClient::new(Arc::clone(&link), server_id, clock.clone());
        let client = client.map_err(StartError::Client)?;
        client.set_make(link.make_of_upstream().await?);

        let heartbeat = Arc::new(Heartbeat::new(client.clone()));
        // That the upstream is away shows when it is asked, so that it is asked at least as often as this.
        let fresh = options.decision_ttl.min(options.serve_stale);
        let lifetimes = DecisionLifetimes { fresh, stale: options.serve_stale };
        let (tasks, stop) = (DetachedTasks::default(), CancellationToken::new());
        let (of_link, of_client, of_clock) = (Arc::clone(&link), client.clone(), clock.clone());
        let (of_tasks, of_stop) = (tasks.clone(), stop.clone());
        let decisions =
            AccessDecisions::open(&options.data, of_link, of_client, of_clock, lifetimes, of_tasks, of_stop);
        let decisions = Arc::new(decisions.await);
        let base_path = url::Url::parse(&options.base_url).map(|url| url.path().to_owned());
        let authenticator = Arc::new(Authenticator {
            base_path: base_path.unwrap_or_default(),
            link: Arc::clone(&link),
            decisions: Arc::clone(&decisions),
            clock: clock.clone(),
        });

        let (of_client, of_store) = (client.clone(), store.clone());
        let selection = SelectedProjects::load(Arc::clone(&link), of_client, of_store, tasks.clone()).await?;
        let selection = Arc::new(selection);
        let (of_link, of_selection) = (Arc::clone(&link), Arc::clone(&selection));
        let inventory =
            Inventory::load(of_link, of_selection, store.clone(), repositories.clone(), clock.clone());
        let inventory = Arc::new(inventory.await?);

        let sweep_signal = Arc::new(SweepSignal::default());
        let queue = Arc::new(SyncQueue::new(clock.clone(), Arc::clone(&sweep_signal)));
        let (for_repairs, of_repairs) = (Arc::clone(&inventory), Arc::clone(&queue));
        let repairs = Repairs::new(for_repairs, of_repairs, repositories.clone(), clock.clone());
        let reports = OutcomeReports::new(Arc::clone(&link), client.clone(), clock.clone());
        let sweep_progress = Arc::new(SweepProgress::new(inventory.was_complete()));
        let synchroniser = Arc::new(Synchroniser {
            link: Arc::clone(&link),
            client: client.clone(),
            inventory: Arc::clone(&inventory),
            repositories,
            queue: Arc::clone(&queue),
            sweep_signal: Arc::clone(&sweep_signal),
            changes: ChangeCounts::default(),
            runs: RunCounts::default(),
            tasks: tasks.clone(),
        });
        link.apply(LinkEvent::Started, link.upstream().last_error.clone()).await?;
        Ok(Self {
            clock,
            served,
            introduction,
            client,
            link,
            heartbeat,
            decisions,
            authenticator,
            selection,
            inventory,
            queue,
            repairs,
            disk_progress: Arc::default(),
            reports: Arc::new(reports),
            sweep_signal,
            sweep_progress,
            synchroniser,
            tasks,
            stop,
        })
    }

    pub(crate) fn registration(&self) -> Registration {
        Registration {
            link: Arc::clone(&self.link),
            client: self.client.clone(),
            introduction: Arc::clone(&self.introduction),
        }
    }

    pub(crate) fn events(&self) -> UpstreamEvents {
        UpstreamEvents {
            link: Arc::clone(&self.link),
            client: self.client.clone(),
            authenticator: Arc::clone(&self.authenticator),
            decisions: Arc::clone(&self.decisions),
            selection: Arc::clone(&self.selection),
            inventory: Arc::clone(&self.inventory),
            queue: Arc::clone(&self.queue),
            sweep_signal: Arc::clone(&self.sweep_signal),
            sweep_progress: Arc::clone(&self.sweep_progress),
            unconfirmed: Unconfirmed::default(),
            heartbeat: Arc::clone(&self.heartbeat),
            tasks: self.tasks.clone(),
        }
    }

    pub(crate) fn workers(&self) -> SyncWorkers {
        SyncWorkers {
            inventory: Arc::clone(&self.inventory),
            queue: Arc::clone(&self.queue),
            synchroniser: Arc::clone(&self.synchroniser),
            batches: Arc::new(self.batches()),
            repairs: Arc::clone(&self.repairs),
            served: self.served.clone(),
            reports: Arc::clone(&self.reports),
            clock: self.clock.clone(),
        }
    }

    fn batches(&self) -> Batches {
        let (link, client) = (Arc::clone(&self.link), self.client.clone());
        let (inventory, repositories) = (Arc::clone(&self.inventory), self.served.store().clone());
        Batches::new(link, client, inventory, repositories)
    }

    pub(crate) fn sweep(&self, interval: Duration, mass_removal: MassRemoval) -> Sweep {
        Sweep {
            interval,
            mass_removal,
            link: Arc::clone(&self.link),
            client: self.client.clone(),
            selection: Arc::clone(&self.selection),
            inventory: Arc::clone(&self.inventory),
            queue: Arc::clone(&self.queue),
            synchroniser: Arc::clone(&self.synchroniser),
            signal: Arc::clone(&self.sweep_signal),
            progress: Arc::clone(&self.sweep_progress),
            clock: self.clock.clone(),
            missed: Missed::default(),
            woken_at: Mutex::default(),
        }
    }

    pub(crate) fn keep_contact(&self) -> KeepContact {
        KeepContact {
            link: Arc::clone(&self.link),
            client: self.client.clone(),
            heartbeat: Arc::clone(&self.heartbeat),
            selection: Arc::clone(&self.selection),
            inventory: Arc::clone(&self.inventory),
            sweep_signal: Arc::clone(&self.sweep_signal),
            sweep_progress: Arc::clone(&self.sweep_progress),
            clock: self.clock.clone(),
        }
    }

    pub(crate) fn hold_lease(&self) -> HoldLease {
        HoldLease {
            link: Arc::clone(&self.link),
            client: self.client.clone(),
            sweep_signal: Arc::clone(&self.sweep_signal),
            sweep_progress: Arc::clone(&self.sweep_progress),
        }
    }

    /// A round of looks takes at least `interval`.
    pub(crate) fn disk_rounds(&self, interval: Duration) -> DiskRounds {
        DiskRounds {
            interval,
            started_at: SystemTime::now(),
            inventory: Arc::clone(&self.inventory),
            queue: Arc::clone(&self.queue),
            repositories: self.served.store().clone(),
            repairs: Arc::clone(&self.repairs),
            progress: Arc::clone(&self.disk_progress),
        }
    }

    pub(crate) fn purges(&self) -> Purges {
        Purges {
            inventory: Arc::clone(&self.inventory),
            served: self.served.clone(),
            reports: Arc::clone(&self.reports),
        }
    }

    pub(crate) fn held_back(&self) -> HeldBack {
        HeldBack {
            link: Arc::clone(&self.link),
            inventory: Arc::clone(&self.inventory),
            sweep_signal: Arc::clone(&self.sweep_signal),
            sweep_progress: Arc::clone(&self.sweep_progress),
            tasks: self.tasks.clone(),
        }
    }

    pub(crate) fn serving(&self, freshness_cap: Duration) -> GitServing {
        GitServing {
            freshness_cap,
            link: Arc::clone(&self.link),
            client: self.client.clone(),
            decisions: Arc::clone(&self.decisions),
            inventory: Arc::clone(&self.inventory),
            served: self.served.clone(),
            queue: Arc::clone(&self.queue),
            repairs: Arc::clone(&self.repairs),
            synchroniser: Arc::clone(&self.synchroniser),
            places: places_at_upstream(),
            fetches: WantedFetches::new(self.tasks.clone(), self.stop.clone()),
            clock: self.clock.clone(),
        }
    }

    pub(crate) fn arrivals(&self) -> Arrivals {
        Arrivals {
            inventory: Arc::clone(&self.inventory),
            served: self.served.clone(),
            synchroniser: Arc::clone(&self.synchroniser),
            places: places_to_wait(),
        }
    }

    pub(crate) fn status(&self, lag_limit: Option<Duration>) -> StatusReport {
        StatusReport {
            lag_limit,
            introduction: Arc::clone(&self.introduction),
            link: Arc::clone(&self.link),
            selection: Arc::clone(&self.selection),
            inventory: Arc::clone(&self.inventory),
            sweep_progress: Arc::clone(&self.sweep_progress),
            repairs: Arc::clone(&self.repairs),
            disk_progress: Arc::clone(&self.disk_progress),
            synchroniser: Arc::clone(&self.synchroniser),
            engine: Arc::clone(self.served.engine()),
            heartbeat: Arc::clone(&self.heartbeat),
            clock: self.clock.clone(),
        }
    }

    pub(crate) fn lookups(&self) -> Lookups {
        Lookups {
            introduction: Arc::clone(&self.introduction),
            link: Arc::clone(&self.link),
            heartbeat: Arc::clone(&self.heartbeat),
            decisions: Arc::clone(&self.decisions),
            inventory: Arc::clone(&self.inventory),
            clock: self.clock.clone(),
        }
    }

    pub(crate) fn support_info(&self) -> SupportInfo {
        SupportInfo {
            link: Arc::clone(&self.link),
            selection: Arc::clone(&self.selection),
            inventory: Arc::clone(&self.inventory),
            queue: Arc::clone(&self.queue),
            clock: self.clock.clone(),
        }
    }
}

async fn open_repositories(options: &MirrorOptions, git: Git) -> Result<ServedRepositories, StartError> {
    let root = options.data.join(REPOSITORIES_FOLDER);
    let served = ServedRepositories::new(git, root, &options.serving).map_err(StartError::Repositories)?;
    served.store().recover().await.map_err(StartError::Repositories)?;
    Ok(served)
}

fn introduction(options: &MirrorOptions, server_id: String, registration_key: Secret) -> Introduction {
    Introduction {
        server_id,
        registration_key,
        name: options.name.clone(),
        base_url: options.base_url.clone(),
        internal_url: options.internal_url.clone(),
        mirror_type: options.mirror_type,
        product_version: options.product_version.clone(),
        upstream_url: options.upstream_url.clone(),
    }
}
