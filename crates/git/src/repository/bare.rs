//! One bare repository on disk: what it holds.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
#[cfg(any(test, feature = "testing"))]
use heliostat_git_wire::ObjectId;
use heliostat_git_wire::{ObjectFormat, RefName, RefSnapshot};
use tracing::Instrument;

use super::atomic_pushes::AtomicPushes;
use super::listing::Listing;
use crate::disk::blocking;
use crate::process::{ClientKey, Fault, Git, GitCommand, GitError, Permit};
use crate::refs::{
    ChangeUnderWay, Known, Load, LookedAt, NotRead, OldestWriter, RefCache, RefUpdate, RefWriter, SharedRefs,
    StoredHead, UpdateRefsError, ask_git_for_head, load_refs, object_format, read_format, read_head,
    update_refs, write_head,
};
use crate::repository::{FirstLooks, LastSyncs, LeftTips, Locks, Removals, RepositoryNotes};

/// A bare repository. Cloning is cheap; clones share what is in memory.
#[derive(Debug, Clone)]
pub struct Repository(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    git: Git,
    path: PathBuf,
    id: u64,
    shared: Arc<Shared>,
}

/// What the repositories of a store share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) refs: Arc<SharedRefs>,
    ref_locks: Locks<tokio::sync::Mutex<()>>,
    /// Held by one that reads references into memory.
    ref_reads: Locks<tokio::sync::Mutex<()>>,
    /// Held by those who read references from disk, and alone by one that shows others at once.
    swaps: Locks<tokio::sync::RwLock<()>>,
    push_gates: Locks<tokio::sync::RwLock<()>>,
    removal_gates: Locks<tokio::sync::RwLock<()>>,
    /// How many removals have begun and ended.
    removal_counts: Locks<AtomicU64>,
    atomic_pushes: Locks<AtomicPushes>,
    /// Held by one that writes down what references named before.
    left_tips: Locks<parking_lot::Mutex<()>>,
    last_syncs: LastSyncs,
    pub(super) first_looks: FirstLooks,
    pub(super) listing: Listing,
}

impl Shared {
    /// References take at most so much memory.
    pub(crate) fn new(ref_memory_bytes: u64) -> Self {
        Self {
            refs: Arc::new(SharedRefs::new(ref_memory_bytes)),
            ref_locks: Locks::default(),
            ref_reads: Locks::default(),
            swaps: Locks::default(),
            push_gates: Locks::default(),
            removal_gates: Locks::default(),
            removal_counts: Locks::default(),
            atomic_pushes: Locks::default(),
            left_tips: Locks::default(),
            last_syncs: LastSyncs::default(),
            first_looks: FirstLooks::default(),
            listing: Listing::default(),
        }
    }

    /// Forgets all that is known of a repository: it is gone, or not whole, or another one takes its place.
    pub(super) fn forget(&self, repository: u64) {
        self.first_looks.forget(repository);
        self.refs.forget(repository);
    }
}

impl Repository {
    /// The repository at `path`, which the caller knows to be one. It shares nothing with others.
    #[cfg(any(test, feature = "testing"))]
    pub fn at(git: Git, path: PathBuf) -> Self {
        Self::of_store(git, path, 0, Arc::new(Shared::new(crate::refs::DEFAULT_REF_MEMORY_BYTES)))
    }

    /// The repository with this number in a store whose repositories share this.
    pub(super) fn of_store(git: Git, path: PathBuf, id: u64, shared: Arc<Shared>) -> Self {
        Self(Arc::new(Inner { git, path, id, shared }))
    }

    /// Its number in its store.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What this server has written down about it, beside what git keeps.
    pub fn notes(&self) -> RepositoryNotes {
        RepositoryNotes::new(self.path().to_owned(), self.git().durability())
    }

    /// The executable that works on it.
    pub fn git(&self) -> &Git {
        &self.0.git
    }

    /// The same, whose processes count as those of a client.
    #[must_use]
    pub fn asked_by(&self, client: ClientKey) -> Self {
        self.by(self.git().asked_by(client, self.id()))
    }

    /// The same, with a place for the process that answers this client.
    #[must_use]
    pub fn at_place(&self, place: Permit, client: ClientKey) -> Self {
        self.by(self.git().at_place(place, client, self.id()))
    }

