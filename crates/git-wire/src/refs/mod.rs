//! The references of a repository at one moment, and the lists of them that clients see.

mod advertisement;
mod ls_refs;
mod push_advertisement;
mod ref_moves;
mod remote_list;
mod rendered_lists;
mod room;
mod snapshot;

pub use advertisement::{LegacyVersion, advertisement};
pub use ls_refs::LsRefs;
pub use push_advertisement::push_advertisement;
pub use ref_moves::{RefMove, RefStep};
pub use remote_list::{RemoteCapabilities, RemoteListError};
pub(crate) use rendered_lists::ListForm;
pub use rendered_lists::RenderedLists;
pub use room::{MAX_LISTED_REFS, MAX_REF_LIST_BYTES, RefRoom};
pub use snapshot::{Advertised, AdvertisedRef, Head, NonUtf8Ref, PeelInfo, PeeledObject, RefSnapshot};
