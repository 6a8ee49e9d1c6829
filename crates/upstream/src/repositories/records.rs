//! Repositories of the upstream: the record, the bare repository on disk and the event, all or nothing.

use std::sync::{Arc, OnceLock};

use heliostat_api::AddonEventKey;
use heliostat_auth::{Caller, RepositoryPermission};
use heliostat_downstream::{Announcer, metadata_hash};
use heliostat_git::{Origin, RefName, TrashReason};
use heliostat_git_serve::ServedRepositories;
use heliostat_peer::{DetachedTasks, PeerClient};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    AccountStore, FollowingStore, MirrorServerStore, Page, PageRequest, ProjectId, Repository,
    RepositoryHashes, RepositoryId, RepositoryRecords, RepositorySearch, RepositoryState, RepositoryUpdate,
    UpstreamStore,
};
use tokio::sync::{Notify, Semaphore};

use super::push_counts::{PushCounters, PushCounts};
use super::whole_contents::MAX_AT_ONCE;
use crate::accounts::Accounts;
use crate::changes::{Changes, disk_id};
use crate::names;
use crate::permit::{self, Authenticated, Named, Reader, RepositoryAdministrator, Writer};
use crate::webhooks::WebhookEvents;

/// What to change of a repository; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct RepositoryChange {
    /// The name to show; the slug follows it.
    pub name: Option<String>,
    /// What it is for; empty removes it.
    pub description: Option<String>,
    /// Whether all callers may read it.
    pub public: Option<bool>,
    /// Whether forks are allowed.
    pub forkable: Option<bool>,
    /// Whether pushes are refused.
    pub archived: Option<bool>,
    /// Full or short name of the default branch, which need not exist yet.
    pub default_branch: Option<String>,
}

/// Told of each repository that is deleted: a part above this one that keeps something of it in memory.
type DeletionListener = Box<dyn Fn(RepositoryId) + Send + Sync>;

/// The repositories of the upstream and their projects.
pub struct Repositories {
    pub(super) records: RepositoryRecords,
    pub(super) followings: FollowingStore,
    pub(super) mirrors: MirrorServerStore,
    /// Makes users administrators of the projects that they create.
    pub(super) grants: AccountStore,
    pub(super) served: ServedRepositories,
    pub(super) announcer: Arc<Announcer>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) changes: Arc<Changes>,
    /// Knows which addresses of others may be called.
    pub(super) client: PeerClient,
    pub(super) tasks: DetachedTasks,
    /// Told when something is to be purged.
    pub(super) purge_ordered: Notify,
    pub(super) pushes: PushCounts,
    deletion_listener: OnceLock<DeletionListener>,
    /// Places to put together what mirrors are given as a whole.
    pub(super) whole_contents_places: Semaphore,
}

impl Repositories {
    pub(crate) fn new(
        store: &UpstreamStore,
        served: ServedRepositories,
        announcer: Arc<Announcer>,
        accounts: Arc<Accounts>,
        changes: Arc<Changes>,
        client: PeerClient,
        tasks: DetachedTasks,
    ) -> Self {
        let (purge_ordered, whole_contents_places) = (Notify::new(), Semaphore::new(MAX_AT_ONCE));
        Self {
            records: store.repositories.clone(),
            followings: store.followings.clone(),
            mirrors: store.mirrors.clone(),
            grants: store.accounts.clone(),
            served,
            announcer,
            accounts,
            changes,
            client,
            tasks,
            purge_ordered,
            pushes: PushCounts::default(),
            deletion_listener: OnceLock::new(),
            whole_contents_places,
        }
    }

    /// Has one part told of each repository that is deleted, when it is.
    pub(crate) fn tell_of_deletions(&self, listener: impl Fn(RepositoryId) + Send + Sync + 'static) {
        let is_first = self.deletion_listener.set(Box::new(listener)).is_ok();
        debug_assert!(is_first, "one part is told");
    }

    /// What became of pushes since the start.
    pub fn push_counters(&self) -> PushCounters {
        self.pushes.counters()
    }

