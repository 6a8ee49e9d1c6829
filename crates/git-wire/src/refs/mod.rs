//! The references of a repository at one moment, and the lists of them that clients see.

mod advertisement;
mod ls_refs;
mod rendered_lists;
mod snapshot;

pub use advertisement::{LegacyVersion, advertisement};
pub use ls_refs::LsRefs;
pub(crate) use rendered_lists::ListForm;
pub use rendered_lists::RenderedLists;
pub use snapshot::{Advertised, AdvertisedRef, Head, NonUtf8Ref, PeelInfo, PeeledObject, RefSnapshot};
