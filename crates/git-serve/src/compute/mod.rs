//! Computing an answer: in which order, by which process, and how much of it is copied.

mod fetch_answer;
mod from_bundle;
mod joined_pack;
mod joined_waits;

pub(crate) use fetch_answer::{compute, compute_by_upload_pack, compute_from_forwarded};
pub(crate) use from_bundle::MAX_NEW_OBJECTS;
pub(crate) use joined_waits::JoinedWaits;
