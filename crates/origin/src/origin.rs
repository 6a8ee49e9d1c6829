//! The mirror of another Git server as a whole: which parts it has, and which tasks run in it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use heliostat_foreign::{Credentials, RepositoryPath, Source};
use heliostat_git::{ClientKey, Git};
use heliostat_git_serve::{ServedRepositories, ServingEngine, keep_house, keep_room};
use heliostat_storage::{OriginStore, StoreError};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::options::OriginOptions;
use crate::permit::Operator;
use crate::reader_access::{
    KeptLists, Lifetimes, PersistedReaders, ReaderAccess, fingerprint_key, keep_readers,
};
use crate::repositories::{Entry, Limits, LoadError, Repairs, Repositories, keep_within_limits};
use crate::serving::{
    Awaited, Ensured, Fetcher, Hints, IN_STEP_WORKERS, InStep, NotOpened, OpenedRepository, Opening,
    ServiceAccess, Visit,
};
use crate::status::{OriginStatus, RepositoryView};

/// The folder of the repositories, below the data folder.
const REPOSITORIES_FOLDER: &str = "repositories";

/// Why a mirror of another Git server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The folder for repositories cannot be used.
    #[error("cannot use the folder for repositories")]
    Repositories(#[source] io::Error),
    /// The key of what is remembered of readers cannot be read or made.
    #[error("cannot read or make the key of what is remembered of readers")]
    Key(#[source] io::Error),
    /// The folder of the lists that readers were shown cannot be read.
    #[error("cannot read which lists of references readers were shown")]
    Lists(#[source] io::Error),
    /// The database does not answer.
    #[error("cannot read what the mirror remembers")]
    Store(#[from] StoreError),
}

impl From<LoadError> for StartError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Repositories(error) => Self::Repositories(error),
            LoadError::Store(error) => Self::Store(error),
        }
    }
}

/// A mirror of another Git server: its parts, for those who answer requests.
pub struct Origin {
    options: Arc<OriginOptions>,
    source: Arc<dyn Source>,
    served: ServedRepositories,
    repositories: Arc<Repositories>,
    repairs: Arc<Repairs>,
    reader_access: Arc<ReaderAccess>,
    fetcher: Fetcher,
    in_step: Arc<InStep>,
    opening: Opening,
    hints: Hints,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Origin {
    /// Reads what an earlier process has left and puts it in order. Nothing runs yet: see [`Origin::run`]. What runs later, and
    /// what a reader has begun, ends with the token.
    pub fn open(
        options: OriginOptions,
        git: Git,
        store: OriginStore,
        source: Arc<dyn Source>,
        service: Option<Arc<dyn ServiceAccess>>,
        stop: CancellationToken,
    ) -> LocalBoxFuture<'static, Result<Arc<Self>, StartError>> {
        // Behind a pointer it is compiled here, and as a future where it is waited for: in the crates above.
        Self::opened(options, git, store, source, service, stop).boxed_local()
    }

    async fn opened(
        options: OriginOptions,
        git: Git,
        store: OriginStore,
        source: Arc<dyn Source>,
        service: Option<Arc<dyn ServiceAccess>>,
        stop: CancellationToken,
    ) -> Result<Arc<Self>, StartError> {
        let root = options.data.join(REPOSITORIES_FOLDER);
        let served =
            ServedRepositories::new(git, root, &options.serving).map_err(StartError::Repositories)?;
        served.store().recover().await.map_err(StartError::Repositories)?;
        let limits = Limits {
            max_repositories: options.max_repositories.max(1),
            max_disk_bytes: options.max_disk_bytes,
            trash_time: options.trash_time,
            optional_git_suffix: options.optional_git_suffix,
        };
        let (clock, origin_url) = (options.clock.clone(), source.base_url().to_string());
        let (of_store, of_served, of_clock) = (store.clone(), served.clone(), clock.clone());
        let repositories =
            Repositories::load(of_store, of_served, of_clock, origin_url, limits, stop.clone()).await?;
        let repositories = Arc::new(repositories);
        let repairs = Repairs::new(Arc::clone(&repositories));

        let key = fingerprint_key(&options.data).await.map_err(StartError::Key)?;
        let lifetimes = Lifetimes { following: options.verdict_lifetime, stale: options.serve_stale };
        let now = clock.now_ms();
        let since = lifetimes.stale_since(now);
        let lists = KeptLists::open(&options.data).await.map_err(StartError::Lists)?;
        let kept = PersistedReaders::read(&store, lists, since, now, options.max_kept_readers).await?;
        let (of_source, of_repositories) = (Arc::clone(&source), Arc::clone(&repositories));
        let reader_access = ReaderAccess::new(of_source, clock, lifetimes, key, store, of_repositories, kept);
        let reader_access = Arc::new(reader_access);

        let (options, tasks) = (Arc::new(options), TaskTracker::new());
        let fetcher = Fetcher::new(Arc::clone(&source), Arc::clone(&repositories));
        let in_step = Arc::new(InStep::new(fetcher.clone(), Arc::clone(&repositories)));
        let opening = Opening {
            options: Arc::clone(&options),
            reader_access: Arc::clone(&reader_access),
            repositories: Arc::clone(&repositories),
            fetcher: fetcher.clone(),
            in_step: Arc::clone(&in_step),
        };
        let hints = Hints {
            options: Arc::clone(&options),
            reader_access: Arc::clone(&reader_access),
            repositories: Arc::clone(&repositories),
            in_step: Arc::clone(&in_step),
            service,
        };
        Ok(Arc::new(Self {
            options,
            source,
            served,
            repositories,
            repairs,
            reader_access,
            fetcher,
            in_step,
            opening,
            hints,
            tasks,
            stop,
        }))
    }

