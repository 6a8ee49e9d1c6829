//! How the upstream is doing, as one value for pages and probes.

use heliostat_downstream::DeliveryRecord;
use heliostat_git::DiskRoom;
use heliostat_refusal::Refusal;
use heliostat_storage::{MirrorServer, RequestState};

use crate::changes::{DiskAgreement, ReconciliationStatus};
use crate::permit::Administrator;
use crate::upstream::Upstream;

/// How the upstream is doing.
#[derive(Debug, Clone)]
pub struct UpstreamStatus {
    /// Mirrors that have joined.
    pub mirrors: Vec<MirrorStatus>,
    /// Requests that wait for a decision.
    pub pending_requests: u64,
    /// Users.
    pub users: u64,
    /// Whether records and disk agree.
    pub reconciliation: ReconciliationStatus,
    /// Where records and disk do not agree.
    pub disk: DiskAgreement,
    /// Room on the disk, once it was looked at.
    pub room: Option<DiskRoom>,
}

/// How one mirror is doing, as seen from here.
#[derive(Debug, Clone)]
pub struct MirrorStatus {
    /// The mirror.
    pub mirror: MirrorServer,
    /// Events that it has not taken in yet.
    pub pending_events: u64,
    /// How delivery is going.
    pub delivery: DeliveryRecord,
}

impl Upstream {
    /// How the upstream is doing. It fails when the database does.
    pub async fn status(&self) -> Result<UpstreamStatus, Refusal> {
        let store = &self.0.store;
        let delivery = self.0.downstream.members.delivery();
        let mut mirrors = Vec::new();
        for mirror in store.all_mirrors().await? {
            let pending_events = store.count_pending(&mirror.id).await?;
            let delivery = delivery.record_of(&mirror.id);
            mirrors.push(MirrorStatus { mirror, pending_events, delivery });
        }
        Ok(UpstreamStatus {
            mirrors,
            pending_requests: store.count_requests(Some(RequestState::Pending)).await?,
            users: store.count_users().await?,
            reconciliation: self.0.changes.status(),
            disk: self.disk_agreement(),
            room: self.0.served.engine().room(),
        })
    }

    /// Where records and disk do not agree.
    pub fn disk_agreement(&self) -> DiskAgreement {
        self.0.changes.faults.agreement()
    }

    /// The same, for an administrator who asks: others may not know which mirrors lag.
    pub async fn status_for(&self, _: Administrator<'_>) -> Result<UpstreamStatus, Refusal> {
        self.status().await
    }
}
