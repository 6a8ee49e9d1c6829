//! What a repository is on disk: where it lies, what it holds, whether it is whole, and what was left in it.

mod bare;
mod draft;
mod leftovers;
mod new_objects;
mod object_info;
mod pack_index;
mod ref_locks;
mod revisions;
mod store;
mod swap_refs;
mod verify;

pub use bare::Repository;
pub(crate) use bare::Shared;
pub use draft::RepositoryDraft;
pub(crate) use leftovers::remove_keep_files_of_transfers;
pub use leftovers::{STALE_LOCK_AGE, STALE_TRANSFER_AGE, remove_stale_transfers};
pub use new_objects::{NewObject, NewObjects};
pub use pack_index::{CommonIndex, PackIndex};
pub(crate) use ref_locks::RepositoryLocks;
pub use store::{CreateError, OpenError, RepositoryStore};
pub use swap_refs::SwapRefsError;
