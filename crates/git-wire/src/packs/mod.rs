//! What a pack holds: written, read and judged whole in memory, for repositories that are small.
//!
//! Large packs are `git`'s business. A process costs more than all that is done here to a few hundred objects, and a
//! first synchronisation has thousands of such repositories before it. Whatever is not plainly in order is refused
//! with a [`PackFault`], and left to `git` to judge.

mod deltas;
mod links;
mod objects;
mod pack_writer;
mod whole_pack;
mod zlib;

pub use pack_writer::PackWriter;
pub use whole_pack::{MAX_INFLATED_BYTES, MAX_OBJECTS, PackFault, WholePack};
