//! Which repository a git request gets, if any.
//!
//! A repository that does not exist and one that the caller may not read look the same: 401 without valid
//! credentials, 404 with them. Whether a user may read is the upstream's decision; public repositories need
//! none, so they are served even while the upstream is away.

use std::sync::Arc;
use std::time::Duration;

use heliostat_auth::Credentials;
use heliostat_git::ObjectId;
use heliostat_git_serve::ServedRepositories;
use heliostat_refusal::Refusal;
use heliostat_storage::MirroredRepository;

use super::freshness::{Freshness, wait_until_fresh};
use crate::access::AccessDecisions;
use crate::access::permit::{self, Reader};
use crate::inventory::{Entry, Inventory, is_available};
use crate::sync::{PendingChanges, SyncQueue, Synchroniser};
use crate::upstream_link::{UpstreamClient, UpstreamLink};

/// A repository that the caller may read, open.
#[derive(Debug, Clone)]
pub struct ServedRepository {
    /// The repository on disk.
    pub repository: heliostat_git_serve::ServedRepository,
    /// What is known about it.
    pub record: Arc<MirroredRepository>,
    /// How fresh it is.
    pub freshness: Freshness,
}

/// Opens repositories for those who may read them.
pub struct GitServing {
    pub(crate) freshness_cap: Duration,
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) client: UpstreamClient,
    pub(crate) decisions: Arc<AccessDecisions>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) served: ServedRepositories,
    pub(crate) queue: Arc<SyncQueue>,
    pub(crate) synchroniser: Arc<Synchroniser>,
}

impl GitServing {
    /// Opens a repository. Waits for a synchronisation in flight, up to the cap.
    pub async fn open(
        &self,
        project_key: &str,
        slug: &str,
        credentials: &Credentials,
    ) -> Result<ServedRepository, Refusal> {
        let found = self.inventory.find_mirrored_by_path(project_key, slug);
        let (entry, reader) = self.permit(found, credentials).await?;
        self.open_entry(&entry, &reader).await
    }

    /// Fetches objects that a client wants and that are not here, those objects only.
    pub async fn fetch_missing(
        &self,
        served: &ServedRepository,
        objects: Vec<ObjectId>,
    ) -> Result<(), Refusal> {
        let found = self.inventory.find(&served.record.external_id);
        let entry = found.ok_or_else(permit::repository_not_found)?;
        let _fetching = entry.fetching.lock().await;
        let repository = &served.repository.repository;
        let fetched =
            self.synchroniser.fetch_objects(repository, &entry, objects.into_iter().collect()).await;
        fetched.map_err(|failure| {
            tracing::info!(
                error = failure.in_full(),
                "the upstream does not give objects that a client wants"
            );
            Refusal::not_found("object", "Neither this mirror nor its upstream has that object.")
        })
    }

    /// Where a repository is on the upstream, whether or not it is mirrored.
    pub fn upstream_url(&self, project_key: &str, slug: &str) -> String {
        self.link.url().clone_url(project_key, slug)
    }

    async fn permit(
        &self,
        found: Option<Arc<Entry>>,
        credentials: &Credentials,
    ) -> Result<(Arc<Entry>, Reader), Refusal> {
        if let Some(entry) = &found
            && let Some(reader) = permit::read_public(&entry.record())
        {
            return Ok((Arc::clone(entry), reader));
        }
        if *credentials == Credentials::None {
            return Err(Refusal::unauthenticated(
                "Credentials of the upstream are needed to read this repository.",
            ));
        }
        let Some(entry) = found else {
            self.decisions.decide(credentials, None).await?;
            return Err(permit::repository_not_found());
        };
        let record = entry.record();
        let decision = self.decisions.decide(credentials, permit::id_to_decide_by(&record)).await?;
        let reader = permit::read(record, &decision)?;
        Ok((entry, reader))
    }

    async fn open_entry(&self, entry: &Arc<Entry>, _: &Reader) -> Result<ServedRepository, Refusal> {
        let reachable = || self.client.is_reachable();
        let (record, freshness) = wait_until_fresh(entry, &self.queue, self.freshness_cap, reachable).await;
        let not_yet = || {
            let upstream_url = self.upstream_url(&record.project_key, &record.slug);
            let message =
                format!("This mirror does not have the repository yet. Until then it is at {upstream_url}.");
            Refusal::unavailable(message)
        };
        if !is_available(&record) {
            return Err(not_yet());
        }
        match self.served.open(entry.disk_id()).await {
            Ok(repository) => Ok(ServedRepository { repository, record, freshness }),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot open a repository");
                self.queue.request(entry, PendingChanges::Nothing);
                Err(not_yet())
            }
        }
    }
}
