//! What an upstream remembers of projects and their repositories: what each is, who sees it, and what others compare.

mod comparison;
mod ids;
mod projects;
mod purges;
mod records;
mod searches;
mod visibility;

pub(super) use records::with_repositories;

use crate::database::Database;

/// Projects, their repositories, and the changes of their refs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RepositoryRecords {
    pub(super) database: Database,
}
