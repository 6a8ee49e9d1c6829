//! Repositories as mirrors see them.

mod get_all_content_hashes;
mod get_content_hash_by_id;
mod get_repository_mirrors;
