//! What tests put under servers: disks that forget or fill up, clocks that jump, lines that are cut.
//!
//! `forgetful_disk` loses what was not synced, stops at a chosen moment, and has no room when a test says so;
//! `small_disk` is really small. `shifted_clock` changes the time of day of one process while it runs, and `relay` is a
//! line that can be cut.

#![expect(clippy::disallowed_methods, reason = "tests mount disks and compile what shifts a clock")]

mod forgetful_disk;
mod relay;
mod shifted_clock;
mod small_disk;

pub use forgetful_disk::{ForgetfulDisk, Shortage, StopMoment};
pub use fuser::Errno;
pub use relay::Relay;
pub use shifted_clock::ShiftedClock;
pub use small_disk::SmallDisk;
