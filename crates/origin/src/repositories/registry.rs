//! The repositories that are here: found by path, made when the origin shows one for the first time, given up.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use heliostat_foreign::RepositoryPath;
use heliostat_git::{CreateError, ObjectFormat, OpenError, Origin, RefName, Repository, TrashReason};
use heliostat_git_serve::{ServedRepositories, ServedRepository};
use heliostat_peer::{Clock, DetachedTasks};
use heliostat_refusal::Refusal;
use heliostat_storage::{OriginStore, StoreError};
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use super::entry::Entry;

/// HEAD of a repository of which nothing is here yet.
const FIRST_BRANCH: &str = "main";

/// How soon a client may ask again that has waited in vain for the first look at a repository.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How long a repository is not used before it may make room.
pub(super) const IDLE_AFTER: Duration = Duration::from_mins(30);

/// Why what is here cannot be found out.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of the repositories cannot be read.
    #[error(transparent)]
    Repositories(io::Error),
}

/// The repositories that are here.
pub(crate) struct Repositories {
    pub(super) store: OriginStore,
    pub(super) served: ServedRepositories,
    pub(super) clock: Clock,
    pub(super) max_repositories: usize,
    pub(super) max_disk_bytes: Option<u64>,
    pub(super) trash_time: Duration,
    optional_git_suffix: bool,
    /// Something has grown.
    pub(super) growth: Notify,
    /// Told with repositories in the trash, and part of what tells one from another.
    origin_url: String,
    entries: RwLock<HashMap<RepositoryPath, Arc<Entry>>>,
    by_disk_id: RwLock<HashMap<u64, Arc<Entry>>>,
    /// Held by the one who makes a repository, or gives one up.
    making: Arc<Mutex<()>>,
    /// What is done to its end, also when the caller is gone.
    pub(crate) tasks: DetachedTasks,
    stop: CancellationToken,
}

/// While it is held, no other task makes a repository or gives one up. Who holds it waits for no fetch.
pub(super) type Making = OwnedMutexGuard<()>;

/// How much may be here, and what is one repository.
pub(crate) struct Limits {
    pub(crate) max_repositories: usize,
    pub(crate) max_disk_bytes: Option<u64>,
    pub(crate) trash_time: Duration,
    /// `.git` at the end of a path makes no difference.
    pub(crate) optional_git_suffix: bool,
}

impl Repositories {
    /// Reads what an earlier process has left. What is on the disk and recorded nowhere goes into the trash. With the token, that
    /// ends which no reader waits for.
    pub(crate) async fn load(
        store: OriginStore,
        served: ServedRepositories,
        clock: Clock,
        origin_url: String,
        limits: Limits,
        stop: CancellationToken,
    ) -> Result<Self, LoadError> {
        let mut entries = HashMap::new();
        for row in store.origin_repositories().await? {
            let format = if row.object_format == ObjectFormat::Sha256.as_str() {
                ObjectFormat::Sha256
            } else {
                ObjectFormat::Sha1
            };
            // Every path that was written was valid.
            let Ok(path) = encoded(&row.path).parse::<RepositoryPath>() else { continue };
            let entry = Entry::new(row.id, path.clone(), format, row.created_at, row.last_used_at);
            entries.insert(path, Arc::new(entry));
        }
        let known: BTreeSet<u64> = entries.values().map(|entry| entry.disk_id()).collect();
        for id in served.store().list().await.map_err(LoadError::Repositories)? {
            if !known.contains(&id) {
                let trashed = served.store().trash(id, TrashReason::Unrecorded, Origin::default()).await;
                trashed.map_err(LoadError::Repositories)?;
            }
        }
        let by_disk_id = entries.values().map(|entry| (entry.disk_id(), Arc::clone(entry))).collect();
        let Limits { max_repositories, max_disk_bytes, trash_time, optional_git_suffix } = limits;
        Ok(Self {
            store,
            served,
            clock,
            max_repositories,
            max_disk_bytes,
            trash_time,
            optional_git_suffix,
            growth: Notify::new(),
            origin_url,
            entries: RwLock::new(entries),
            by_disk_id: RwLock::new(by_disk_id),
            making: Arc::default(),
            tasks: DetachedTasks::default(),
            stop,
        })
    }

    /// Lets something go on to its end, also when its reader does not wait for it any more, but then no longer than this. `None` if
    /// it was given up.
    pub(crate) fn to_the_end_within<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send {
        self.tasks.to_the_end_within(limit, &self.stop, work)
    }

    /// The repository at this path, if it is here.
    pub(crate) fn find(&self, path: &RepositoryPath) -> Option<Arc<Entry>> {
        self.entries.read().get(path).cloned()
    }

