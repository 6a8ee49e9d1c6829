//! Answering clients that read: from memory, from stored answers, or by computing once for all who ask.

mod answer;
#[allow(dead_code, reason = "called once requests are answered from stored answers")]
mod compute;
#[allow(dead_code, reason = "called once requests are answered from stored answers")]
mod cpu_time;
mod engine;
#[allow(dead_code, reason = "called once requests are answered from stored answers")]
mod production;
#[allow(dead_code, reason = "called once requests are answered from stored answers")]
mod reachability;

#[cfg(test)]
mod compute_tests;

pub use answer::{Answer, Asker};
#[allow(unused_imports, reason = "called once requests are answered from stored answers")]
pub(crate) use compute::compute;
pub use engine::{ServingEngine, ServingOptions};
#[allow(unused_imports, reason = "called once requests are answered from stored answers")]
pub(crate) use production::Production;
#[allow(unused_imports, reason = "called once requests are answered from stored answers")]
pub(crate) use reachability::{Reachability, Wanted};
