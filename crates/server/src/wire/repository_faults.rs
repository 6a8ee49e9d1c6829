//! Where records and disk do not agree, in the words of the contract.

use heliostat_api::models::{
    RepositoryFaultKind, RestReferenceDifference, RestRepositoryFaults, RestRepositoryRestoration,
    RestUnrecordedRepository, RestUnservedRepository,
};
use heliostat_storage::Repository;
use heliostat_upstream::{
    ReferenceDifference, RepositoryFault, RepositoryFaults, RestorationOutcome, UnrecordedRepository,
};

use super::UpstreamWire;

impl UpstreamWire {
    /// Everything that was found.
    pub fn repository_faults(&self, faults: &RepositoryFaults) -> RestRepositoryFaults {
        RestRepositoryFaults {
            unserved: faults
                .unserved
                .iter()
                .map(|(repository, fault)| self.unserved_repository(repository, fault))
                .collect(),
            unserved_count: count(faults.unserved_count),
            unrecorded: faults.unrecorded.iter().map(unrecorded_repository).collect(),
            unrecorded_count: count(faults.unrecorded_count),
            complete: faults.complete,
        }
    }

    /// What a mirror has of a repository.
    pub fn repository_restoration(&self, outcome: &RestorationOutcome) -> RestRepositoryRestoration {
        let difference = |difference: &ReferenceDifference| RestReferenceDifference {
            ref_id: difference.name.clone(),
            here: difference.here.clone(),
            at_mirror: difference.at_mirror.clone(),
        };
        RestRepositoryRestoration {
            restored: outcome.restored,
            content_hash: outcome.content_hash.clone(),
            recorded_content_hash: outcome.recorded_hash.clone(),
            here_is_readable: outcome.here_is_readable,
            differences: outcome.differences.iter().map(difference).collect(),
            difference_count: count(outcome.difference_count),
        }
    }

    fn unserved_repository(
        &self,
        repository: &Repository,
        fault: &RepositoryFault,
    ) -> RestUnservedRepository {
        RestUnservedRepository {
            repository: self.repository(repository),
            fault: match fault {
                RepositoryFault::Missing => RepositoryFaultKind::Missing,
                RepositoryFault::OtherRepository { .. } => RepositoryFaultKind::OtherRepository,
                RepositoryFault::Older { .. } => RepositoryFaultKind::Older,
                RepositoryFault::Damaged { .. } => RepositoryFaultKind::Damaged,
            },
            message: fault.to_string(),
        }
    }
}

fn unrecorded_repository(found: &UnrecordedRepository) -> RestUnrecordedRepository {
    let branch = found.default_branch.as_deref();
    RestUnrecordedRepository {
        number: i64::try_from(found.number).unwrap_or(i64::MAX),
        identity: found.identity.clone(),
        default_branch: branch.map(|name| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()),
        references: found.references.map(count),
    }
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
