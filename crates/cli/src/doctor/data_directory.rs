//! Whether a role can keep its data where it is told to, and for how long.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use heliostat_git::{DiskRoom, DiskState};

use super::finding::Finding;

const GIB: u64 = 1024 * 1024 * 1024;
/// Below this a role stops synchronising sooner or later today.
const MIN_FREE_BYTES: u64 = GIB;
/// Below this it is time to plan for more.
const LOW_FREE_BYTES: u64 = 10 * GIB;

/// Whether files can be made there. A directory that does not exist yet is made by the role.
pub fn writable(data: &Path) -> Finding {
    const ITEM: &str = "data directory";
    let Some(existing) = nearest_existing(data) else {
        return Finding::failed(
            ITEM,
            format!("{} has no existing parent", data.display()),
            "choose another --data",
        );
    };
    if !existing.is_dir() {
        let detail = format!("{} is not a directory", existing.display());
        return Finding::failed(ITEM, detail, "choose another --data");
    }
    match tempfile::tempfile_in(&existing) {
        Ok(_) if existing == data => Finding::good(ITEM, format!("{} is writable", data.display())),
        Ok(_) => Finding::good(ITEM, format!("{} will be created", data.display())),
        Err(error) => Finding::failed(
            ITEM,
            format!("{} is not writable: {error}", existing.display()),
            "give it to the user that runs heliostat, or choose another --data",
        ),
    }
}

/// Whether only its owner may look into it.
pub fn private(data: &Path) -> Finding {
    const ITEM: &str = "privacy";
    const OF_OTHERS: u32 = 0o077;
    let Ok(found) = data.metadata() else {
        return Finding::skipped(ITEM, "the data directory will be created, for its owner only");
    };
    let mode = found.permissions().mode() & 0o777;
    match mode & OF_OTHERS {
        0 => Finding::good(ITEM, "only the owner may look into the data directory"),
        _ => Finding::doubtful(
            ITEM,
            format!("other users of this machine may look into the data directory, its mode is {mode:o}"),
            "the next start takes that away, or `chmod 700` it now",
        ),
    }
}

/// Whether there is room for repositories.
pub fn free_space(data: &Path) -> Finding {
    const ITEM: &str = "free space";
    const REMEDY: &str = "make room, or choose a --data on a larger disk";
    let Some(existing) = nearest_existing(data) else {
        return Finding::skipped(ITEM, "there is no directory to ask about");
    };
    match DiskRoom::of(&existing) {
        Ok(room) => judge(ITEM, room),
        Err(error) => Finding::failed(ITEM, format!("cannot ask for it: {error}"), REMEDY),
    }
}

fn judge(item: &'static str, room: DiskRoom) -> Finding {
    const REMEDY: &str = "make room, or choose a --data on a larger disk";
    let detail = format!("{:.1} GiB free", room.free_bytes as f64 / GIB as f64);
    match room.state() {
        DiskState::ReadOnly => {
            let remedy = "look at the system's log for the reason, and mount it writable";
            return Finding::failed(item, "the disk is read-only", remedy);
        }
        DiskState::Full if room.is_out_of_files => {
            return Finding::failed(item, "no files can be made any more", REMEDY);
        }
        DiskState::Full => {
            let detail = format!("the disk is full, {room}: pushes and synchronisations are refused");
            return Finding::failed(item, detail, REMEDY);
        }
        DiskState::Low | DiskState::Writable => {}
    }
    match room.free_bytes {
        0..MIN_FREE_BYTES => Finding::failed(item, detail, REMEDY),
        MIN_FREE_BYTES..LOW_FREE_BYTES => Finding::doubtful(item, detail, REMEDY),
        _ => Finding::good(item, detail),
    }
}

fn nearest_existing(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let nearest = absolute.ancestors().find(|ancestor| ancestor.exists())?;
    // The path as it was given, where it can be, because that is how it is known.
    Some(if nearest == absolute { path.to_owned() } else { nearest.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::finding::Outcome;
    use super::*;

    #[test]
    fn directories_that_are_missing_are_made_but_files_are_in_the_way() {
        let directory = tempfile::tempdir().expect("the temporary directory is writable");
        assert_eq!(writable(directory.path()).outcome, Outcome::Good);
        let below = writable(&directory.path().join("a/b"));
        assert!(below.outcome == Outcome::Good && below.detail.ends_with("will be created"), "{below:?}");
        let file = directory.path().join("file");
        std::fs::write(&file, "x").expect("the directory is writable");
        assert_eq!(writable(&file.join("below")).outcome, Outcome::Failed);
    }

    #[test]
    fn little_space_is_told_before_there_is_none() {
        let room = |free_bytes| DiskRoom {
            total_bytes: 1_000 * GIB,
            free_bytes,
            is_out_of_files: false,
            is_read_only: false,
        };
        assert_eq!(judge("disk", room(100 * GIB)).outcome, Outcome::Good);
        assert_eq!(judge("disk", room(2 * GIB)).outcome, Outcome::Doubtful);
        assert_eq!(judge("disk", room(GIB / 2)).outcome, Outcome::Failed);
        let full = judge("disk", room(1));
        assert!(full.outcome == Outcome::Failed && full.detail.starts_with("the disk is full"), "{full:?}");
        let out_of_files = DiskRoom { is_out_of_files: true, ..room(100 * GIB) };
        assert_eq!(judge("disk", out_of_files).outcome, Outcome::Failed);
        let read_only = DiskRoom { is_read_only: true, ..room(100 * GIB) };
        assert_eq!(judge("disk", read_only).detail, "the disk is read-only");
    }
}
