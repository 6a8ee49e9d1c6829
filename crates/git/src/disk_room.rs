//! How much room a disk has, and when it counts as full: before the database has none left.

use std::fmt;
use std::io;
use std::path::Path;

use rustix::fs::StatVfsMountFlags;

/// The part of a disk that pushes leave to the database and to what else must go on.
const KEPT_SHARE: u64 = 16;
/// No more than this is kept of a large disk, in bytes.
const MAX_KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// With less of it free, a disk is called nearly full, although it takes what fits.
const LOW_SHARE: u64 = 8;
/// A large disk is nearly full with less than so many bytes.
const MAX_LOW_BYTES: u64 = 1024 * 1024 * 1024;

/// How much room there is on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskRoom {
    /// Its size.
    pub total_bytes: u64,
    /// What is free for us.
    pub free_bytes: u64,
    /// Whether it takes no more files, whatever room they need.
    pub is_out_of_files: bool,
    /// Whether nothing can be written to it.
    pub is_read_only: bool,
}

/// Whether a disk takes what is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskState {
    /// It does.
    Writable,
    /// It takes what is small.
    Low,
    /// What is left is kept for the database.
    Full,
    /// The file system is read-only.
    ReadOnly,
}

impl DiskRoom {
    /// The room on the disk with this folder. One system call.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let disk = rustix::fs::statvfs(folder)?;
        Ok(Self {
            total_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            // File systems without a fixed number of files say that they have none.
            is_out_of_files: disk.f_files > 0 && disk.f_favail == 0,
            is_read_only: disk.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }

    /// What is kept for the database.
    pub fn kept_bytes(&self) -> u64 {
        (self.total_bytes / KEPT_SHARE).min(MAX_KEPT_BYTES)
    }

    /// Whether it takes what is pushed.
    pub fn state(&self) -> DiskState {
        if self.is_read_only {
            DiskState::ReadOnly
        } else if self.is_out_of_files || self.free_bytes <= self.kept_bytes() {
            DiskState::Full
        } else if self.free_bytes < (self.total_bytes / LOW_SHARE).min(MAX_LOW_BYTES) {
            DiskState::Low
        } else {
            DiskState::Writable
        }
    }

    /// Why nothing can be taken in, for people; `None` when something can.
    pub fn refusal(&self) -> Option<String> {
        match self.state() {
            DiskState::Writable | DiskState::Low => None,
            DiskState::Full | DiskState::ReadOnly => self.complaint(),
        }
    }

    /// What is the matter, for people; `None` when nothing is.
    pub fn complaint(&self) -> Option<String> {
        match self.state() {
            DiskState::Writable => None,
            DiskState::Low => Some(format!("the disk with the repositories is nearly full: {self}")),
            DiskState::ReadOnly => Some("the disk with the repositories is read-only".to_owned()),
            DiskState::Full if self.is_out_of_files => {
                Some("the disk with the repositories takes no more files".to_owned())
            }
            DiskState::Full => Some(format!("the disk with the repositories is full: {self}")),
        }
    }
}

impl fmt::Display for DiskRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        write!(f, "{:.1} of {:.1} MiB are free", mib(self.free_bytes), mib(self.total_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_disk_is_full_while_the_database_still_has_room() {
        let small = |free_bytes| DiskRoom {
            total_bytes: 40 * MIB,
            free_bytes,
            is_out_of_files: false,
            is_read_only: false,
        };
        assert_eq!(small(5 * MIB).state(), DiskState::Writable);
        assert_eq!(small(3 * MIB).state(), DiskState::Low);
        assert_eq!(small(3 * MIB).refusal(), None);
        assert_eq!(small(2 * MIB).state(), DiskState::Full);
        let told = small(2 * MIB).complaint();
        assert_eq!(told.as_deref(), Some("the disk with the repositories is full: 2.0 of 40.0 MiB are free"));
        assert_eq!(small(2 * MIB).refusal(), told);
        let large = DiskRoom { total_bytes: MIB * MIB, ..small(1_024 * MIB) };
        assert_eq!(large.state(), DiskState::Writable);
        assert_eq!(DiskRoom { is_out_of_files: true, ..large }.state(), DiskState::Full);
        assert_eq!(DiskRoom { is_read_only: true, ..large }.state(), DiskState::ReadOnly);
    }

    #[test]
    fn a_disk_that_is_there_has_a_size() {
        let room = DiskRoom::of(&std::env::temp_dir()).expect("it is there");
        assert!(room.total_bytes >= room.free_bytes && room.total_bytes > 0);
        assert!(DiskRoom::of(Path::new("/nonexistent")).is_err());
    }
}
