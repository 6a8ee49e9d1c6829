//! What people look at when a mirror does not do what they expect.

mod get_out_of_sync_repositories;
mod get_ref_changes_queue;
mod get_ref_changes_queue_count;
mod get_repo_sync_status;
mod get_repo_sync_status_1;
mod get_repository_lock_owner;
mod get_repository_lock_owners;
