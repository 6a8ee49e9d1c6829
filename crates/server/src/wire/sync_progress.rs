//! The progress of synchronisation on the wire.

use heliostat_api::models::RestSyncProgress;
use heliostat_mirror::Progress;

/// How far a mirror is. When nothing is going on, both numbers are 0, as clients know it.
pub fn sync_progress(progress: Progress) -> RestSyncProgress {
    let idle = !progress.discovering && progress.synced >= progress.total;
    let count = |repositories| if idle { 0 } else { int32(repositories) };
    RestSyncProgress {
        discovering: progress.discovering,
        synced_repos: count(progress.synced),
        total_repos: count(progress.total),
    }
}

/// No mirror holds more repositories than there are ids for them.
fn int32(repositories: usize) -> i32 {
    i32::try_from(repositories).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_show_work_and_rest_as_zeros() {
        let shown = |discovering, synced, total| {
            let progress = sync_progress(Progress { discovering, synced, total });
            (progress.discovering, progress.synced_repos, progress.total_repos)
        };
        assert_eq!(shown(false, 1071, 1071), (false, 0, 0));
        assert_eq!(shown(true, 3, 3), (true, 3, 3));
        assert_eq!(shown(false, 242, 1071), (false, 242, 1071));
    }
}