    /// Starts everything that runs in the background; [`Origin::stopped`] says when it is over.
    pub fn run(&self) {
        let (tasks, stop) = (&self.tasks, || self.stop.clone());
        // One kind of task for all.
        let spawn = |work: BoxFuture<'static, ()>| drop(tasks.spawn(work));
        for _ in 0..IN_STEP_WORKERS {
            spawn(Arc::clone(&self.in_step).run(stop()).boxed());
        }
        spawn(Arc::clone(&self.repairs).run(stop()).boxed());
        spawn(Arc::clone(&self.repairs).look_at_all(stop()).boxed());
        spawn(keep_within_limits(Arc::clone(&self.repositories), stop()).boxed());
        spawn(keep_readers(Arc::clone(&self.reader_access), stop()).boxed());
        spawn(keep_room(self.served.clone(), stop()));
        spawn(keep_house(self.served.clone(), stop()));
        spawn(self.served.store().clone().keep_trash(self.options.trash_time, stop()));
        tasks.close();
    }

    /// Waits until everything that [`Origin::run`] has started is over, and what readers have begun.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
        self.repositories.tasks.finished().await;
    }

    /// What answers readers.
    pub fn engine(&self) -> &Arc<ServingEngine> {
        self.served.engine()
    }

    /// What the operator decided.
    pub fn options(&self) -> &OriginOptions {
        &self.options
    }

    /// Where the origin is.
    pub fn base_url(&self) -> &Url {
        self.source.base_url()
    }

    /// Where the origin has a repository, for people.
    pub fn url_of(&self, path: &RepositoryPath) -> Url {
        self.source.url_of(path)
    }

    /// Opens a repository for a reader: the origin is asked with the reader's own credentials.
    pub async fn open_repository(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
        visit: Visit,
        client: ClientKey,
    ) -> Result<OpenedRepository, NotOpened> {
        self.opening.open(path, credentials, visit, client).await
    }

    /// Brings what a reader will want here, and waits so long for what the origin does not have yet.
    pub async fn ensure(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
        awaited: &Awaited,
        wait: Duration,
        client: ClientKey,
    ) -> Result<Ensured, NotOpened> {
        self.opening.ensure(path, credentials, awaited, wait, client).await
    }

    /// A hint: looks at a repository now, if it is here. Returns whether the origin shows it to this mirror's own credentials, or
    /// to everybody.
    pub async fn look(&self, path: &RepositoryPath) -> bool {
        self.hints.look(path).await
    }

    /// How things are.
    pub fn status(&self) -> OriginStatus {
        OriginStatus {
            origin_url: self.source.base_url().to_string(),
            contact: self.reader_access.contact().view(),
            repositories: self.repositories.count(),
            max_repositories: self.options.max_repositories,
            size_bytes: self.repositories.size_bytes(),
            max_disk_bytes: self.options.max_disk_bytes,
            reader_access: self.reader_access.counters(),
            fetches: self.fetcher.counters(),
            damaged: self.repairs.given_up(),
        }
    }

    /// The paths of the repositories that are here by their numbers on disk, for the operator of the server.
    pub fn paths_on_disk(&self) -> Vec<(u64, String)> {
        let all = self.repositories.all();
        all.iter().map(|entry| (entry.disk_id(), entry.path.to_string())).collect()
    }

    /// The repositories that are here, in the order of their paths. Their names are private.
    pub fn repositories(&self, _: &Operator) -> Vec<RepositoryView> {
        let view = |entry: Arc<Entry>| RepositoryView {
            path: entry.path.clone(),
            local_id: entry.id.0,
            created_at: entry.created_at,
            last_used_at: entry.last_used_at(),
            size_bytes: entry.size_bytes(),
        };
        self.repositories.all().into_iter().map(view).collect()
    }
}
