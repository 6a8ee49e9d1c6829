//! What REST clients and the console ask about: upstreams and held repositories.

use std::sync::Arc;

use heliostat_auth::{Caller, Credentials};
use heliostat_refusal::Refusal;
use heliostat_storage::{MirroredRepository, UpstreamServer, UpstreamState};

use crate::git_access::{may_read, repository_not_found};
use crate::holdings::is_available;
use crate::mirror::Mirror;
use crate::upstream_identity::UpstreamUrl;

/// A held repository as clients see it.
#[derive(Debug, Clone)]
pub struct MirroredRepositoryView {
    /// What is known about it.
    pub record: Arc<MirroredRepository>,
    /// Whether it can be cloned from this mirror now.
    pub available: bool,
    /// Where it is cloned from this mirror over HTTP.
    pub clone_url: String,
    /// Where it is pushed to over HTTP: the upstream.
    pub push_url: String,
}

impl Mirror {
    /// The upstreams that this mirror follows.
    pub fn upstream_servers(&self) -> Vec<Arc<UpstreamServer>> {
        vec![self.bond.upstream()]
    }

    /// The upstream with this id.
    pub fn upstream_server(&self, upstream_id: &str) -> Result<Arc<UpstreamServer>, Refusal> {
        self.require_upstream(upstream_id)?;
        Ok(self.bond.upstream())
    }

    /// The id of the upstream that this mirror follows, for callers who do not name it.
    pub fn followed_upstream(&self) -> Result<&str, Refusal> {
        match self.bond.state() {
            UpstreamState::Removed => Err(Refusal::not_found(
                "upstream server",
                "This mirror follows no upstream: the one that it followed has removed it.",
            )),
            _ => Ok(self.upstream_id.as_str()),
        }
    }

    /// A held repository by the upstream's id. The upstream sees every one, a signed link counts as the
    /// upstream for the one it was made for, and users see what they may read.
    pub async fn mirrored_repository(
        &self,
        upstream_id: &str,
        external_id: &str,
        caller: &Caller,
        credentials: &Credentials,
    ) -> Result<MirroredRepositoryView, Refusal> {
        self.require_upstream(upstream_id)?;
        let found = self.holdings.find(external_id).filter(|holding| self.is_held(holding));
        match caller {
            Caller::Upstream { .. } => {}
            Caller::User(_) | Caller::LimitedUser { .. } if found.is_some() => {
                let verdict = self.verdict(credentials, Some(external_id)).await?;
                if !may_read(&verdict) {
                    return Err(repository_not_found());
                }
            }
            Caller::User(_) | Caller::LimitedUser { .. } => {}
            Caller::Anonymous | Caller::Mirror { .. } => {
                return Err(Refusal::unauthenticated(
                    "This needs a link signed by the upstream, or the credentials of a user who may read the repository.",
                ));
            }
        }
        let holding = found.ok_or_else(repository_not_found)?;
        Ok(self.view(holding.record()))
    }

    /// Everything that is held and may be served, in the order of local ids.
    pub fn held_repositories(&self) -> Vec<MirroredRepositoryView> {
        let held = self.holdings.all().into_iter().filter(|holding| self.is_held(holding));
        let mut records: Vec<_> = held.map(|holding| holding.record()).collect();
        records.sort_unstable_by_key(|record| record.local_id);
        records.into_iter().map(|record| self.view(record)).collect()
    }

    /// Synchronises a held repository now, for an administrator who asks for it.
    pub fn resynchronise(&self, upstream_id: &str, external_id: &str) -> Result<(), Refusal> {
        self.require_upstream(upstream_id)?;
        let found = self.holdings.find(external_id).filter(|holding| self.is_held(holding));
        let holding = found.ok_or_else(repository_not_found)?;
        self.request_sync(&holding, crate::pending_changes::PendingChanges::Snapshot);
        Ok(())
    }

    fn view(&self, record: Arc<MirroredRepository>) -> MirroredRepositoryView {
        let path = UpstreamUrl::clone_path(&record.project_key, &record.slug);
        MirroredRepositoryView {
            available: is_available(&record),
            clone_url: format!("{}{path}", self.options.base_url),
            push_url: format!("{}{path}", self.options.upstream_url),
            record,
        }
    }

    /// Refuses every id but that of the upstream that is followed.
    pub fn require_upstream(&self, upstream_id: &str) -> Result<(), Refusal> {
        if upstream_id.eq_ignore_ascii_case(self.upstream_id.as_str()) {
            return Ok(());
        }
        Err(Refusal::not_found("upstream server", "This mirror does not follow an upstream with that id."))
    }
}