    fn by(&self, git: Git) -> Self {
        let Inner { path, id, shared, .. } = &*self.0;
        Self(Arc::new(Inner { git, path: path.clone(), id: *id, shared: Arc::clone(shared) }))
    }

    /// Waits until a process may answer this client, who reads.
    pub async fn place_for_fetch(&self, client: ClientKey) -> Permit {
        self.git().place_for_fetch(client, self.id()).await
    }

    /// An invocation that works on this repository.
    pub fn command(&self, operation: &'static str) -> GitCommand {
        self.git().command(operation).repository(self.path())
    }

    /// An invocation that may change references or `HEAD`: when its process has ended, what is in memory is stale.
    pub(crate) fn changing_command(&self, operation: &'static str) -> GitCommand {
        self.command(operation).holding(self.change_under_way())
    }

    /// An invocation that writes references anew without changing what they say.
    pub(crate) fn ref_writing_command(&self, operation: &'static str) -> GitCommand {
        self.command(operation).holding(self.writer())
    }

    /// To be held by a process that writes into it, so that nothing of its own is taken for something left.
    pub(crate) fn writer(&self) -> RefWriter {
        RefWriter::new(Arc::clone(&self.0.shared.refs), self.id())
    }

    /// Since when processes of ours write into it.
    pub(super) fn oldest_writer(&self) -> OldestWriter {
        self.0.shared.refs.writers.oldest(self.id())
    }

    /// To be held while references or `HEAD` may change, and not shorter.
    pub(crate) fn change_under_way(&self) -> ChangeUnderWay {
        ChangeUnderWay::new(Arc::clone(&self.0.shared.refs), self.id())
    }

    /// All references but our internal ones, as they are on disk now.
    pub async fn refs(&self) -> Result<RefSnapshot, GitError> {
        let load = self.cache().load(self.id());
        self.read_and_publish(&load, None, None).await
    }

    /// The same, where they are most likely these, and some name objects that were looked at.
    pub(super) async fn refs_as(
        &self,
        expected: &RefSnapshot,
        objects: &LookedAt,
    ) -> Result<RefSnapshot, GitError> {
        let load = self.cache().load(self.id());
        self.read_and_publish(&load, Some(expected), Some(objects)).await
    }

    /// All references but our internal ones, from memory if they are there. They are those of the disk as long as
    /// only this process changes the repository; [`Repository::refs`] finds out about others.
    pub async fn snapshot(&self) -> Result<RefSnapshot, GitError> {
        if let Some(snapshot) = self.cache().get(self.id()) {
            return Ok(snapshot);
        }
        // Most who wait find it in memory afterwards.
        let turn = self.0.shared.ref_reads.of(self.id()).lock_owned().await;
        if let Some(snapshot) = self.cache().get(self.id()) {
            return Ok(snapshot);
        }
        let this = self.clone();
        let reading = async move {
            let load = this.cache().load(this.id());
            let read = this.read_and_publish(&load, None, None).await;
            drop(turn);
            read
        };
        // A client that hangs up does not end what others wait for; a part of it would go on, and the next one begin beside it.
        let read = tokio::spawn(reading.in_current_span()).await;
        read.unwrap_or_else(|error| {
            Err(GitError::Io { operation: "read references", error: io::Error::other(error) })
        })
    }

    pub(crate) fn cache(&self) -> &RefCache {
        &self.0.shared.refs.cache
    }

