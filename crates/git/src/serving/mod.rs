//! Answering clients that read: from memory, from stored answers, or by computing once for all who ask.

mod answer;
mod counters;
mod engine;

pub use answer::{Answer, Asker};
pub use counters::{ServingCounters, StoredAnswers};
pub use engine::{DEFAULT_CACHE_BYTES, DEFAULT_REF_MEMORY_BYTES, ServingEngine, ServingOptions};