    /// Repositories that the caller may read, in all projects or in one, whose name contains a text.
    pub async fn repositories(
        &self,
        caller: &Caller,
        project: Option<ProjectId>,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Repository>, Refusal> {
        let visible = permit::visibility(caller);
        Ok(self.records.list_repositories(project, visible, name, page).await?)
    }

    /// Repositories that the caller may read and that are what the search asks for.
    pub async fn search_repositories(
        &self,
        caller: &Caller,
        search: &RepositorySearch,
        page: PageRequest,
    ) -> Result<Page<Repository>, Refusal> {
        let visible = permit::visibility(caller);
        Ok(self.records.search_repositories(search, visible, page).await?)
    }

    /// The repository with this slug in the project with this key.
    pub async fn repository(&self, caller: &Caller, key: &str, slug: &str) -> Result<Repository, Refusal> {
        Ok(self.reader(caller, key, slug).await?.into())
    }

    /// The repository with this id.
    pub async fn repository_by_id(&self, caller: &Caller, id: &str) -> Result<Repository, Refusal> {
        permit::authenticated(caller)?;
        Ok(self.reader_by_id(caller, id).await?.into())
    }

    /// The same, after the first look at it since the start: what an interrupted run has left unrecorded is recorded by then.
    pub async fn repository_with_hashes(&self, caller: &Caller, id: &str) -> Result<Repository, Refusal> {
        let repository = self.repository_by_id(caller, id).await?;
        if repository.state != RepositoryState::Available || self.changes.was_looked_at(repository.id) {
            return Ok(repository);
        }
        self.changes.until_looked_at(&repository).await?;
        self.repository_by_id(caller, id).await
    }

    /// That the caller may read the repository with this id.
    pub(super) async fn reader_by_id<'a>(&self, caller: &'a Caller, id: &str) -> Result<Reader<'a>, Refusal> {
        let found = match id.parse::<RepositoryId>() {
            Ok(id) => self.records.find_repository(id).await?,
            Err(_) => None,
        };
        let named = self.accounts.named_repository(caller, id.to_owned(), found).await?;
        permit::read(caller, named)
    }

    /// Hashes of the repositories that the caller may read, in the order of projects and repositories, after
    /// the given pair; an empty list is the end.
    pub async fn repository_hashes(
        &self,
        reader: Authenticated<'_>,
        after: Option<(ProjectId, RepositoryId)>,
        limit: u64,
    ) -> Result<Vec<RepositoryHashes>, Refusal> {
        Ok(self.records.list_hashes(permit::visibility(reader.caller()), after, limit).await?)
    }

    /// Changes a repository. A new name changes its slug and URLs.
    pub async fn update_repository(
        self: &Arc<Self>,
        administrator: &RepositoryAdministrator<'_>,
        change: RepositoryChange,
    ) -> Result<Repository, Refusal> {
        let renamed = change.name.as_deref().map(names::repository_name).transpose()?;
        let branch = change.default_branch.as_deref();
        let branch = branch.map(|name| branch_name("defaultBranch", name)).transpose()?;
        let (name, slug) = renamed.unzip();
        let update = RepositoryUpdate {
            slug,
            name,
            description: change.description.as_deref().map(names::description).transpose()?,
            public: change.public,
            forkable: change.forkable,
            archived: change.archived,
            default_branch: branch.as_ref().map(|branch| branch.as_str().to_owned()),
            ..RepositoryUpdate::default()
        };
        self.store_update(administrator, update, branch).await
    }

    /// Records a change, announces it and brings `HEAD` in line.
    pub(super) async fn store_update(
        self: &Arc<Self>,
        administrator: &RepositoryAdministrator<'_>,
        update: RepositoryUpdate,
        branch: Option<RefName>,
    ) -> Result<Repository, Refusal> {
        let (repositories, caller) = (Arc::clone(self), administrator.caller().clone());
        let repository = administrator.repository().clone();
        let work = async move { repositories.update_to_the_end(&caller, &repository, update, branch).await };
        self.tasks.to_the_end(work).await
    }

    async fn update_to_the_end(
        &self,
        caller: &Caller,
        repository: &Repository,
        update: RepositoryUpdate,
        branch: Option<RefName>,
    ) -> Result<Repository, Refusal> {
        // Pushes record refs, default branch and metadata as well: one after the other.
        let _lock = self.changes.lock(repository.id).await;
        let context = self.announcer.context(caller);
        let visibility_changed = update.public.is_some_and(|public| public != repository.public);
        let branch_changed =
            branch.as_ref().is_some_and(|branch| branch.as_str() != repository.default_branch);
        let make_events = |updated: &Repository| {
            let mut events = Vec::new();
            if updated.metadata_hash != repository.metadata_hash {
                let key = if branch_changed {
                    AddonEventKey::RepoDefaultBranchModified
                } else {
                    AddonEventKey::RepoModified
                };
                events.push(context.repository(key, updated));
                events.push(WebhookEvents(context).modified(repository, updated));
            }
            if visibility_changed {
                events.push(context.permissions_changed(None));
            }
            events
        };
        let stored = self
            .records
            .update_repository(repository.id, update, context.now_ms, metadata_hash, make_events)
            .await?;
        self.announcer.announced();
        if let Some(branch) = branch.filter(|_| branch_changed) {
            let on_disk = self.changes.open_git(repository.id).await?;
            if let Err(error) = on_disk.set_head(&branch).await {
                // The record counts; HEAD follows when the repository is looked at again.
                self.changes.doubt(repository.id);
                return Err(Refusal::internal(error));
            }
        }
        Ok(stored)
    }

    /// Makes a branch the default one because it is so where the repository comes from. One that is so here already stays.
    pub(crate) async fn follow_default_branch(
        &self,
        id: RepositoryId,
        branch: &RefName,
    ) -> Result<(), Refusal> {
        let repository = self.changes.repository_record(id).await?;
        if repository.default_branch == branch.as_str() {
            return Ok(());
        }
        let update = RepositoryUpdate {
            default_branch: Some(branch.as_str().to_owned()),
            ..RepositoryUpdate::default()
        };
        let updated = self.update_to_the_end(&Caller::Anonymous, &repository, update, Some(branch.clone()));
        updated.await.map(drop)
    }

    /// Deletes a repository: out of service at once, its data afterwards.
    pub async fn delete_repository(
        self: &Arc<Self>,
        administrator: &RepositoryAdministrator<'_>,
    ) -> Result<(), Refusal> {
        let (repositories, caller) = (Arc::clone(self), administrator.caller().clone());
        let repository = administrator.repository().clone();
        let work = async move {
            let id = repository.id;
            let lock = repositories.changes.lock(id).await;
            let context = repositories.announcer.context(&caller);
            let events = vec![context.repository(AddonEventKey::RepoDeleted, &repository)];
            repositories.records.delete_repository(id, events).await?;
            repositories.announcer.announced();
            repositories.changes.forget(id);
            if let Some(listener) = repositories.deletion_listener.get() {
                listener(id);
            }
            drop(lock);
            if repositories.changes.is_of_another_record(&repository).await {
                tracing::warn!(
                    repository.id = id.0,
                    "left on disk what lay in the place of a deleted repository: it is another one"
                );
                return Ok(());
            }
            let origin = Origin {
                path: Some(format!("{}/{}", repository.project.key, repository.slug)),
                external_id: Some(id.to_string()),
                identity: Some(repository.identity.to_string()),
                ..Origin::default()
            };
            let moved = repositories.served.store().trash(disk_id(id), TrashReason::Deleted, origin).await;
            moved.map(drop).map_err(Refusal::internal)
        };
        self.tasks.to_the_end(work).await
    }

    /// That the caller may read the repository with this slug.
    pub async fn reader<'a>(&self, caller: &'a Caller, key: &str, slug: &str) -> Result<Reader<'a>, Refusal> {
        permit::read(caller, self.repository_by_slug(caller, key, slug).await?)
    }

    /// That the caller may push to the repository with this slug.
    pub async fn writer<'a>(&self, caller: &'a Caller, key: &str, slug: &str) -> Result<Writer<'a>, Refusal> {
        permit::write(caller, self.repository_by_slug(caller, key, slug).await?)
    }

    /// That the caller administers the repository with this slug.
    pub async fn administrator<'a>(
        &self,
        caller: &'a Caller,
        key: &str,
        slug: &str,
    ) -> Result<RepositoryAdministrator<'a>, Refusal> {
        permit::administer(caller, self.repository_by_slug(caller, key, slug).await?)
    }

    async fn repository_by_slug(
        &self,
        caller: &Caller,
        key: &str,
        slug: &str,
    ) -> Result<Named<Repository, RepositoryPermission>, Refusal> {
        let found = self.records.find_repository_by_slug(key, slug).await?;
        self.accounts.named_repository(caller, format!("{key}/{slug}"), found).await
    }
}

/// The full name of a branch that is given in full or short.
pub(crate) fn branch_name(field: &str, text: &str) -> Result<RefName, Refusal> {
    let text = text.trim();
    let parsed = if text.starts_with("refs/") { RefName::parse(text) } else { RefName::branch(text) };
    parsed
        .ok()
        .filter(|name| name.is_branch() && name.fits_a_file())
        .ok_or_else(|| Refusal::invalid(field, format!("{text:?} is not the name of a branch.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names_are_full_or_short() {
        for (text, full) in [
            ("main", "refs/heads/main"),
            (" feature/x ", "refs/heads/feature/x"),
            ("refs/heads/a", "refs/heads/a"),
        ] {
            assert_eq!(branch_name("name", text).expect("a branch").as_str(), full);
        }
        for text in ["", "refs/tags/v1", "refs/heliostat/x", "a..b", "-", "a b", "x.lock"] {
            let result = branch_name("name", text);
            assert!(matches!(result, Err(Refusal::Invalid { .. })) || text == "-", "{text:?}: {result:?}");
        }
    }
}