    /// Behind a pointer, so that it is compiled here, and not where it is waited for: in each crate above.
    fn read_and_publish<'a>(
        &'a self,
        load: &'a Load<'a>,
        expected: Option<&'a RefSnapshot>,
        objects: Option<&'a LookedAt>,
    ) -> BoxFuture<'a, Result<RefSnapshot, GitError>> {
        self.read_anew(load, expected, objects).boxed()
    }

    async fn read_anew(
        &self,
        load: &Load<'_>,
        expected: Option<&RefSnapshot>,
        objects: Option<&LookedAt>,
    ) -> Result<RefSnapshot, GitError> {
        let last = self.cache().last_known(self.id());
        let _reading = self.swaps().read_owned().await;
        let begun = load.begin();
        let known = Known { last: last.as_ref(), expected, objects };
        match load_refs(self.git(), self.path(), &known).await {
            Ok(read) => {
                if let Some(last) = &last {
                    self.left_tips().note_moves(&last.snapshot, &read.snapshot).await;
                }
                load.publish(begun, &read);
                self.0.shared.refs.changes.loaded(self.id(), &read.snapshot);
                Ok(read.snapshot)
            }
            Err(error) => {
                self.note(&error);
                Err(error)
            }
        }
    }

    /// Takes note of a failure. When `git` found the repository missing or damaged, what is in memory is forgotten, so that
    /// the next one who opens it looks at the disk, and those who look after repositories are told. To be called wherever
    /// a failure ends that is not returned to a caller that takes note of it.
    pub fn note(&self, error: &GitError) {
        if error.is_broken_repository() {
            self.first_looks().forget(self.id());
            self.cache().forget(self.id());
            if let Some(fault) = error.fault() {
                self.suspect(&fault);
            }
        }
    }

    /// Tells those who look after repositories of something that looks like damage.
    pub fn suspect(&self, fault: &Fault) {
        self.0.shared.refs.changes.suspected(self.id(), fault);
    }

    /// The branch that `HEAD` names, whether or not it exists; `None` when `HEAD` is detached.
    pub async fn head(&self) -> Result<Option<RefName>, GitError> {
        let operation = "read HEAD";
        let path = self.path().to_owned();
        let found = blocking(move || Ok(read_head(&path))).await;
        let head = match found.map_err(|error| GitError::Io { operation, error })? {
            Ok(head) => head,
            Err(NotRead::Refused(file, error)) => return Err(GitError::refused(operation, &file, &error)),
            Err(NotRead::NotUnderstood(_) | NotRead::Damaged(_)) => {
                ask_git_for_head(self.git(), self.path()).await?
            }
        };
        match head {
            StoredHead::Detached(_) => Ok(None),
            StoredHead::Symbolic(name) => {
                let target = std::str::from_utf8(&name).ok().and_then(|name| RefName::parse(name).ok());
                target.map(Some).ok_or_else(|| GitError::unexpected(operation, &name))
            }
        }
    }

    /// Makes all of these changes or none, in one transaction of `git`.
    pub async fn update_refs(&self, updates: &[RefUpdate]) -> Result<(), UpdateRefsError> {
        if updates.is_empty() {
            return Ok(());
        }
        let before = self.snapshot().await?;
        let left = updates.iter().filter_map(|update| {
            let name = update.name().as_str();
            Some((before.get(name)?.clone(), name.as_bytes().to_vec()))
        });
        self.left_tips().note(left.collect()).await;
        let _no_removal = self.removals().hold_off().await;
        update_refs(self.changing_command("update references"), self.path(), updates).await?;
        self.note_left_since(&before).await;
        Ok(())
    }

    /// Held while many references change at once, or are packed: the two would wait for each other's locks in vain.
    pub fn refs_lock(&self) -> Arc<tokio::sync::Mutex<()>> {
        self.0.shared.ref_locks.of(self.id())
    }

    /// Keeps those who read references from disk apart from one that shows others at once.
    pub(super) fn swaps(&self) -> Arc<tokio::sync::RwLock<()>> {
        self.0.shared.swaps.of(self.id())
    }

    /// Open to pushes in their last step, or to one who syncs folders.
    pub(super) fn push_gate(&self) -> Arc<tokio::sync::RwLock<()>> {
        self.0.shared.push_gates.of(self.id())
    }

    /// The removals of objects from it, and those who keep them off.
    pub fn removals(&self) -> Removals {
        let Shared { removal_gates, removal_counts, .. } = &*self.0.shared;
        Removals::new(removal_gates.of(self.id()), removal_counts.of(self.id()))
    }

    /// Pushes that go on and are to change all or nothing.
    pub(super) fn atomic_pushes(&self) -> Arc<AtomicPushes> {
        self.0.shared.atomic_pushes.of(self.id())
    }

    /// What its references named before.
    pub fn left_tips(&self) -> LeftTips {
        LeftTips::new(self.path().to_owned(), self.0.shared.left_tips.of(self.id()))
    }

    /// Which repositories of its store were looked at since the start.
    pub(super) fn first_looks(&self) -> &FirstLooks {
        &self.0.shared.first_looks
    }

    /// When the repositories of its store were last made durable.
    pub(super) fn last_syncs(&self) -> &LastSyncs {
        &self.0.shared.last_syncs
    }

    /// Makes `HEAD` name this reference, whether or not it exists.
    pub async fn set_head(&self, target: &RefName) -> Result<(), GitError> {
        let _change = self.change_under_way();
        write_head(self.path(), target).await
    }

    /// Which hash names its objects.
    pub async fn object_format(&self) -> Result<ObjectFormat, GitError> {
        let path = self.path().to_owned();
        match blocking(move || Ok(read_format(&path))).await {
            Ok(Ok(format)) => Ok(format),
            // Git says what is the matter.
            Ok(Err(_)) | Err(_) => object_format(self.git(), self.path()).await,
        }
    }

    /// Whether it has this object, reachable or not; for tests.
    #[cfg(any(test, feature = "testing"))]
    pub async fn has_object(&self, object: &ObjectId) -> Result<bool, GitError> {
        let operation = "look for an object";
        let ended = self.command(operation).args(["cat-file", "-e", object.as_str()]).run_to_end().await?;
        match ended.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ if ended.stderr.contains("Not a valid object name") => Ok(false),
            _ => Err(GitError::from_failure(
                operation,
                Some(self.path()),
                &ended.status.to_string(),
                &ended.stderr,
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn content_hash_is_the_hash_of_what_git_prints() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "feature/a", "z"]).await;
        workshop.run(repository.path(), &["tag", "-a", "-m", "annotated", "v1", "main"]);
        let printed = workshop.run(repository.path(), &["for-each-ref", "--format=%(objectname) %(refname)"]);
        // An internal reference does not count.
        workshop.run(repository.path(), &["update-ref", "refs/heliostat/keep/1", "main"]);
        let refs = repository.refs().await.expect("readable");
        assert_eq!(refs.content_hash().as_str(), hex::encode(Sha256::digest(printed.as_bytes())));
        let names: Vec<_> = refs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["refs/heads/feature/a", "refs/heads/main", "refs/heads/z", "refs/tags/v1"]);
    }

    #[tokio::test]
    async fn references_are_read_to_the_end_for_others_when_the_one_who_asked_has_gone() {
        const PATIENCE: Duration = Duration::from_mins(1);
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let mut asking = Box::pin(repository.snapshot());
        assert!(futures_util::poll!(&mut asking).is_pending());
        drop(asking);
        let read = async {
            while repository.cache().get(repository.id()).is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("it is in memory when it is read");
        let refs = repository.refs().await.expect("readable");
        assert_eq!(repository.snapshot().await.expect("readable"), refs);
    }

    #[tokio::test]
    async fn head_is_read_and_changed() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        assert_eq!(repository.head().await.expect("readable"), Some(RefName::branch("main").expect("valid")));
        let unborn = RefName::branch("not/yet").expect("valid");
        repository.set_head(&unborn).await.expect("changed");
        assert_eq!(repository.head().await.expect("readable"), Some(unborn));
        let commit = workshop.run(repository.path(), &["rev-parse", "main"]);
        workshop.run(repository.path(), &["update-ref", "--no-deref", "HEAD", commit.trim()]);
        assert_eq!(repository.head().await.expect("readable"), None);
    }

    #[tokio::test]
    async fn objects_are_found_in_both_formats() {
        let workshop = Workshop::new().await;
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            let repository = workshop.bare_with_format(format.as_str(), format).await;
            let refs = repository.refs().await.expect("readable");
            let commit = refs.get("refs/heads/main").expect("a branch").clone();
            assert_eq!(commit.format(), format);
            assert_eq!(refs.object_format(), Some(format));
            assert_eq!(repository.object_format().await.expect("readable"), format);
            assert!(repository.has_object(&commit).await.expect("readable"));
            let absent = ObjectId::parse("12".repeat(format.hex_len() / 2)).expect("hex");
            assert!(!repository.has_object(&absent).await.expect("readable"));
            assert!(!repository.refs().await.expect("readable").is_empty());
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_no_repository_says_so() {
        let workshop = Workshop::new().await;
        let folder = workshop.folder("empty");
        let repository = Repository::at(workshop.git.clone(), folder);
        let error = repository.refs().await.expect_err("nothing there");
        assert!(matches!(error, GitError::NotARepository { .. }), "{error}");
        assert!(repository.head().await.is_err_and(|error| error.is_broken_repository()));
    }

    #[tokio::test]
    async fn a_damaged_reference_says_so() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        std::fs::write(repository.path().join("refs/heads/broken"), "rubbish\n").expect("written");
        let error = repository.refs().await.expect_err("damaged");
        assert!(matches!(error, GitError::Corrupt { .. }), "{error}");
    }
}
