//! What the server that is followed does itself: it decides who reads, and tells others what mirrors report.

use heliostat_auth::Caller;
use heliostat_refusal::Refusal;
use heliostat_storage::{Generation, MirrorProgress, MirrorServerId, NewEvent, Repository};

/// How a mirror came to what it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncType {
    /// It fetched only the refs that it was told of.
    Incremental,
    /// It compared all refs.
    Snapshot,
}

impl SyncType {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incremental => "INCREMENTAL",
            Self::Snapshot => "SNAPSHOT",
        }
    }
}

/// A mirror's report of a synchronisation that has succeeded, checked against what is recorded here.
#[derive(Debug, Clone)]
pub struct AcceptedReport {
    /// Who reports.
    pub mirror_id: MirrorServerId,
    /// What was synchronised.
    pub repository: Repository,
    /// How, if the mirror says so.
    pub sync_type: Option<SyncType>,
    /// The generation that the mirror serves now, if it is one that this server has had.
    pub reached: Option<Generation>,
}

/// Makes the events that tell of a report, in the transaction that records it.
pub type MakeEvents = Box<dyn FnOnce(MirrorProgress) -> Vec<NewEvent> + Send>;

/// A server that mirrors follow.
pub trait Origin: Send + Sync + 'static {
    /// The repository with this id, if the caller may read it.
    fn readable_repository(
        &self,
        caller: &Caller,
        id: &str,
    ) -> impl Future<Output = Result<Repository, Refusal>> + Send;

    /// How others learn of a report. `None` if nothing asks for it.
    fn events_of_report(
        &self,
        report: AcceptedReport,
    ) -> impl Future<Output = Result<Option<MakeEvents>, Refusal>> + Send;
}
