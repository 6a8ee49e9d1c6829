//! Which repository a git request gets, if any.
//!
//! A repository that does not exist and one that the caller may not read look the same: 401 without valid
//! credentials, 404 with them. Whether a user may read is the upstream's decision; public repositories need
//! none, so they are served even while the upstream is away.

use std::sync::Arc;

use heliostat_auth::{Credentials, GlobalPermission};
use heliostat_git::{FetchScope, ObjectId, Repository};
use heliostat_refusal::Refusal;
use heliostat_storage::MirroredRepository;

use crate::freshness::{Freshness, wait_until_fresh};
use crate::holdings::{Holding, is_available};
use crate::mirror::Mirror;
use crate::pending_changes::PendingChanges;
use crate::verdicts::Verdict;

/// A repository that the caller may read, open.
#[derive(Debug, Clone)]
pub struct ServedRepository {
    /// The repository on disk.
    pub repository: Repository,
    /// What is known about it.
    pub record: Arc<MirroredRepository>,
    /// How fresh it is.
    pub freshness: Freshness,
}

impl Mirror {
    /// Opens a repository. Waits for a synchronisation in flight, up to the cap.
    pub async fn open_for_advertisement(
        &self,
        project_key: &str,
        slug: &str,
        credentials: &Credentials,
    ) -> Result<ServedRepository, Refusal> {
        let holding = self.readable(project_key, slug, credentials).await?;
        let cap = self.options.freshness_cap;
        let (record, freshness) = wait_until_fresh(&holding, cap, || self.client.is_reachable()).await;
        self.serve(&holding, record, freshness).await
    }

    /// Fetches objects that a client wants and that are not here, those objects only.
    pub async fn fetch_missing(
        &self,
        served: &ServedRepository,
        objects: Vec<ObjectId>,
    ) -> Result<(), Refusal> {
        let holding = self.holdings.find(&served.record.external_id).ok_or_else(repository_not_found)?;
        let _fetching = holding.fetching.lock().await;
        self.fetch(&served.repository, &holding, FetchScope::Objects(objects)).await.map_err(|failure| {
            tracing::info!(
                error = failure.in_full(),
                "the upstream does not give objects that a client wants"
            );
            Refusal::not_found("object", "Neither this mirror nor its upstream has that object.")
        })
    }

    /// Where a repository is on the upstream, whether or not it is held here.
    pub fn upstream_repository_url(&self, project_key: &str, slug: &str) -> String {
        self.options.upstream_url.clone_url(project_key, slug)
    }

    async fn readable(
        &self,
        project_key: &str,
        slug: &str,
        credentials: &Credentials,
    ) -> Result<Arc<Holding>, Refusal> {
        let found = self.served_by_path(project_key, slug);
        if let Some(holding) = &found
            && is_public(&holding.record())
        {
            return Ok(Arc::clone(holding));
        }
        if *credentials == Credentials::None {
            return Err(Refusal::unauthenticated(
                "Credentials of the upstream are needed to read this repository.",
            ));
        }
        let Some(holding) = found else {
            self.verdict(credentials, None).await?;
            return Err(repository_not_found());
        };
        let verdict = self.verdict(credentials, Some(&holding.external_id)).await?;
        if may_read(&verdict) { Ok(holding) } else { Err(repository_not_found()) }
    }

    async fn serve(
        &self,
        holding: &Arc<Holding>,
        record: Arc<MirroredRepository>,
        freshness: Freshness,
    ) -> Result<ServedRepository, Refusal> {
        let not_yet = || {
            let upstream_url = self.upstream_repository_url(&record.project_key, &record.slug);
            let message =
                format!("This mirror does not have the repository yet. Until then it is at {upstream_url}.");
            Refusal::unavailable(message)
        };
        if !is_available(&record) {
            return Err(not_yet());
        }
        match self.repositories.open_for_serving(holding.disk_id()).await {
            Ok(repository) => Ok(ServedRepository { repository, record, freshness }),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot open a repository");
                self.request_sync(holding, PendingChanges::Nothing);
                Err(not_yet())
            }
        }
    }

    /// The repository under this path, if it is held and may be served at all.
    pub(crate) fn served_by_path(&self, project_key: &str, slug: &str) -> Option<Arc<Holding>> {
        self.holdings.find_by_path(project_key, slug).filter(|holding| self.is_held(holding))
    }
}

pub(crate) fn may_read(verdict: &Verdict) -> bool {
    verdict.permission.is_some() || verdict.user.global >= Some(GlobalPermission::Admin)
}

pub(crate) fn is_public(record: &MirroredRepository) -> bool {
    record.public || record.project_public
}

pub(crate) fn repository_not_found() -> Refusal {
    Refusal::not_found("repository", "There is no such repository, or you may not read it.")
}
