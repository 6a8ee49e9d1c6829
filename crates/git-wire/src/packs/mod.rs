//! What a pack holds: written, read and judged in memory, for repositories and changes that are small.
//!
//! Large packs are `git`'s business. A process costs more than all that is done here to a few hundred objects, and a
//! first synchronisation has thousands of such repositories before it. Whatever is not plainly in order is refused
//! with a [`PackFault`], and left to `git` to judge.

mod content;
mod deltas;
mod links;
mod objects;
mod pack_writer;
mod thin_pack;
mod whole_pack;
mod zlib;

pub use content::{
    CommitLinks, TreeEntry, TreeEntryKind, commit_links, object_name, tag_target, tree_entries,
};
pub use objects::ObjectKind;
pub use pack_writer::PackWriter;
pub use thin_pack::{PackEntry, PackedObject, apply_delta, read_pack};
pub use whole_pack::{MAX_INFLATED_BYTES, MAX_OBJECTS, PackFault, WholePack};
