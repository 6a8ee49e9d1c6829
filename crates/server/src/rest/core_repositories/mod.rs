//! Operations on repositories and their branches, by project key and slug.

mod create_branch;
mod create_branch_for_repository;
mod create_repository;
mod delete_branch;
mod delete_repository;
mod get_branches;
mod get_default_branch;
mod get_default_branch_with_tip;
mod get_repositories;
mod get_repository;
mod search_repositories;
mod set_default_branch;
mod set_default_branch_at_former_path;
mod update_repository;

pub use create_branch::create_branch;
pub use create_branch_for_repository::create_branch_for_repository;
pub use create_repository::create_repository;
pub use delete_branch::delete_branch;
pub use delete_repository::delete_repository;
pub use get_branches::{BranchesInQuery, get_branches};
pub use get_default_branch::get_default_branch;
pub use get_default_branch_with_tip::get_default_branch_with_tip;
pub use get_repositories::get_repositories;
pub use get_repository::get_repository;
pub use search_repositories::{RepositoryFilterInQuery, search_repositories};
pub use set_default_branch::set_default_branch;
pub use set_default_branch_at_former_path::set_default_branch_at_former_path;
pub use update_repository::update_repository;
