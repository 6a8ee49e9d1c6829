//! Who may read and push with Git, whatever carries the request.
//!
//! A transport finds out in its own way who is calling, and hands a [`GitClient`] over. A role says by implementing
//! [`GitAccess`] what that client may do. Nothing here knows HTTP, so that another transport is one more folder beside
//! `http`.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;

use bytes::Bytes;
use heliostat_git::{ByteStream, GitProtocol};
use heliostat_git_serve::{GitReader, ServedRepository};
use heliostat_mirror::{Freshness, PassedRequest, Through};
use heliostat_origin::{Freshness as OriginFreshness, Visit};
use heliostat_refusal::Refusal;

/// A client, as far as its transport has found out.
pub struct GitClient<Identity> {
    /// Who is calling, in the terms of the role.
    pub identity: Identity,
    /// Where the connection comes from, if that is known.
    pub address: Option<IpAddr>,
    /// Where in a git command the request stands.
    pub visit: Visit,
}

/// Who is calling, where another server had to find it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundCaller {
    /// The user of this name.
    User(String),
    /// The user whose name the client has shown.
    AsShown,
}

/// A repository that may be read, and who reads it.
pub struct Readable {
    /// Who was found; a role that identifies its callers itself has nothing to say here.
    pub caller: Option<FoundCaller>,
    /// The repository; or why it cannot be served from here, where there is a way to another answer.
    pub repository: Result<ServedRepository, Refusal>,
    /// Who reads: among whom computing time is shared, and what they are told beside the answer.
    pub reader: GitReader,
    /// How fresh the repository is; the upstream, whose repositories they are, has nothing to say here.
    pub freshness: Option<ReadFreshness>,
    /// The way to where the answer is to come from, if not from here.
    pub through: Option<Through>,
}

/// What becomes of a push by a client that may read.
pub struct Pushable {
    /// Who was found; as in [`Readable`].
    pub caller: Option<FoundCaller>,
    /// The repository; or why it takes no push from this client here.
    pub repository: Result<ServedRepository, Refusal>,
}

/// How fresh what is read is, in the terms of the role.
#[derive(Debug)]
pub enum ReadFreshness {
    /// At a mirror of an upstream.
    OfUpstream(Freshness),
    /// At a mirror of another Git server.
    OfOrigin(OriginFreshness),
}

impl ReadFreshness {
    /// What a mirror of an upstream says.
    pub fn of_upstream(&self) -> Option<&Freshness> {
        match self {
            Self::OfUpstream(freshness) => Some(freshness),
            Self::OfOrigin(_) => None,
        }
    }
}

/// What a role decides about Git requests.
pub trait GitAccess: Send + Sync + 'static {
    /// How the role knows a caller: by an account of its own, or by credentials that another server judges.
    type Identity: Send + Sync;
    /// Where a client says that a repository is.
    type Path: fmt::Display + Send + Sync;

    /// The repository that this part of an address names, if the role could have it.
    fn path_of(&self, address: &str) -> Option<Self::Path>;

    /// The repository, if the client may fetch from it; fresh enough to be advertised.
    fn readable(
        &self,
        client: &GitClient<Self::Identity>,
        path: &Self::Path,
    ) -> impl Future<Output = Result<Readable, Refusal>> + Send;

    /// What another server answers to this request of a reader, if it is not to be answered from here. Where that server does
    /// not answer after all, nothing, and `readable` says what there is here by now, and how fresh it is.
    fn pass(
        &self,
        _client: &GitClient<Self::Identity>,
        _path: &Self::Path,
        _readable: &mut Readable,
        _request: PassedRequest,
    ) -> impl Future<Output = Result<Option<ByteStream>, Refusal>> + Send {
        std::future::ready(Ok(None))
    }

    /// The repository, if the client may push to it here. A client that may not read learns nothing of it.
    fn pushable(
        &self,
        client: &GitClient<Self::Identity>,
        path: &Self::Path,
    ) -> impl Future<Output = Result<Pushable, Refusal>> + Send;

    /// Where clients find a repository here.
    fn url_of(&self, path: &Self::Path) -> String;

    /// What a client is told when a repository that it may read turns out to be unreadable.
    fn unreadable(&self, path: &Self::Path) -> Refusal;

    /// Takes a push and returns git's report, after the change has been recorded.
    fn take_push(
        &self,
        client: &GitClient<Self::Identity>,
        path: &Self::Path,
        pack: ByteStream,
        protocol: GitProtocol,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send;
}
