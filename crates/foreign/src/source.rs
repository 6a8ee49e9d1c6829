//! A Git server that is not ours, as those see it who copy from it.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git::{FetchError, FetchProgress, Given, ObjectId, PackForwarder, Repository};
use heliostat_git_wire::LsRefs;
use thiserror::Error;
use url::Url;

use crate::{Credentials, Listing, Refusal, RepositoryPath};

/// A Git server that is not ours. Each question goes there: nothing of an answer is remembered here.
pub trait Source: Send + Sync {
    /// Where the server is; it ends with a slash.
    fn base_url(&self) -> &Url;

    /// Where a repository is, for people and for refusals; it holds no secret.
    fn url_of(&self, path: &RepositoryPath) -> Url;

    /// The references of a repository as its reader with these credentials sees them now. A success proves that they may
    /// read all of it.
    fn list<'a>(
        &'a self,
        path: &'a RepositoryPath,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Listing, Refusal>>;

    /// The same of those references only that this asks for, and perhaps others. `None` where the server cannot be asked so, or its
    /// answer has to be told in words: then the whole is asked.
    fn list_part<'a>(
        &'a self,
        _path: &'a RepositoryPath,
        _credentials: &'a Credentials,
        _part: &'a LsRefs,
    ) -> BoxFuture<'a, Result<Option<Listing>, Refusal>> {
        std::future::ready(Ok(None)).boxed()
    }

    /// Brings these objects and all that they need into `into`, with what is there already as the offer. No references
    /// change but our own. The caller keeps others from removing objects ([`Repository::removals`]).
    fn fetch<'a>(
        &'a self,
        path: &'a RepositoryPath,
        credentials: &'a Credentials,
        into: &'a Repository,
        wanted: WantedObjects<'a>,
    ) -> BoxFuture<'a, Result<(), FetchFailure>>;

    /// Whether the server gives these objects, of which there is at least one, to this reader, asked without taking them. One
    /// that cannot be asked so leaves it unclear.
    fn gives<'a>(
        &'a self,
        _path: &'a RepositoryPath,
        _credentials: &'a Credentials,
        _objects: &'a BTreeSet<ObjectId>,
    ) -> BoxFuture<'a, Result<Given, Refusal>> {
        std::future::ready(Ok(Given::Unclear)).boxed()
    }
}

/// What is to be fetched, and how it will be found again.
#[derive(Debug, Clone, Copy)]
pub struct WantedObjects<'a> {
    /// Their names.
    pub objects: &'a BTreeSet<ObjectId>,
    /// What leads to them afterwards.
    pub kept_by: KeptBy,
    /// Where its progress is noted, if anywhere.
    pub progress: Option<&'a FetchProgress>,
    /// Where the pack is forwarded while it comes, if it comes as one that holds these objects, all that they need, and
    /// nothing else.
    pub forwarder: Option<&'a PackForwarder>,
}

/// What leads to fetched objects, so that the next fetch has something to offer and housekeeping leaves them alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptBy {
    /// References of our own, which are made by the fetch and dropped by
    /// [`drop_wanted_refs`](Repository::drop_wanted_refs).
    OurRefs,
    /// References that the caller changes as soon as the objects are here.
    Caller,
}

/// Why objects did not come.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchFailure {
    /// The server says no, or nothing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The server does not give one of the objects: it has lost it, or does not show it to this reader.
    #[error("the origin does not give what was wanted: {said}")]
    NotGiven {
        /// The object, if the server names it.
        object: Option<ObjectId>,
        /// What it says.
        said: String,
    },
    /// What came is not whole, or the repository here cannot take it; what this says of it is
    /// [`fault`](FetchError::fault).
    #[error(transparent)]
    Here(FetchError),
}
