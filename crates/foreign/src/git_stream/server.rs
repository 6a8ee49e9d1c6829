//! One Git server, reached by `git://` or SSH.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git::{Repository, SshIdentity};
use heliostat_peer::http::Destinations;
use parking_lot::Mutex;
use url::Url;

use super::StreamUrl;
use crate::long_lists::LongLists;
use crate::source::{FetchFailure, Source, WantedObjects};
use crate::{Credentials, Listing, Refusal, RepositoryPath};

/// How long a server may be silent in the middle of an answer, or before it, unless it is set otherwise.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(20);

/// How a server is reached.
#[derive(Debug, Clone)]
pub struct GitStreamOptions {
    /// Where it is.
    pub server: StreamUrl,
    /// Who has named it, and so, where its name may lead.
    pub destinations: Destinations,
    /// Who asks over SSH; by `git://` no client says who it is.
    pub identity: Option<SshIdentity>,
    /// How long it may be silent before it counts as away.
    pub patience: Duration,
    /// Places for its lists that are long.
    pub long_lists: LongLists,
}

impl GitStreamOptions {
    /// A server that may be at these destinations, asked without an identity.
    pub fn new(server: StreamUrl, destinations: Destinations, long_lists: LongLists) -> Self {
        Self { server, destinations, identity: None, patience: DEFAULT_PATIENCE, long_lists }
    }
}

/// A Git server that is reached by `git://` or SSH. Who asks is in its options: the credentials of callers are not shown to it.
#[derive(Debug)]
pub struct GitStream {
    pub(super) options: GitStreamOptions,
    base_url: Url,
    /// The address that has answered last.
    pub(super) reached: Mutex<Option<IpAddr>>,
}

impl GitStream {
    /// Prepares to ask a server; nothing is asked yet.
    pub fn new(options: GitStreamOptions) -> Self {
        Self { base_url: options.server.base_url(), options, reached: Mutex::default() }
    }
}

impl Source for GitStream {
    fn base_url(&self) -> &Url {
        &self.base_url
    }

    fn url_of(&self, path: &RepositoryPath) -> Url {
        path.below(&self.base_url)
    }

    fn list<'a>(
        &'a self,
        path: &'a RepositoryPath,
        _credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Listing, Refusal>> {
        self.list_refs(path).boxed()
    }

    fn fetch<'a>(
        &'a self,
        path: &'a RepositoryPath,
        _credentials: &'a Credentials,
        into: &'a Repository,
        wanted: WantedObjects<'a>,
    ) -> BoxFuture<'a, Result<(), FetchFailure>> {
        self.fetch_from(path, into, wanted).boxed()
    }
}
