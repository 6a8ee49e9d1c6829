//! A far upstream on one machine: namespaces, a slow line with a long way, and a fast one that is near.

mod far_line;
mod namespaces;

pub use namespaces::{Network, why_not};
