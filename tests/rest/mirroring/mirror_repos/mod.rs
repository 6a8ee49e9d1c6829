//! Repositories of a mirror, by the upstream's ids.

mod get_delayed_sync_repositories;
mod get_mirrored_repository_1;
mod wait_for_repository_1;
