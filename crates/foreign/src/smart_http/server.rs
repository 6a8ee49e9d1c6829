//! One Git server, reached over HTTP or HTTPS.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git::{Given, ObjectId, Repository};
use heliostat_git_wire::LsRefs;
use heliostat_peer::Authorities;
use heliostat_peer::http::{self, Destinations};
use thiserror::Error;
use url::Url;

use super::ServerUrl;
use super::found::FoundRepositories;
use crate::long_lists::LongLists;
use crate::source::{FetchFailure, Source, WantedObjects};
use crate::{Credentials, Listing, Refusal, RepositoryPath};

/// Some servers answer Git only, and know it by how its name begins.
const USER_AGENT: &str = concat!("git/2.0 (heliostat ", env!("CARGO_PKG_VERSION"), ")");

/// How long a server may be silent in the middle of an answer, or before it, unless it is set otherwise.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(20);

/// How long a connection is kept for the next question: to open one costs several rounds to a far server. One that the server
/// closes sooner is noticed.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// How a server is reached.
#[derive(Debug, Clone)]
pub struct SmartHttpOptions {
    /// Where it is.
    pub server: ServerUrl,
    /// Who has named it, and so, where its name may lead.
    pub destinations: Destinations,
    /// Authorities that are trusted besides those of the system. `git`, which fetches what is not asked for here, is told of
    /// them where the process starts.
    pub authorities: Authorities,
    /// How long it may be silent before it counts as away.
    pub patience: Duration,
}

impl SmartHttpOptions {
    /// A server that the operator has named, and that the authorities of the system vouch for.
    pub fn configured(server: ServerUrl) -> Self {
        Self {
            server,
            destinations: Destinations::Configured,
            authorities: Authorities::default(),
            patience: DEFAULT_PATIENCE,
        }
    }
}

/// A server cannot be asked with these options: there is no HTTP client.
#[derive(Debug, Error)]
#[error("cannot prepare calls to the server")]
pub struct UnusableServer(#[source] pub(crate) reqwest::Error);

/// A Git server over HTTP or HTTPS.
#[derive(Debug, Clone)]
pub struct SmartHttp {
    pub(super) http: reqwest::Client,
    pub(super) options: SmartHttpOptions,
    pub(super) found: Arc<FoundRepositories>,
    /// A place is held for each long list that is read and not understood yet.
    pub(super) long_lists: LongLists,
}

impl SmartHttp {
    /// Prepares to ask a server; nothing is asked yet.
    pub fn new(options: SmartHttpOptions) -> Result<Self, UnusableServer> {
        let client = options.authorities.trusted_by(http::client(USER_AGENT, &options.destinations));
        let client = client.read_timeout(options.patience).pool_idle_timeout(IDLE_LIMIT);
        let http = client.build().map_err(UnusableServer)?;
        Ok(Self { http, options, found: Arc::default(), long_lists: LongLists::default() })
    }
}

impl Source for SmartHttp {
    fn base_url(&self) -> &Url {
        self.options.server.url()
    }

    fn url_of(&self, path: &RepositoryPath) -> Url {
        path.below(self.base_url())
    }

    fn list<'a>(
        &'a self,
        path: &'a RepositoryPath,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Listing, Refusal>> {
        self.list_refs(path, credentials).boxed()
    }

    fn list_part<'a>(
        &'a self,
        path: &'a RepositoryPath,
        credentials: &'a Credentials,
        part: &'a LsRefs,
    ) -> BoxFuture<'a, Result<Option<Listing>, Refusal>> {
        self.list_at_once(path, credentials, part.prefixes()).boxed()
    }

    fn fetch<'a>(
        &'a self,
        path: &'a RepositoryPath,
        credentials: &'a Credentials,
        into: &'a Repository,
        wanted: WantedObjects<'a>,
    ) -> BoxFuture<'a, Result<(), FetchFailure>> {
        self.fetch_from(path, credentials, into, wanted).boxed()
    }

    fn gives<'a>(
        &'a self,
        path: &'a RepositoryPath,
        credentials: &'a Credentials,
        objects: &'a BTreeSet<ObjectId>,
    ) -> BoxFuture<'a, Result<Given, Refusal>> {
        self.ask_whether_given(path, credentials, objects).boxed()
    }
}
