//! How mirrors stand, on the wire.

use heliostat_api::models::{MirrorStanding as WireStanding, RestMirrorCopies, RestMirrorStanding};
use heliostat_downstream::{MirrorCopies, MirrorStanding, Standing};

/// What is known of the copies on a mirror.
pub fn mirror_standing(known: MirrorStanding) -> RestMirrorStanding {
    RestMirrorStanding {
        standing: match known.standing {
            Standing::UpToDate => WireStanding::UpToDate,
            Standing::Behind => WireStanding::Behind,
            Standing::Unreachable => WireStanding::Unreachable,
            Standing::Unknown => WireStanding::Unknown,
        },
        mirrored_repos: known.told.map(|(copies, _)| copies.mirrored),
        in_step_repos: known.told.map(|(copies, _)| copies.in_step),
        told_date: known.told.map(|(_, at)| at),
        last_seen_date: known.heard_at,
        pending_events: i64::try_from(known.pending_events).unwrap_or(i64::MAX),
        last_error: known.last_error,
    }
}

/// How far a mirror says that it is.
pub fn mirror_copies(told: &RestMirrorCopies) -> MirrorCopies {
    MirrorCopies { discovering: told.discovering, mirrored: told.mirrored_repos, in_step: told.in_step_repos }
}
