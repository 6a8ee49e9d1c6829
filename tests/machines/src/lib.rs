//! What tests put under servers, and what they make by hand: disks that forget or fill up, clocks that jump, lines that are
//! cut, packs.
//!
//! `forgetful_disk` loses what was not synced, stops at a chosen moment, and has no room when a test says so;
//! `small_disk` is really small. `shifted_clock` changes the time of day of one process while it runs, `relay` is a
//! line that can be cut, and `kept_address` keeps a port for a server that is away. `hand_made_pack` writes packs
//! without git, and `bare_repositories` finds what a server holds.

#![expect(clippy::disallowed_methods, reason = "tests mount disks and compile what shifts a clock")]

mod bare_repositories;
mod forgetful_disk;
mod hand_made_pack;
mod kept_address;
mod relay;
mod shifted_clock;
mod small_disk;

pub use bare_repositories::bare_repositories;
pub use forgetful_disk::{ForgetfulDisk, Shortage, StopMoment};
pub use fuser::Errno;
pub use hand_made_pack::{BLOB, COMMIT, HandMadePack, TREE, unhex};
pub use kept_address::KeptAddress;
pub use relay::Relay;
pub use shifted_clock::ShiftedClock;
pub use small_disk::SmallDisk;
