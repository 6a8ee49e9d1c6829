//! Answering clients that read: from memory, from stored answers, or by computing once for all who ask.

mod answer;
mod engine;
mod fair_queue;

pub use answer::{Answer, Asker};
pub use engine::{ServingEngine, ServingOptions};
pub use fair_queue::{FairQueue, QueueCounters, Turn};
