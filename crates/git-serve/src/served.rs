//! Repositories together with what answers their readers.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use heliostat_git::{
    ClientKey, Git, GitError, ObjectId, OpenError, Permit, RefListener, RefSnapshot, Repository,
    RepositoryStore, SearchFor,
};
use heliostat_git_wire::{Bands, LsRefs};

use crate::bundle::Bundle;
use crate::engine::{ServingEngine, ServingOptions};
use crate::prewarm::prewarm;
use crate::reachability::Wanted;

/// A repository, and what answers its readers.
#[derive(Debug, Clone)]
pub struct ServedRepository {
    /// The repository on disk.
    pub repository: Repository,
    engine: Arc<ServingEngine>,
    /// What its reader is shown in place of the references that are here.
    shown: Option<RefSnapshot>,
    /// In which bands its reader is offered answers.
    offered: Bands,
    /// What lists are made from, if not from that.
    lists: Option<Arc<dyn Lists>>,
}

/// What answers a client's question for references, where those that its reader is known to be shown are a part only.
pub trait Lists: fmt::Debug + Send + Sync {
    /// References of which those that this asks for are as the reader is shown them now.
    fn refs_for<'a>(&'a self, list: &'a LsRefs) -> BoxFuture<'a, Result<RefSnapshot, GitError>>;
}

/// The repositories of a store, and what answers their readers. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct ServedRepositories(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: RepositoryStore,
    engine: Arc<ServingEngine>,
}

impl ServedRepository {
    /// What answers its readers.
    pub(crate) fn engine(&self) -> &ServingEngine {
        &self.engine
    }

    /// The same, whose processes count as those of a client.
    #[must_use]
    pub fn asked_by(&self, client: ClientKey) -> Self {
        self.with(self.repository.asked_by(client))
    }

    /// The same, with a place for the process that answers this client.
    pub(crate) fn at_place(&self, place: Permit, client: ClientKey) -> Self {
        self.with(self.repository.at_place(place, client))
    }

    fn with(&self, repository: Repository) -> Self {
        Self {
            repository,
            engine: Arc::clone(&self.engine),
            shown: self.shown.clone(),
            lists: self.lists.clone(),
            offered: self.offered,
        }
    }

    /// The same for a reader who is shown these references, as another server shows them, in place of those that are
    /// here. What they name need not be here: it is brought when it is wanted, see
    /// [`GitReader::asking`](crate::GitReader::asking). Bundles are not offered: their names are those of references here.
    #[must_use]
    pub fn showing(self, refs: RefSnapshot) -> Self {
        Self { shown: Some(refs), ..self }
    }

    /// The same where these are a part of what the reader is shown, which is enough for all but lists.
    #[must_use]
    pub fn showing_a_part(self, refs: RefSnapshot, lists: Arc<dyn Lists>) -> Self {
        Self { shown: Some(refs), lists: Some(lists), ..self }
    }

    /// The same for a reader of something that another server shows, who may have to wait until it is here: they are offered
    /// answers in which they can be told so before anything else.
    #[must_use]
    pub fn offering_bands(self) -> Self {
        Self { offered: Bands::All, ..self }
    }

    /// In which bands its reader is offered answers.
    pub(crate) fn offered_bands(&self) -> Bands {
        self.offered
    }

    /// What its reader is shown in place of the references that are here.
    pub(crate) fn shown(&self) -> Option<&RefSnapshot> {
        self.shown.as_ref()
    }

    /// The references that its reader is shown.
    pub(crate) async fn refs(&self) -> Result<RefSnapshot, GitError> {
        match &self.shown {
            Some(refs) => Ok(refs.clone()),
            None => self.repository.snapshot().await,
        }
    }

    /// The answer to a client that asks for references.
    pub(crate) async fn list(&self, list: &LsRefs) -> Result<Bytes, GitError> {
        let refs = match &self.lists {
            Some(lists) => lists.refs_for(list).await?,
            None => self.refs().await?,
        };
        Ok(refs.list(list))
    }

