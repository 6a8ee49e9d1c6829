//! Answering clients that read: from memory, from stored answers, or by computing once for all who ask.

mod answer;
mod engine;

pub use answer::{Answer, Asker};
pub(crate) use answer::{COPY_BYTES, read};
pub use engine::{ServingEngine, ServingOptions};
