//! What mirrors have of this server's repositories: links to their copies, and reports of synchronisations.
//!
//! A mirror says which generation it serves now; this server remembers which one it had reported before and what was
//! pushed in between. So a report that was lost is made up for by the next one, one that is repeated tells nothing
//! twice, and a mirror need not be trusted for what changed.

use std::sync::Arc;

use heliostat_auth::Caller;
use heliostat_refusal::Refusal;
use heliostat_storage::{
    Generation, LocalRepositoryId, MirrorOutcome, MirrorServer, MirrorServerStore, Page, PageRequest,
    RepositoryId, RepositoryMirrorState, RepositoryRecords, StoreError, UpstreamStore,
};

use super::mirror_servers::Members;
use crate::calling::{LinkAuthorization, link_to_repository};
use crate::delivery::Announcer;
use crate::origin::{AcceptedReport, Origin, SyncType};
use crate::permit::{Authenticated, ThisMirror};

/// A mirror together with a link to its view of a repository.
#[derive(Debug, Clone)]
pub struct RepositoryMirror {
    /// The mirror.
    pub mirror: MirrorServer,
    /// Opens that one resource to its holder, for a while.
    pub link: String,
    /// The last that it has reported of the repository.
    pub reported: Option<RepositoryMirrorState>,
    /// The newest generation that there is.
    pub newest: Generation,
}

/// How a mirror says that a synchronisation has ended.
#[derive(Debug, Clone)]
pub struct SyncReport {
    /// How it ended.
    pub outcome: MirrorOutcome,
    /// Which repository, as this server calls it.
    pub upstream_repository_id: String,
    /// The same, as the mirror calls it.
    pub mirror_repository_id: Option<i32>,
    /// The generation that the mirror serves now, if it counts them.
    pub generation: Option<i64>,
    /// How it came there, if it says so.
    pub sync_type: Option<SyncType>,
    /// The newest order to remove what no ref leads to that it has carried out, as far as it says so.
    pub purge: Option<i64>,
}

/// The repositories of an origin, as its mirrors have them.
pub struct MirroredRepositories<O> {
    repositories: RepositoryRecords,
    mirrors: MirrorServerStore,
    announcer: Arc<Announcer>,
    members: Arc<Members>,
    origin: Arc<O>,
}

impl<O: Origin> MirroredRepositories<O> {
    pub(crate) fn new(
        store: &UpstreamStore,
        announcer: Arc<Announcer>,
        members: Arc<Members>,
        origin: Arc<O>,
    ) -> Self {
        let (repositories, mirrors) = (store.repositories.clone(), store.mirrors.clone());
        Self { repositories, mirrors, announcer, members, origin }
    }

    /// The mirrors of a repository, each with a link to its view of it. Mirrors that are disabled or cannot be reached are
    /// left out.
    pub async fn mirrors_of(
        &self,
        reader: Authenticated<'_>,
        repository_id: &str,
        authorization: LinkAuthorization,
        page: PageRequest,
    ) -> Result<Page<RepositoryMirror>, Refusal> {
        let caller: &Caller = reader.caller();
        let repository = self.origin.readable_repository(caller, repository_id).await?;
        let now = self.announcer.now_seconds();
        let link = |mirror: &MirrorServer| link_to_repository(mirror, repository.id, authorization, now);
        let mut mirrors = self.mirrors.list_mirrors(page).await?;
        let is_offered = |mirror: &MirrorServer| mirror.enabled && self.members.is_reachable(mirror);
        mirrors.values.retain(|mirror| is_offered(mirror) && link(mirror).is_some());
        let states = self.mirrors.mirror_states_of(repository.id).await?;
        Ok(mirrors.map(|mirror| RepositoryMirror {
            link: link(&mirror).unwrap_or_default(),
            reported: states.iter().find(|state| state.mirror_id == mirror.id).cloned(),
            newest: repository.generation,
            mirror,
        }))
    }

    /// A mirror reports how several synchronisations have ended. Of repositories that do not exist, nothing is to be told.
    pub async fn report_all(&self, mirror: &ThisMirror, reports: &[SyncReport]) -> Result<(), Refusal> {
        for report in reports {
            match self.report(mirror, report).await {
                Err(Refusal::NotFound { .. }) => {}
                reported => reported?,
            }
        }
        Ok(())
    }

    /// A mirror reports how a synchronisation has ended.
    pub async fn report(&self, mirror: &ThisMirror, report: &SyncReport) -> Result<(), Refusal> {
        let unknown = || {
            let message = format!("The repository {} does not exist.", report.upstream_repository_id);
            Refusal::not_found("repository", message)
        };
        let id: RepositoryId = report.upstream_repository_id.parse().map_err(|_| unknown())?;
        let repository = self.repositories.find_repository(id).await?.ok_or_else(unknown)?;
        let reached = report
            .generation
            .map(Generation)
            .filter(|_| report.outcome == MirrorOutcome::Synchronized)
            .filter(|generation| *generation <= repository.generation);
        let purged = report.purge.filter(|number| *number <= repository.purge.number);
        let state = RepositoryMirrorState {
            mirror_id: mirror.id().clone(),
            repository_id: id,
            last_outcome: report.outcome,
            mirror_repository_id: report.mirror_repository_id.map(LocalRepositoryId),
            synced_generation: reached,
            reported_at: self.announcer.now_ms(),
            purged: purged.unwrap_or_default(),
            purged_at: purged.map(|_| self.announcer.now_ms()),
        };
        let make_events = match report.outcome {
            MirrorOutcome::Synchronized => {
                let mirror_id = mirror.id().clone();
                let accepted = AcceptedReport { mirror_id, repository, sync_type: report.sync_type, reached };
                self.origin.events_of_report(accepted).await?
            }
            MirrorOutcome::SynchronizationFailed => None,
        };
        let recorded = self.mirrors.record_mirror_outcome(state, |progress| {
            make_events.map_or_else(Vec::new, |make| make(progress))
        });
        match recorded.await {
            Err(StoreError::NotFound { .. }) => return Err(unknown()),
            result => result?,
        }
        self.announcer.announced();
        Ok(())
    }
}
