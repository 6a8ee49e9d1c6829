//! `GET /metrics` of both roles: what Prometheus reads.
//!
//! The figures are taken when they are asked for, so nothing is counted twice and a request that is being answered
//! pays for none of it.

mod access;
mod endpoint;
mod figures;
mod process;

pub use access::{InvalidMetricsToken, MetricsToken};
pub use endpoint::metrics;
pub use figures::{Figures, MirrorFigures};
pub use process::ProcessFigures;
