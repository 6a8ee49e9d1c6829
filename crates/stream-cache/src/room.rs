//! What stored answers leave of their disk to everything else on it.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::StatVfs;

/// The part of a disk that stored answers leave free.
const LEFT_SHARE: u64 = 8;
/// No more than this is left free of a large disk, in bytes. It is taken from stored answers again when others need it.
const MAX_LEFT_BYTES: u64 = 1024 * 1024 * 1024;

/// Refuses to write so much more to the disk of a file when that belongs to others.
pub(crate) fn check_room(file: &File, bytes: usize) -> io::Result<()> {
    if missing(&rustix::fs::fstatvfs(file)?, bytes as u64) > 0 {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}

/// How many bytes others miss on the disk with this folder.
pub(crate) fn missing_room(folder: &Path) -> io::Result<u64> {
    Ok(missing(&rustix::fs::statvfs(folder)?, 0))
}

fn missing(disk: &StatVfs, bytes: u64) -> u64 {
    let (total, free) =
        (disk.f_blocks.saturating_mul(disk.f_frsize), disk.f_bavail.saturating_mul(disk.f_frsize));
    left_free(total).saturating_add(bytes).saturating_sub(free)
}

fn left_free(total_bytes: u64) -> u64 {
    (total_bytes / LEFT_SHARE).min(MAX_LEFT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_disk_is_for_others_whatever_its_size() {
        assert_eq!(left_free(40 << 20), 5 << 20);
        assert_eq!(left_free(1 << 40), MAX_LEFT_BYTES);
        let folder = tempfile::tempdir().expect("a temporary folder");
        missing_room(folder.path()).expect("a disk tells its room");
        let file = tempfile::tempfile().expect("a temporary file");
        let refused = check_room(&file, usize::MAX).expect_err("no disk has that much");
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    }
}
