//! What a mirror answers about its repositories, by the upstream's ids.

mod get_delayed_sync_repositories;
mod get_mirrored_repository_1;

pub use get_delayed_sync_repositories::get_delayed_sync_repositories;
pub use get_mirrored_repository_1::get_mirrored_repository_1;
