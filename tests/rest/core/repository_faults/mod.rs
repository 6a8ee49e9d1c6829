//! Repositories without a record, and recorded ones that are not served.

mod adopt_repository;
mod get_repository_faults;
mod restore_repository;

pub const FAULTS: &str = "/rest/api/latest/admin/repository-faults";
