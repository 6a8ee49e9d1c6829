//! Operations on repositories and their branches, by project key and slug.

mod create_repository;
mod delete_repository;
mod get_branches;
mod get_default_branch;
mod get_repositories;
mod get_repository;
mod search_repositories;
mod set_default_branch;
mod update_repository;

pub use create_repository::create_repository;
pub use delete_repository::delete_repository;
pub use get_branches::get_branches;
pub use get_default_branch::get_default_branch;
pub use get_repositories::get_repositories;
pub use get_repository::get_repository;
pub use search_repositories::{RepositoryFilterInQuery, search_repositories};
pub use set_default_branch::set_default_branch;
pub use update_repository::update_repository;
