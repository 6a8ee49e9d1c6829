//! What a repository is on disk: where it lies, what it holds, whether it is whole, what was left in it, and
//! where it lies when it is no longer wanted.

mod bare;
mod derived;
mod draft;
mod identity;
mod last_written;
mod left_tips;
mod leftovers;
mod locks;
mod look;
mod make_durable;
mod new_objects;
mod object_info;
mod pack_index;
mod purged;
mod push_turns;
mod reached;
mod recorded_state;
mod recover;
mod ref_window;
mod removals;
mod replica;
mod revisions;
mod store;
mod swap_refs;
mod trash;
mod verify;

pub use bare::Repository;
pub(crate) use bare::Shared;
pub use draft::RepositoryDraft;
pub(crate) use identity::write_identity;
pub use left_tips::LeftTip;
pub use leftovers::{STALE_LOCK_AGE, STALE_TRANSFER_AGE, StaleLocks};
pub(crate) use locks::Locks;
pub(crate) use make_durable::LastSyncs;
pub use new_objects::{NewObject, NewObjects};
pub use pack_index::{CommonIndex, PackIndex};
pub(crate) use push_turns::PushTurn;
pub use reached::Unreached;
pub use recorded_state::RecordedState;
pub use removals::{NoRemoval, Removal};
pub use store::{CreateError, OpenError, RepositoryStore};
pub use swap_refs::SwapRefsError;
pub use trash::{DEFAULT_TRASH_TIME, Origin, TakeBackError, TrashReason, TrashedRepository};
