//! Repositories, their branches and their default branch.

mod create_repository;
mod delete_repository;
mod get_branches;
mod get_default_branch;
mod get_repositories;
mod get_repository;
mod search_repositories;
mod set_default_branch;
mod update_repository;
