//! How things are: one answer for `/status`, progress, metrics, console and the people who look for a fault.

mod lookups;
mod progress;
mod support_info;

pub use lookups::{Lookups, MirroredRepositoryView, UpstreamView};
pub use progress::{MirrorStatus, Progress, StatusReport};
pub use support_info::{DelayedSync, RunningSync, SupportInfo, WaitingSync};
