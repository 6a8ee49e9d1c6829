//! The progress of synchronisation on the wire.

use heliostat_api::models::RestSyncProgress;
use heliostat_mirror::Progress;

/// How far a mirror is, as the operations of that name answer. When nothing is going on, the numbers of what is going on are 0,
/// as clients know it; those of what is here never are, unless nothing is here.
pub fn sync_progress(progress: Progress) -> RestSyncProgress {
    let is_idle = !progress.discovering && progress.synced >= progress.total;
    let (synced, total) = if is_idle { (0, 0) } else { (progress.synced, progress.total) };
    sync_progress_at_rest_too(Progress { synced, total, ..progress })
}

/// The same with the numbers as they are, for what is shown of a mirror: 0 would say that nothing is mirrored.
pub fn sync_progress_at_rest_too(progress: Progress) -> RestSyncProgress {
    RestSyncProgress {
        discovering: progress.discovering,
        synced_repos: int32(progress.synced),
        total_repos: int32(progress.total),
        mirrored_repos: int32(progress.mirrored),
        in_step_repos: int32(progress.in_step),
        not_known_since: progress.not_known_since,
    }
}

/// No mirror holds more repositories than there are ids for them.
fn int32(repositories: usize) -> i32 {
    i32::try_from(repositories).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Progress =
        Progress { discovering: false, synced: 0, total: 0, mirrored: 0, in_step: 0, not_known_since: None };

    #[test]
    fn the_numbers_show_work_and_rest_as_zeros() {
        let shown = |discovering, synced, total| {
            let progress = sync_progress(Progress { discovering, synced, total, ..NOTHING });
            (progress.discovering, progress.synced_repos, progress.total_repos)
        };
        assert_eq!(shown(false, 1071, 1071), (false, 0, 0));
        assert_eq!(shown(true, 3, 3), (true, 3, 3));
        assert_eq!(shown(false, 242, 1071), (false, 242, 1071));
    }

    #[test]
    fn what_is_here_is_counted_at_rest_too() {
        let rest = Progress { synced: 3, total: 3, mirrored: 3, in_step: 2, ..NOTHING };
        let progress = sync_progress(rest);
        assert_eq!((progress.mirrored_repos, progress.in_step_repos), (3, 2));
        let shown = sync_progress_at_rest_too(rest);
        assert_eq!((shown.synced_repos, shown.total_repos), (3, 3));
    }
}
