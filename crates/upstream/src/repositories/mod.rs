//! Projects and their repositories: records, branches, and access with git.

mod branch_changes;
mod branches;
mod git_access;
mod projects;
mod records;

pub use branch_changes::BranchDeletion;
pub use branches::{Branch, BranchOrder, BranchQuery};
pub use git_access::PushAccess;
pub use projects::ProjectCreation;
pub use records::{Repositories, RepositoryChange, RepositoryCreation};
