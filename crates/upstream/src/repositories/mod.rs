//! Projects and their repositories: records, branches, and access with git.

mod adopt_repository;
mod branch_changes;
mod branches;
mod create_repository;
mod differences;
mod git_access;
mod projects;
mod purge_repository;
mod push_counts;
mod push_room;
mod records;
mod restore_repository;
mod usage;
mod whole_contents;

pub use adopt_repository::{RepositoryAdoption, RepositoryFaults, UnrecordedRepository};
pub use branch_changes::BranchDeletion;
pub use branches::{Branch, BranchOrder, BranchQuery};
pub use create_repository::RepositoryCreation;
pub use differences::{DifferingPart, RepositoryComparison, RepositoryDifferences};
pub use git_access::PushAccess;
pub use projects::ProjectCreation;
pub(crate) use purge_repository::carry_out_purges;
pub use purge_repository::{MirrorPurge, PurgeProgress};
pub use push_counts::PushCounters;
pub use records::{Repositories, RepositoryChange};
pub use restore_repository::{ReferenceDifference, RepositoryRestoration, RestorationOutcome};
pub use usage::RepositoryUsage;
pub use whole_contents::WholeRepository;
