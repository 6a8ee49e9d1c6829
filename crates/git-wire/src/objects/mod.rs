//! What objects are made of: packs of them, deltas between them, and what leads from one to others.

mod content;
mod delta;
mod inflate;
mod pack;

pub use content::{
    CommitLinks, TreeEntry, TreeEntryKind, commit_links, may_harm, object_name, tag_target, tree_entries,
};
pub use delta::apply_delta;
pub use pack::{InvalidPack, ObjectKind, PackEntry, PackedObject, read_pack};
