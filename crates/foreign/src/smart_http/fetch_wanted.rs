//! Objects from a repository of the server: in the quickest way that may do, and by `git` itself where that has not done.

use std::collections::BTreeSet;
use std::time::Duration;

use heliostat_git::{Connection, FetchPlan, Repository, SecretHeader, fetch_objects_after, fetch_wanted};

use super::SmartHttp;
use super::small_fetch::SmallFetch;
use crate::failed_fetch::{failure, not_resolved};
use crate::source::{FetchFailure, KeptBy, Source, WantedObjects};
use crate::{Credentials, Refusal, RepositoryPath};

/// How long the server may be silent. It may have to pack a large repository before it says anything.
pub(super) const STALL_LIMIT: Duration = Duration::from_mins(15);

impl SmartHttp {
    pub(super) async fn fetch_from(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
        into: &Repository,
        wanted: WantedObjects<'_>,
    ) -> Result<(), FetchFailure> {
        match wanted.kept_by {
            KeptBy::OurRefs => {
                let plan = self.plan(path, credentials, wanted).await?;
                fetch_wanted(into, &plan).await.map_err(failure)
            }
            KeptBy::Caller => {
                let shown = into.snapshot().await.map_err(|error| FetchFailure::Here(error.into()))?;
                let is_fetched = if shown.is_empty() {
                    self.fetched_whole(path, credentials, into, wanted).await?
                } else {
                    let little = SmallFetch { into, shown: &shown, objects: wanted.objects };
                    self.fetched_a_little(path, credentials, little).await?
                };
                if is_fetched {
                    return Ok(());
                }
                let plan = self.plan(path, credentials, wanted).await?;
                fetch_objects_after(into, &plan, &shown, &BTreeSet::new()).await.map_err(failure)
            }
        }
    }

    /// What `git` is told.
    async fn plan(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
        wanted: WantedObjects<'_>,
    ) -> Result<FetchPlan, Refusal> {
        let url = self.url_of(&self.found.place_of(path));
        let addresses = self.options.destinations.resolve(&url).await;
        let addresses = addresses.map_err(not_resolved)?;
        let authorization = credentials.header().map(SecretHeader::new).transpose();
        let authorization =
            authorization.map_err(|error| Refusal::Forbidden { said: Some(error.to_string()) })?;
        Ok(FetchPlan {
            url: url.to_string(),
            authorization,
            objects: wanted.objects.clone(),
            timeout: STALL_LIMIT,
            connection: Connection { addresses, ..Connection::default() },
            progress: wanted.progress.cloned().unwrap_or_default(),
        })
    }
}
