//! What a repository is on disk: where it lies, what it holds, whether it is whole, and what was left in it.

mod bare;
mod leftovers;
mod make_durable;
mod new_objects;
mod object_info;
mod pack_index;
mod ref_locks;
mod revisions;
mod store;
mod verify;

pub use bare::Repository;
pub(crate) use bare::Shared;
pub(crate) use leftovers::{STAGING_NAMESPACE, clear_staging, remove_keep_files_of_transfers};
pub use leftovers::{STALE_LOCK_AGE, STALE_TRANSFER_AGE, remove_stale_transfers};
pub(crate) use make_durable::LastSyncs;
pub use new_objects::{NewObject, NewObjects};
pub use pack_index::{CommonIndex, PackIndex};
pub(crate) use ref_locks::RefLocks;
pub use store::{CreateError, OpenError, RepositoryStore};