    /// Where a repository is kept here. Where the origin has led from a path to the same one with `.git` at its end, or without,
    /// it has said itself that both are one: there is one copy. Where it answers at both, only its operator knows whether they
    /// are. Who may read, and what, is asked at the path that the reader has named, wherever the objects are.
    pub(crate) fn place_of(
        &self,
        path: &RepositoryPath,
        moved_to: Option<&RepositoryPath>,
    ) -> RepositoryPath {
        let led_to = moved_to.filter(|place| place.bare() == path.bare()).unwrap_or(path);
        match self.optional_git_suffix {
            true => self.place_of_both_spellings(led_to),
            false => led_to.clone(),
        }
    }

    /// Where the repository at this path is, if `.git` at the end of a path makes no difference: in the spelling in which it came.
    fn place_of_both_spellings(&self, path: &RepositoryPath) -> RepositoryPath {
        let place = path.spellings().into_iter().find(|spelling| self.find(spelling).is_some());
        place.unwrap_or_else(|| path.clone())
    }

    /// Those that this path may mean: with `.git` at its end or without, and in capitals or not, which most servers do not tell
    /// apart.
    pub(crate) fn named_like(&self, path: &RepositoryPath) -> Vec<Arc<Entry>> {
        let is_meant = |entry: &&Arc<Entry>| entry.path.bare().eq_ignore_ascii_case(path.bare());
        self.entries.read().values().filter(is_meant).cloned().collect()
    }

    /// A repository may take more room than before.
    pub(crate) fn note_growth(&self) {
        self.growth.notify_one();
    }

    pub(super) fn find_on_disk(&self, disk_id: u64) -> Option<Arc<Entry>> {
        self.by_disk_id.read().get(&disk_id).cloned()
    }

    /// All that are here, in the order of their paths.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        let mut all: Vec<_> = self.entries.read().values().cloned().collect();
        all.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        all
    }

    pub(crate) fn count(&self) -> usize {
        self.entries.read().len()
    }

    /// What all of them took on the disk at the last look.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.entries.read().values().map(|entry| entry.size_bytes()).sum()
    }

    /// The repository at this path, which is made if it is not here. One whose objects are named by another hash is another
    /// one, and takes its place.
    pub(crate) async fn find_or_make(
        self: &Arc<Self>,
        path: &RepositoryPath,
        format: ObjectFormat,
    ) -> Result<Arc<Entry>, Refusal> {
        if let Some(entry) = self.find(path).filter(|entry| entry.format == format) {
            return Ok(entry);
        }
        let making = self.making().await;
        let (repositories, path) = (Arc::clone(self), path.clone());
        // Also where the reader hangs up who was first to ask: another one may be half given up for it.
        let work = async move { repositories.make(&making, &path, format).await };
        self.tasks.to_the_end(work).await
    }

    async fn make(
        &self,
        making: &Making,
        path: &RepositoryPath,
        format: ObjectFormat,
    ) -> Result<Arc<Entry>, Refusal> {
        if let Some(entry) = self.find(path) {
            if entry.format == format {
                return Ok(entry);
            }
            self.give_up_while(making, &entry, TrashReason::Replaced).await?;
        }
        if self.count() >= self.max_repositories {
            self.make_room_for_one(making).await?;
        }
        let now = self.clock.now_ms();
        let row = self.store.origin_repository_at(path.as_str(), format.as_str(), now).await?;
        let entry = Arc::new(Entry::new(row.id, path.clone(), format, now, now));
        self.make_on_disk(&entry).await?;
        self.by_disk_id.write().insert(entry.disk_id(), Arc::clone(&entry));
        self.entries.write().insert(path.clone(), Arc::clone(&entry));
        tracing::info!(
            repository.path = path.as_str(),
            repository.local_id = entry.id.0,
            "a repository of the origin is mirrored from now on"
        );
        Ok(entry)
    }

    async fn make_on_disk(&self, entry: &Entry) -> Result<Repository, Refusal> {
        let branch = RefName::branch(FIRST_BRANCH).expect("a valid name");
        let (store, identity) = (self.served.store(), self.identity_of(&entry.path));
        match store.create_with_identity(entry.disk_id(), &branch, entry.format, &identity).await {
            Ok(repository) => Ok(repository),
            Err(CreateError::Exists(id)) => Ok(self.served.store().repository(id)),
            Err(error) => Err(Refusal::internal(error)),
        }
    }

    /// Opens a repository for one who reads or fetches. One that is not on the disk, as after a crash, is made again.
    pub(crate) async fn open(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<ServedRepository, Refusal> {
        if entry.is_gone() {
            return Err(not_now(&entry.path));
        }
        let opened = match self.served.open(entry.disk_id()).await {
            Err(OpenError::Missing(_)) => {
                let _making = self.making().await;
                if entry.is_gone() {
                    return Err(not_now(&entry.path));
                }
                entry.forget_brought();
                let repository = self.make_on_disk(entry).await?;
                Ok(self.served.serve(repository))
            }
            opened => opened,
        };
        let served = opened.map_err(|error| not_opened(entry, &error))?;
        if !entry.is_looked_at() {
            let identity = served.repository.notes().identity().await.map_err(Refusal::internal)?;
            if identity.as_deref() != Some(self.identity_of(&entry.path).as_str()) {
                self.give_up(entry, TrashReason::Unrecorded).await?;
                return Err(not_now(&entry.path));
            }
            let refs = served.repository.snapshot().await.map_err(Refusal::internal)?;
            if !refs.is_empty() {
                entry.note_content();
            }
            entry.note_looked_at();
        }
        Ok(served)
    }

    /// Gives a repository up: no reader finds it from now on, and what was in it is fetched again when it is asked for.
    pub(crate) async fn give_up(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        reason: TrashReason,
    ) -> Result<(), Refusal> {
        let making = self.making().await;
        let (repositories, entry) = (Arc::clone(self), Arc::clone(entry));
        let work = async move { repositories.give_up_while(&making, &entry, reason).await };
        self.tasks.to_the_end(work).await
    }

    /// The same while no repository is being made, which might be at the same path.
    pub(super) async fn give_up_while(
        &self,
        _making: &Making,
        entry: &Entry,
        reason: TrashReason,
    ) -> Result<(), Refusal> {
        entry.note_gone();
        self.entries.write().remove(&entry.path);
        self.by_disk_id.write().remove(&entry.disk_id());
        let origin = Origin {
            path: Some(entry.path.bare().to_owned()),
            upstream_id: Some(self.origin_url.clone()),
            ..Origin::default()
        };
        let trashed = self.served.store().trash(entry.disk_id(), reason, origin).await;
        // Afterwards: one that is recorded and not on the disk is made again, one that is not recorded is only in the way.
        self.store.delete_origin_repository(entry.id).await?;
        trashed.map_err(Refusal::internal)?;
        Ok(())
    }

    /// Waits until no other task makes a repository or gives one up.
    pub(super) async fn making(&self) -> Making {
        Arc::clone(&self.making).lock_owned().await
    }

    /// What tells the repository on the disk from one of another origin, or of another path.
    fn identity_of(&self, path: &RepositoryPath) -> String {
        hex::encode(Sha256::digest(format!("{}\n{}", self.origin_url, path.as_str())))
    }
}

