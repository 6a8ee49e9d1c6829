//! Computing an answer: in which order, by which process, and how much of it is copied.

mod fair_queue;
mod fetch_answer;
mod from_bundle;
mod joined_pack;

pub(crate) use fair_queue::{FairQueue, Permit};
pub(crate) use fetch_answer::{compute, compute_by_upload_pack};
pub(crate) use from_bundle::MAX_NEW_OBJECTS;
