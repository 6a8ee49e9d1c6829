//! What a mirror answers about its repositories, by the upstream's ids.

mod get_delayed_sync_repositories;
