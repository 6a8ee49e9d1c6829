//! Where records and disk do not agree: recorded repositories that must not be served, and repositories without a record.
//!
//! What is found is told loudly (log, `/status`, metrics, page), and what is damaged is answered with 503 rather than
//! served as if it were whole. Nothing here changes a repository: an administrator decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use heliostat_refusal::Refusal;
use heliostat_storage::{Repository, RepositoryId};
use parking_lot::Mutex;

/// Why a repository that is recorded is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryFault {
    /// Nothing is on disk in its place.
    Missing,
    /// What is on disk in its place says that it is another repository.
    OtherRepository {
        /// The identity of what is there.
        on_disk: String,
    },
    /// What is on disk is damaged.
    Damaged {
        /// What was found.
        detail: String,
    },
}

/// What was found, as `/status`, metrics and pages show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskAgreement {
    /// Recorded repositories that are not served.
    pub unserved: BTreeMap<RepositoryId, RepositoryFault>,
    /// Numbers of repositories on disk that no record knows.
    pub unrecorded: BTreeSet<u64>,
}

/// How long it takes until a repository that was found damaged is looked into again. Most damage shows at a cheap look;
/// only when that finds nothing is all of it read.
const DAMAGE_RECHECK: Duration = Duration::from_secs(10);

/// The memory of what was found; one per process.
#[derive(Default)]
pub(crate) struct Faults {
    found: Mutex<DiskAgreement>,
    /// When damage was last looked for.
    checked: Mutex<BTreeMap<RepositoryId, Instant>>,
}

impl Faults {
    /// Notes why a repository is not served from now on, and says so in the log the first time.
    pub(crate) fn note(&self, id: RepositoryId, fault: RepositoryFault) {
        let mut found = self.found.lock();
        if found.unserved.get(&id) == Some(&fault) {
            return;
        }
        tracing::error!(
            repository.id = %id, fault = %fault,
            "a repository is not served until an administrator has restored it: \
             heliostat repository restore PROJECT/REPOSITORY --from-mirror NAME"
        );
        found.unserved.insert(id, fault);
    }

    /// Whether this repository is known not to be served.
    pub(crate) fn is_noted(&self, id: RepositoryId) -> bool {
        self.found.lock().unserved.contains_key(&id)
    }

    /// What was found damaged in a repository, and whether it is time to look whether that is over.
    pub(crate) fn damage(&self, id: RepositoryId) -> Option<(RepositoryFault, bool)> {
        let fault = self.found.lock().unserved.get(&id).cloned()?;
        if !matches!(fault, RepositoryFault::Damaged { .. }) {
            return None;
        }
        Some((fault, self.is_due(id)))
    }

    /// Whether it is time to read all of a repository because something looks like damage.
    pub(crate) fn may_examine(&self, id: RepositoryId) -> bool {
        self.is_due(id) && !self.is_noted(id)
    }

    /// Whether damage was not looked for lately. Then the caller does.
    fn is_due(&self, id: RepositoryId) -> bool {
        let mut checked = self.checked.lock();
        let is_due = checked.get(&id).is_none_or(|at| at.elapsed() >= DAMAGE_RECHECK);
        if is_due {
            checked.insert(id, Instant::now());
        }
        is_due
    }

    /// Notes that a repository is whole, or gone with its record.
    pub(crate) fn clear(&self, id: RepositoryId) {
        self.checked.lock().remove(&id);
        if self.found.lock().unserved.remove(&id).is_some() {
            tracing::info!(repository.id = %id, "the repository is served again");
        }
    }

    /// Notes which repositories on disk have no record.
    pub(crate) fn set_unrecorded(&self, numbers: BTreeSet<u64>) {
        let mut found = self.found.lock();
        if !numbers.is_empty() && numbers != found.unrecorded {
            tracing::error!(
                count = numbers.len(), numbers = ?numbers.iter().take(MAX_NUMBERS_LOGGED).collect::<Vec<_>>(),
                "repositories on disk have no record, as after a restore of an older database: nothing deletes them, and \
                 heliostat repository adopt takes them over"
            );
        }
        found.unrecorded = numbers;
    }

    /// Notes that a repository has a record now.
    pub(crate) fn recorded(&self, number: u64) {
        self.found.lock().unrecorded.remove(&number);
    }

    /// Everything that was found.
    pub(crate) fn agreement(&self) -> DiskAgreement {
        self.found.lock().clone()
    }

    /// Refuses a repository that must not be served.
    pub(crate) fn refuse_unserved(&self, repository: &Repository) -> Result<(), Refusal> {
        match self.found.lock().unserved.get(&repository.id) {
            None => Ok(()),
            Some(fault) => Err(fault.refusal(repository)),
        }
    }
}

/// How many numbers one line of the log names.
const MAX_NUMBERS_LOGGED: usize = 20;

impl RepositoryFault {
    /// What callers are told, and what administrators can do.
    pub(crate) fn refusal(&self, repository: &Repository) -> Refusal {
        let path = format!("{}/{}", repository.project.key, repository.slug);
        Refusal::unavailable(format!(
            "The repository {path} cannot be served: {self}. An administrator can bring back what a mirror has: \
             heliostat repository restore {path} --from-mirror NAME."
        ))
    }
}

impl std::fmt::Display for RepositoryFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("it is recorded, and nothing is on the server's disk in its place"),
            Self::OtherRepository { .. } => {
                f.write_str("what is on the server's disk in its place is another repository")
            }
            // The detail may hold paths: it is for the log and for administrators.
            Self::Damaged { .. } => f.write_str("it is damaged on the server's disk"),
        }
    }
}
