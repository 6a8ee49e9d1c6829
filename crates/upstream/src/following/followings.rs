//! What repositories follow, for those who administer them.

use std::collections::BTreeMap;
use std::sync::Arc;

use heliostat_downstream::Announcer;
use heliostat_foreign::{
    Credentials, GitStream, GitStreamOptions, LongLists, RepositoryAddress, RepositoryPath, ServerUrl,
    SmartHttp, SmartHttpOptions, Source, StreamUrl,
};
use heliostat_git::SshIdentity;
use heliostat_peer::DetachedTasks;
use heliostat_peer::http::Destinations;
use heliostat_refusal::Refusal;
use heliostat_storage::{FollowedSource, Following, FollowingStore, Page, PageRequest, Repository};
use parking_lot::Mutex;
use tokio::sync::{RwLock, Semaphore};

use super::schedule::{FollowingStatus, Schedule};
use super::source_settings::{FollowingFields, credentials_of, merged};
use crate::changes::Changes;
use crate::permit::{Administrator, RepositoryAdministrator};
use crate::repositories::Repositories;

/// How many sources are fetched from at the same time.
const PARALLEL_FETCHES: usize = 4;
/// Servers for which a client is kept, with its connections.
const MAX_KEPT_CLIENTS: usize = 64;

/// What a repository follows, and how that goes at this moment.
#[derive(Debug, Clone)]
pub struct FollowedRepository {
    /// What is recorded about it.
    pub following: Following,
    /// Whether its source is being looked at, or is next to be.
    pub in_progress: bool,
    /// When this was asked, in epoch milliseconds.
    pub now_ms: i64,
}

/// A source, ready to be asked.
pub(super) struct Asked {
    pub(super) url: String,
    pub(super) server: Box<dyn Source>,
    pub(super) path: RepositoryPath,
    pub(super) credentials: Credentials,
}

/// The repositories that follow one of another server.
pub struct Followings {
    pub(super) store: FollowingStore,
    pub(super) repositories: Arc<Repositories>,
    pub(super) changes: Arc<Changes>,
    pub(super) tasks: DetachedTasks,
    pub(super) schedule: Arc<Schedule>,
    /// Held by those who show what a source has, and alone by one who ends that.
    pub(super) showing: RwLock<()>,
    pub(super) fetch_places: Semaphore,
    announcer: Arc<Announcer>,
    destinations: Destinations,
    clients: Mutex<BTreeMap<String, SmartHttp>>,
    /// Shared by the servers that are asked by `git://` and over SSH.
    long_lists: LongLists,
}

impl Followings {
    pub(crate) fn new(
        store: FollowingStore,
        repositories: Arc<Repositories>,
        changes: Arc<Changes>,
        announcer: Arc<Announcer>,
        destinations: Destinations,
        tasks: DetachedTasks,
    ) -> Self {
        let schedule = Arc::<Schedule>::default();
        let of_deletions = Arc::clone(&schedule);
        repositories.tell_of_deletions(move |id| of_deletions.forget(id));
        Self {
            store,
            repositories,
            changes,
            tasks,
            schedule,
            showing: RwLock::new(()),
            fetch_places: Semaphore::new(PARALLEL_FETCHES),
            announcer,
            destinations,
            clients: Mutex::default(),
            long_lists: LongLists::default(),
        }
    }

    /// Lets a repository follow a source from now on.
    pub async fn follow(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        fields: FollowingFields,
    ) -> Result<FollowedRepository, Refusal> {
        let repository = administrator.repository();
        let before = self.store.following_of(repository.id).await?;
        let overwrites = fields.overwrite;
        let source = merged(fields, before.as_ref().map(|before| &before.source), &self.destinations)?;
        if before.is_none() && !overwrites && !self.changes.refs(repository).await?.is_empty() {
            let message = format!(
                "The repository {} has refs, which would be replaced by those of {}; say `overwrite` if they may be.",
                path_of(repository),
                source.url
            );
            return Err(Refusal::conflict_in("overwrite", message));
        }
        let following = self.store.follow_source(repository.id, source, self.now_ms()).await?;
        tracing::info!(
            repository.id = repository.id.0,
            source.url = following.source.url,
            "a repository follows one of another server"
        );
        self.schedule.ask(&following, self.now_ms());
        Ok(self.as_of_now(following))
    }

    /// What a repository follows.
    pub async fn following(
        &self,
        administrator: &RepositoryAdministrator<'_>,
    ) -> Result<FollowedRepository, Refusal> {
        let repository = administrator.repository();
        // Asked first: what a look has found is recorded before the look has ended.
        let in_progress = self.schedule.is_busy(repository.id);
        let found = self.store.following_of(repository.id).await?;
        let following = found.ok_or_else(|| follows_nothing(repository))?;
        Ok(FollowedRepository { following, in_progress, now_ms: self.now_ms() })
    }

