//! How objects, references and their states are named.

mod content_hash;
mod object_id;
mod ref_change;
mod ref_name;

pub(crate) use content_hash::ContentHasher;
pub use content_hash::{ContentHash, InvalidContentHash};
pub use object_id::{InvalidObjectId, ObjectFormat, ObjectId, lines_of};
pub use ref_change::{RefChange, RefChangeKind};
pub use ref_name::{INTERNAL_NAMESPACE, InvalidRefName, RefName, fault_of};
