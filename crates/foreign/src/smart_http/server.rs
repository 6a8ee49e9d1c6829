//! One Git server, reached over HTTP or HTTPS.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git::{Given, ObjectId, Repository};
use heliostat_peer::http::{self, Destinations};
use reqwest::{Certificate, ClientBuilder};
use thiserror::Error;
use url::Url;

use super::ServerUrl;
use super::found::FoundRepositories;
use crate::long_lists::LongLists;
use crate::source::{FetchFailure, Source, WantedObjects};
use crate::{Credentials, Listing, Refusal, RepositoryPath};

/// Some servers answer Git only, and know it by how its name begins.
const USER_AGENT: &str = concat!("git/2.0 (heliostat ", env!("CARGO_PKG_VERSION"), ")");

/// How long a server may be silent in the middle of an answer, or before it, unless somebody says otherwise.
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
    /// Certificates of private authorities, in PEM, which are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// How long it may be silent before it counts as away.
    pub patience: Duration,
}

impl SmartHttpOptions {
    /// A server that the operator has named, and that the authorities of the system vouch for.
    pub fn configured(server: ServerUrl) -> Self {
        Self { server, destinations: Destinations::Configured, ca_file: None, patience: DEFAULT_PATIENCE }
    }
}

/// Why a server cannot be asked with these options.
#[derive(Debug, Error)]
pub enum UnusableServer {
    /// The file with authorities cannot be read.
    #[error("cannot read the certificates in {}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The file holds no certificates.
    #[error("{} holds no certificates in PEM", path.display())]
    NoCertificates {
        /// The file.
        path: PathBuf,
    },
    /// The HTTP client cannot be made.
    #[error("cannot prepare calls to the server")]
    Client(#[source] reqwest::Error),
}

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
        let client = client_trusting(options.ca_file.as_deref(), USER_AGENT, &options.destinations)?;
        let client = client.read_timeout(options.patience).pool_idle_timeout(IDLE_LIMIT);
        let http = client.build().map_err(UnusableServer::Client)?;
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

/// A client that trusts the authorities in this file, too, for the caller to complete.
pub(crate) fn client_trusting(
    ca_file: Option<&Path>,
    user_agent: &str,
    destinations: &Destinations,
) -> Result<ClientBuilder, UnusableServer> {
    let client = http::client(user_agent, destinations);
    Ok(match ca_file {
        Some(path) => client.tls_certs_merge(authorities(path)?),
        None => client,
    })
}

/// The authorities in a file in PEM.
fn authorities(path: &Path) -> Result<Vec<Certificate>, UnusableServer> {
    let pem = fs::read(path).map_err(|error| UnusableServer::CaFile { path: path.to_owned(), error })?;
    let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() {
        return Err(UnusableServer::NoCertificates { path: path.to_owned() });
    }
    Ok(found)
}
