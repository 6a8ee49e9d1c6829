//! A far upstream on one machine: namespaces, a slow line with a long way, and a fast one that is near.

mod far_line;
mod namespaces;

pub use far_line::Line;
#[cfg(test)]
pub use namespaces::leave_something;
pub use namespaces::{DEVICES, NAMESPACES, Network, remove_device, remove_namespace, run_of_name, why_not};
