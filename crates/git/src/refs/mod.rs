//! The references of a repository: read from disk, kept in memory, changed, and their changes announced.

mod cache;
mod changes;
mod files;
mod layers;
mod load;
mod packed;
mod update;
mod write_head;
mod writers;

pub use cache::DEFAULT_REF_MEMORY_BYTES;
pub(crate) use cache::{Load, RefCache};
pub use changes::RefListener;
pub(crate) use changes::{ChangeUnderWay, SharedRefs};
pub(crate) use files::{
    NotRead, Peeled, Reading, StoredHead, StoredRef, StoredRefs, read_format, read_head, read_refs,
};
pub(crate) use layers::{LARGE_PACKED_BYTES, ReadRefs};
pub(crate) use load::{Known, LookedAt, ask_git_for_head, load_refs, look_at_objects, object_format};
pub(crate) use packed::{NotRewritten, rewrite_packed};
pub(crate) use update::update_refs;
pub use update::{RefUpdate, UpdateRefsError};
pub(crate) use write_head::write_head;
pub(crate) use writers::{OldestWriter, RefWriter, Writers, is_older};