/// What a caller is told of a repository that is being given up at this moment.
fn not_now(path: &RepositoryPath) -> Refusal {
    let bare = path.bare();
    Refusal::unavailable(format!(
        "This mirror cannot read its copy of {bare} at the moment, and will make a new one; try again."
    ))
}

fn not_opened(entry: &Entry, error: &OpenError) -> Refusal {
    tracing::warn!(
        repository.path = entry.path.as_str(),
        error = error as &dyn std::error::Error,
        "cannot open a repository of the origin"
    );
    if !matches!(error, OpenError::BeingLookedAt(_)) {
        return not_now(&entry.path);
    }
    let message = format!(
        "This mirror is looking at its copy of {} for the first time since it was started; try again in a few seconds.",
        entry.path.bare()
    );
    Refusal::unavailable_for(ASK_AGAIN_AFTER, message)
}

/// A decoded path as it is read: only what begins an escape is written as one.
fn encoded(path: &str) -> String {
    path.replace('%', "%25")
}

#[cfg(test)]
mod tests {
    use heliostat_git::fixture::Workshop;
    use heliostat_git_serve::ServingOptions;
    use heliostat_storage::{Database, Flush, Role};

    use super::*;

    #[tokio::test]
    async fn one_makes_room_for_another_whole_although_the_reader_hangs_up() {
        let workshop = Workshop::new().await;
        let url = format!("sqlite:{}", workshop.path("mirror.db").display());
        let database = Database::open(&url, Role::Mirror, Flush::NowAndThen).await.expect("a database");
        let store = OriginStore::new(database);
        let options = ServingOptions::default();
        let served = ServedRepositories::new(workshop.git.clone(), workshop.path("store"), &options);
        let served = served.expect("a folder");
        let limits = Limits {
            max_repositories: 1,
            max_disk_bytes: None,
            trash_time: Duration::from_hours(1),
            optional_git_suffix: false,
        };
        let (origin_url, stop) = ("https://git.example.com/".to_owned(), CancellationToken::new());
        let repositories =
            Repositories::load(store.clone(), served, Clock::system(), origin_url, limits, stop).await;
        let repositories = Arc::new(repositories.expect("nothing is here"));
        let path = |text: &str| text.parse::<RepositoryPath>().expect("a path");
        let (first, other) = (path("team/first"), path("team/other"));
        let entry = repositories.find_or_make(&first, ObjectFormat::Sha1).await.expect("it is made");
        repositories.open(&entry).await.expect("it is found to be empty");

        let mut asking = Box::pin(repositories.find_or_make(&other, ObjectFormat::Sha1));
        assert!(futures_util::poll!(&mut asking).is_pending());
        drop(asking);
        repositories.tasks.finished().await;
        assert!(repositories.find(&first).is_none() && repositories.find(&other).is_some());
        let recorded = store.origin_repositories().await.expect("readable");
        let recorded: Vec<_> = recorded.iter().map(|row| row.path.as_str()).collect();
        assert_eq!(recorded, [other.as_str()]);
    }
}
