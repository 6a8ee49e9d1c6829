//! Operations of mirrors on repositories, by id.

mod get_all_content_hashes;
mod get_content_hash_by_id;
mod get_repository_mirrors;

pub use get_all_content_hashes::get_all_content_hashes;
pub use get_content_hash_by_id::get_content_hash_by_id;
pub use get_repository_mirrors::get_repository_mirrors;