    /// All repositories that follow something.
    pub async fn followings(
        &self,
        _: Administrator<'_>,
        page: PageRequest,
    ) -> Result<Page<(Repository, FollowedRepository)>, Refusal> {
        let found = self.store.list_followings(page).await?;
        Ok(found.map(|(repository, following)| (repository, self.as_of_now(following))))
    }

    /// Has the source looked at now.
    pub async fn follow_now(
        &self,
        administrator: &RepositoryAdministrator<'_>,
    ) -> Result<FollowedRepository, Refusal> {
        let repository = administrator.repository();
        let found = self.store.following_of(repository.id).await?;
        let following = found.ok_or_else(|| follows_nothing(repository))?;
        self.schedule.ask(&following, self.now_ms());
        // What is told of it is from before, also where the look has ended in the meantime.
        Ok(FollowedRepository { in_progress: true, ..self.as_of_now(following) })
    }

    /// Lets a repository follow nothing any more. What is in it stays.
    pub async fn stop_following(
        self: &Arc<Self>,
        administrator: &RepositoryAdministrator<'_>,
    ) -> Result<(), Refusal> {
        let repository = administrator.repository();
        if self.store.following_of(repository.id).await?.is_none() {
            return Err(follows_nothing(repository));
        }
        let (followings, id) = (Arc::clone(self), repository.id);
        let work = async move {
            // What is pushed from now on must not be replaced by an attempt that has begun.
            let alone = followings.showing.write().await;
            followings.store.stop_following(id).await?;
            drop(alone);
            followings.schedule.forget(id);
            tracing::info!(repository.id = id.0, "a repository follows nothing any more");
            Ok(())
        };
        self.tasks.to_the_end(work).await
    }

    /// At most so many of those that fail, or were equal to their source least lately, for the operator of the server. It
    /// fails when the database does.
    pub async fn furthest_behind(
        &self,
        at_most: usize,
    ) -> Result<Vec<(Repository, FollowedRepository)>, Refusal> {
        let found = self.store.followings_furthest_behind(at_most as u64).await?;
        let as_of_now = |(repository, following)| (repository, self.as_of_now(following));
        Ok(found.into_iter().map(as_of_now).collect())
    }

    /// How it goes with all of them.
    pub fn status(&self) -> FollowingStatus {
        self.schedule.status()
    }

    /// Epoch milliseconds.
    pub(super) fn now_ms(&self) -> i64 {
        self.announcer.now_ms()
    }

    /// A source, ready to be asked.
    pub(super) async fn asked(&self, source: &FollowedSource) -> Result<Asked, Refusal> {
        let url = source.url.clone();
        match RepositoryAddress::parse(&url).map_err(Refusal::internal)? {
            RepositoryAddress::Http { server, path } => {
                let server = Box::new(self.client_of(server)?);
                Ok(Asked { url, server, path, credentials: credentials_of(source) })
            }
            RepositoryAddress::Stream { server, path } => {
                let server = Box::new(self.stream_of(server, source).await?);
                Ok(Asked { url, server, path, credentials: Credentials::anonymous() })
            }
        }
    }

    /// A server to which a line is opened for each question.
    async fn stream_of(&self, server: StreamUrl, source: &FollowedSource) -> Result<GitStream, Refusal> {
        let mut options = GitStreamOptions::new(server, self.destinations.clone(), self.long_lists.clone());
        if let Some(key) = &source.ssh_key {
            let written = SshIdentity::write(self.changes.disk(), key, source.known_hosts.as_deref()).await;
            options.identity = Some(written.map_err(Refusal::internal)?);
        }
        Ok(GitStream::new(options))
    }

    /// The server as it is asked over HTTP; its connections are kept.
    fn client_of(&self, server: ServerUrl) -> Result<SmartHttp, Refusal> {
        let mut clients = self.clients.lock();
        if let Some(client) = clients.get(server.url().as_str()) {
            return Ok(client.clone());
        }
        if clients.len() >= MAX_KEPT_CLIENTS {
            clients.pop_first();
        }
        let address = server.url().to_string();
        let options = SmartHttpOptions {
            destinations: self.destinations.clone(),
            ..SmartHttpOptions::configured(server)
        };
        let client = SmartHttp::new(options).map_err(Refusal::internal)?;
        clients.insert(address, client.clone());
        Ok(client)
    }

    fn as_of_now(&self, following: Following) -> FollowedRepository {
        let in_progress = self.schedule.is_busy(following.repository_id);
        FollowedRepository { following, in_progress, now_ms: self.now_ms() }
    }
}

fn follows_nothing(repository: &Repository) -> Refusal {
    let message = format!("The repository {} follows nothing.", path_of(repository));
    Refusal::not_found("following", message)
}

fn path_of(repository: &Repository) -> String {
    format!("{}/{}", repository.project.key, repository.slug)
}
