//! The references of a repository at one moment, and the lists of them that clients see.

mod advertisement;
mod legacy_list;
mod ls_refs;
mod push_advertisement;
mod ref_moves;
mod ref_runs;
mod remote_list;
mod rendered_lists;
mod room;
mod snapshot;
mod snapshot_ref;

pub use advertisement::{LegacyVersion, advertisement};
pub use legacy_list::read_legacy_list;
pub use ls_refs::LsRefs;
pub use push_advertisement::push_advertisement;
pub use ref_moves::{RefMove, RefStep};
pub use ref_runs::RefChangedTo;
pub(crate) use ref_runs::RefRuns;
pub use remote_list::{RemoteCapabilities, RemoteListError};
pub(crate) use rendered_lists::{ListForm, RenderedLists};
pub use room::{MAX_LISTED_REFS, MAX_REF_LIST_BYTES, RefRoom};
pub use snapshot::{Advertised, AdvertisedRef, Head, PeeledObject, RefSnapshot};
pub use snapshot_ref::{PeelInfo, SnapshotRef};
