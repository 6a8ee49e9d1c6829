//! How the upstream is doing, as one value for pages and probes.

use heliostat_downstream::MirrorStanding;
use heliostat_git::DiskRoom;
use heliostat_refusal::Refusal;
use heliostat_storage::{MirrorServer, RepositoryId, RequestState, UpstreamHoldings, WaitingForWebhooks};

use crate::changes::{DiskAgreement, ReconciliationStatus, disk_id};
use crate::following::FollowingStatus;
use crate::upstream::Upstream;

/// How the upstream is doing.
#[derive(Debug, Clone)]
pub struct UpstreamStatus {
    /// Requests that wait for a decision.
    pub pending_requests: u64,
    /// Users.
    pub users: u64,
    /// Whether records and disk agree.
    pub reconciliation: ReconciliationStatus,
    /// Where records and disk do not agree.
    pub disk: DiskAgreement,
    /// Mirrors that are followed by two processes at the same time.
    pub doubled_mirrors: usize,
    /// Mirrors that have joined.
    pub mirrors: usize,
    /// Those of them that were not heard of, or take no events.
    pub unreachable_mirrors: usize,
    /// Whether another process sends events to mirrors in the name of this server.
    pub runs_twice: bool,
    /// How it goes with repositories that follow one of another server.
    pub following: FollowingStatus,
    /// Room on the disk, once it was looked at.
    pub room: Option<DiskRoom>,
}

/// How much there is at an upstream, and what waits.
#[derive(Debug, Clone, Copy, Default)]
pub struct UpstreamCounts {
    /// Projects, repositories, users and webhooks.
    pub holdings: UpstreamHoldings,
    /// Requests to join that wait for a decision.
    pub pending_requests: u64,
    /// Events that no webhook has taken in yet.
    pub webhooks: WaitingForWebhooks,
    /// For how long the oldest of these has waited, in milliseconds.
    pub webhook_lag_ms: Option<i64>,
}

impl Upstream {
    /// How the upstream is doing. It fails when the database does.
    pub async fn status(&self) -> Result<UpstreamStatus, Refusal> {
        let store = &self.0.store;
        let (mirrors, unreachable_mirrors) = self.0.downstream.members.unreachable().await?;
        Ok(UpstreamStatus {
            mirrors,
            unreachable_mirrors,
            pending_requests: store.mirrors.count_requests(Some(RequestState::Pending)).await?,
            users: store.accounts.count_users().await?,
            reconciliation: self.0.changes.status(),
            disk: self.disk_agreement(),
            doubled_mirrors: self.0.downstream.members.doubled_mirrors(),
            runs_twice: self.0.downstream.members.runs_twice(),
            following: self.0.followings.status(),
            room: self.0.served.engine().room(),
        })
    }

    /// How the mirrors that follow this upstream stand. It fails when the database does.
    pub async fn mirror_standings(&self) -> Result<Vec<(MirrorServer, MirrorStanding)>, Refusal> {
        self.0.downstream.members.standings().await
    }

    /// How much there is, and what waits. It fails when the database does.
    pub async fn counts(&self) -> Result<UpstreamCounts, Refusal> {
        let store = &self.0.store;
        let webhooks = store.webhooks.count_waiting().await?;
        Ok(UpstreamCounts {
            holdings: store.holdings().await?,
            pending_requests: store.mirrors.count_requests(Some(RequestState::Pending)).await?,
            webhooks,
            webhook_lag_ms: webhooks.oldest_at.map(|at| self.now_ms().saturating_sub(at).max(0)),
        })
    }

    /// The project key and the slug of repositories by their numbers on disk, for the operator of the server. It fails when
    /// the database does.
    pub async fn paths_on_disk(&self, numbers: &[u64]) -> Result<Vec<(u64, String, String)>, Refusal> {
        let ids = numbers.iter().filter_map(|number| i32::try_from(*number).ok().map(RepositoryId));
        let paths = self.0.store.repositories.repository_paths(&ids.collect::<Vec<_>>()).await?;
        Ok(paths.into_iter().map(|(id, key, slug)| (disk_id(id), key, slug)).collect())
    }

    /// Where records and disk do not agree.
    pub fn disk_agreement(&self) -> DiskAgreement {
        self.0.changes.faults.agreement()
    }
}
