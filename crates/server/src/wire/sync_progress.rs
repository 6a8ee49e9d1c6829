//! The progress of synchronisation on the wire.

use heliostat_api::models::RestSyncProgress;
use heliostat_mirror::Progress;

/// How far a mirror is. When nothing is going on, the numbers of what is going on are 0, as clients know it; those of what
/// is here never are, unless nothing is here.
pub fn sync_progress(progress: Progress) -> RestSyncProgress {
    let idle = !progress.discovering && progress.synced >= progress.total;
    let count = |repositories| if idle { 0 } else { int32(repositories) };
    RestSyncProgress {
        discovering: progress.discovering,
        synced_repos: count(progress.synced),
        total_repos: count(progress.total),
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
    }
}
