//! What people look at when a mirror does not do what they expect.

mod get_out_of_sync_repositories;
mod get_ref_changes_queue;
mod get_ref_changes_queue_count;
mod get_repo_sync_status;
mod get_repo_sync_status_1;
mod get_repository_lock_owner;
mod get_repository_lock_owners;

pub use get_out_of_sync_repositories::get_out_of_sync_repositories;
pub use get_ref_changes_queue::get_ref_changes_queue;
pub use get_ref_changes_queue_count::get_ref_changes_queue_count;
pub use get_repo_sync_status::get_repo_sync_status;
pub use get_repo_sync_status_1::get_repo_sync_status_1;
pub use get_repository_lock_owner::get_repository_lock_owner;
pub use get_repository_lock_owners::get_repository_lock_owners;
