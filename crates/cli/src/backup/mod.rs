//! `heliostat backup` and `heliostat restore`: a consistent copy of what a role keeps, and a role made of such a copy.
//!
//! ```text
//! DIR/heliostat.db     or heliostat.dump: the database, copied first
//! DIR/repositories/    each repository as it was at one moment after that
//! DIR/owner.json, ...  the other files of the data directory
//! DIR/backup.json      written last: without it the backup is not complete
//! ```
//!
//! In this order everything that the copied database knows has its repository. What was pushed in between is in the
//! repositories, and the first start of the restored role records it.

mod database;
mod folders;
mod restore;
mod take;

pub use database::missing_program;
pub use restore::{RestoreOptions, restore};
pub use take::{BackupOptions, back_up};

/// What says that a backup is complete, and what it holds.
const RECORD_FILE: &str = "backup.json";
/// The form that this version writes and reads.
const FORMAT: u64 = 1;
/// Where the repositories lie in a backup.
const REPOSITORIES_FOLDER: &str = "repositories";
