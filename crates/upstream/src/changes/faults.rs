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
    /// The references on disk are those of an earlier state than the recorded one.
    Older {
        /// The generation of the state on disk.
        on_disk: i64,
        /// The recorded generation.
        recorded: i64,
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

/// All of a repository is not read once more for so many times as long as that took.
const EXAMINATION_PAUSE: u32 = 20;

/// And is not put off for longer, however long it took.
const MAX_EXAMINATION_PAUSE: Duration = Duration::from_mins(10);

/// A look at a repository that has begun. What it finds is about what is there now, and not about what may have taken its
/// place by the time it is found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(super) id: RepositoryId,
    /// How often the repository had been replaced.
    replacements: u64,
}

/// The memory of what was found; one per process.
#[derive(Default)]
pub(crate) struct Faults {
    found: Mutex<DiskAgreement>,
    /// How often repositories were replaced.
    replacements: Mutex<BTreeMap<RepositoryId, u64>>,
    /// When those may be read as a whole again at which something looked like damage.
    next_examinations: Mutex<BTreeMap<RepositoryId, Instant>>,
}

impl Faults {
    /// Begins a look at a repository.
    pub(crate) fn begin_look(&self, id: RepositoryId) -> Look {
        Look { id, replacements: self.replacements_of(id) }
    }

    /// Notes why a repository is not served from now on, and says so in the log the first time.
    pub(crate) fn note(&self, look: Look, recorded: &Repository, fault: RepositoryFault) {
        let id = look.id;
        let mut found = self.found.lock();
        if found.unserved.get(&id) == Some(&fault) || look.replacements != self.replacements_of(id) {
            return;
        }
        let path = path_of(recorded);
        tracing::error!(
            repository.id = id.0, repository.path = path, fault = %fault,
            "a repository is not served until an administrator has restored it: \
             heliostat repository restore {path} --from-mirror NAME"
        );
        found.unserved.insert(id, fault);
    }

    /// Whether this repository is known not to be served.
    pub(crate) fn is_noted(&self, id: RepositoryId) -> bool {
        self.found.lock().unserved.contains_key(&id)
    }

    /// What was found damaged in a repository.
    pub(crate) fn damage(&self, id: RepositoryId) -> Option<RepositoryFault> {
        let fault = self.found.lock().unserved.get(&id).cloned()?;
        matches!(fault, RepositoryFault::Damaged { .. }).then_some(fault)
    }

    /// Whether it is time to read all of a repository, perhaps once more.
    pub(crate) fn may_examine(&self, id: RepositoryId) -> bool {
        self.next_examinations.lock().get(&id).is_none_or(|next| *next <= Instant::now())
    }

    /// Notes that all of a repository was read.
    pub(crate) fn examined(&self, id: RepositoryId, took: Duration) {
        let pause = took.saturating_mul(EXAMINATION_PAUSE).min(MAX_EXAMINATION_PAUSE);
        self.next_examinations.lock().insert(id, Instant::now() + pause);
    }

    /// Forgets a repository that is gone with its record.
    pub(crate) fn forget(&self, id: RepositoryId) {
        self.next_examinations.lock().remove(&id);
        self.clear(id);
    }

    /// Notes that a whole repository has taken the place of what was there.
    pub(crate) fn replaced(&self, id: RepositoryId) {
        *self.replacements.lock().entry(id).or_default() += 1;
        // After that: a task that is about to note something has noted it by now, or does not any more.
        self.clear(id);
    }

    fn replacements_of(&self, id: RepositoryId) -> u64 {
        self.replacements.lock().get(&id).copied().unwrap_or_default()
    }

    /// Notes that nothing is wrong with a repository.
    pub(crate) fn clear(&self, id: RepositoryId) {
        if self.found.lock().unserved.remove(&id).is_some() {
            tracing::info!(repository.id = id.0, "the repository is served again");
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
        let path = path_of(repository);
        Refusal::unavailable(format!(
            "The repository {path} cannot be served: {self}. An administrator can bring back what a mirror has: \
             heliostat repository restore {path} --from-mirror NAME."
        ))
    }
}

/// The name by which administrators restore a repository.
fn path_of(repository: &Repository) -> String {
    format!("{}/{}", repository.project.key, repository.slug)
}

impl std::fmt::Display for RepositoryFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("it is recorded, and nothing is on the server's disk in its place"),
            Self::OtherRepository { .. } => {
                f.write_str("what is on the server's disk in its place is another repository")
            }
            Self::Older { on_disk, recorded } => write!(
                f,
                "what is on the server's disk is its state of generation {on_disk}, and generation {recorded} is recorded, \
                 as after repositories were put back from an older backup"
            ),
            // The detail may hold paths: it is for the log and for administrators.
            Self::Damaged { .. } => f.write_str("it is damaged on the server's disk"),
        }
    }
}
