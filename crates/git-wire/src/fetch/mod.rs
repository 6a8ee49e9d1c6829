//! What a client that fetches asks for, in each version of the protocol.

mod all_in_bands;
mod draft;
mod full_clone;
mod left_out;
mod pack_band;
mod pack_start;
mod people_band;
mod progress;
mod question;
mod remote_message;
mod request;
mod small_fetch;
mod v0;
mod v2;

#[cfg(test)]
mod tests;

pub use all_in_bands::{AllInBands, KEEP_ALIVE_IN_BANDS};
pub(crate) use draft::{FetchDraft, INFINITE_DEPTH};
pub use full_clone::{FullClone, KEEP_ALIVE, SidebandWriter};
pub use pack_band::{NoPack, PackBand};
pub use pack_start::PackStart;
pub use people_band::{Parted, PeopleBand};
pub use progress::{wants_progress_v0, wants_progress_v2};
pub use question::{Given, MAX_QUESTIONED_OBJECTS};
pub use remote_message::{RemoteMessage, fatal_packet};
pub use request::{Deepen, DepthFrom, FetchRequest, MultiAck, ProtocolVersion, RequestEnding, SideBand};
pub use small_fetch::{small_fetch_pack, small_fetch_request, whole_fetch_request};
