//! Answering clients that read: from memory, from stored answers, or by computing once for all who ask.

mod answer;
mod answer_request;
mod clone_from_bundle;
mod compute;
mod counters;
mod engine;
mod fair_queue;
mod joined_pack;
mod reachability;
mod ready_answers;

#[cfg(test)]
mod clone_from_bundle_tests;
#[cfg(test)]
mod compute_tests;

pub use answer::{Answer, Asker};
pub(crate) use answer::{COPY_BYTES, read};
pub(crate) use clone_from_bundle::MAX_NEW_OBJECTS;
pub(crate) use compute::{compute, compute_by_upload_pack};
pub use counters::{ServingCounters, StoredAnswers};
pub use engine::{ServingEngine, ServingOptions};
pub(crate) use fair_queue::Turn;
pub(crate) use reachability::Wanted;