    /// The bundle with this id, when it is the one that is offered and all that is in it belongs to what the references
    /// need at this moment. A list that names it may be older.
    pub async fn bundle_to_download(&self, id: &str) -> Result<Option<Arc<Bundle>>, GitError> {
        let Some(bundle) = self.offered_bundle().filter(|bundle| bundle.id() == id) else { return Ok(None) };
        let refs = self.repository.snapshot().await?;
        match self.engine().reachability().check(&self.repository, &refs, bundle.tips()).await {
            Ok(Wanted::AllReachable) => Ok(Some(bundle)),
            checked => {
                self.engine().doubt_bundle(self.repository.id());
                checked.map(|_| None)
            }
        }
    }

    /// Whether a client may have an object because references lead to it: any of them, or the one that names `tip`.
    pub async fn leads_to(
        &self,
        object: &ObjectId,
        tip: Option<&ObjectId>,
        client: ClientKey,
    ) -> Result<bool, GitError> {
        if tip == Some(object) {
            return Ok(true);
        }
        let refs = self.repository.snapshot().await?;
        let (objects, reachability) = (BTreeSet::from([object.clone()]), self.engine().reachability());
        if tip.is_none() && reachability.is_proven(&self.repository, &refs, &objects) {
            return Ok(true);
        }
        let repository = self.repository.asked_by(client);
        let _permit = self.engine().queue().permit(repository.id(), client).await;
        match tip {
            None => {
                let checked = reachability.check(&repository, &refs, &objects).await?;
                Ok(!matches!(checked, Wanted::Unreachable(_)))
            }
            Some(tip) => {
                let tips = BTreeSet::from([tip.clone()]);
                let unreached = repository.first_unreached(&objects, &tips, SearchFor::Client).await?;
                Ok(unreached.is_none())
            }
        }
    }

    /// The bundle that there is at the moment. Reads no disk.
    pub fn bundle(&self) -> Option<Arc<Bundle>> {
        self.engine().bundles().of(self.repository.id())
    }

    /// The bundle that clients are told of at the moment.
    pub(crate) fn offered_bundle(&self) -> Option<Arc<Bundle>> {
        self.bundle().filter(|_| self.shown.is_none())
    }

    /// A repository of a test that shares nothing with others.
    #[cfg(test)]
    pub(crate) fn alone(repository: Repository) -> Self {
        Self::alone_with(repository, &ServingOptions::default())
    }

    /// The same with these options.
    #[cfg(test)]
    pub(crate) fn alone_with(repository: Repository, options: &ServingOptions) -> Self {
        let engine = Arc::new(ServingEngine::new(options));
        Self { repository, engine, shown: None, lists: None, offered: Bands::Pack }
    }
}

impl ServedRepositories {
    /// The repositories below `root`, which is created when it is not there.
    pub fn new(git: Git, root: PathBuf, options: &ServingOptions) -> io::Result<Self> {
        let store = RepositoryStore::new(git, root, options.ref_memory_bytes)?;
        let inner = Arc::new(Inner { engine: Arc::new(ServingEngine::new(options)), store });
        let listener: Arc<dyn RefListener> = inner.clone();
        inner.store.subscribe(Arc::downgrade(&listener));
        Ok(Self(inner))
    }

    /// The repositories on disk.
    pub fn store(&self) -> &RepositoryStore {
        &self.0.store
    }

    /// What answers their readers.
    pub fn engine(&self) -> &Arc<ServingEngine> {
        &self.0.engine
    }

    /// Finds a repository for a client that reads: one whose references are in memory is not looked for on disk.
    pub async fn open(&self, id: u64) -> Result<ServedRepository, OpenError> {
        self.0.store.open_for_serving(id).await.map(|repository| self.serve(repository))
    }

    /// This repository of the store.
    pub fn serve(&self, repository: Repository) -> ServedRepository {
        self.0.serve(repository)
    }
}

impl Inner {
    fn serve(&self, repository: Repository) -> ServedRepository {
        let engine = Arc::clone(&self.engine);
        ServedRepository { repository, engine, shown: None, lists: None, offered: Bands::Pack }
    }
}

impl RefListener for Inner {
    fn changed(&self, repository: u64) {
        self.engine.housekeeping().changed(repository);
    }

    fn loaded(&self, repository: u64, refs: &RefSnapshot) {
        prewarm(&self.serve(self.store.repository(repository)), refs);
    }

    fn gone(&self, repository: u64) {
        self.engine.forget(repository);
    }
}
