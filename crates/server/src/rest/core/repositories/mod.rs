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
mod get_repository_purge;
mod get_repository_usage;
mod purge_repository;
mod search_repositories;
mod set_default_branch;
mod update_repository;
