//! When each mirror has last called, so that not every call writes to the database.

use std::collections::HashMap;

use heliostat_storage::MirrorServerId;
use parking_lot::Mutex;

/// A mirror's last call is written down at most this often.
const SEEN_RESOLUTION_MS: i64 = 10_000;
/// An installation is repeated at most this often.
const INSTALLATION_RESOLUTION_MS: i64 = 60_000;

/// When mirrors were last noted as seen, so that not every call writes to the database.
#[derive(Default)]
pub(super) struct LastSeen(Mutex<HashMap<MirrorServerId, Noted>>);

#[derive(Default, Clone, Copy)]
struct Noted {
    seen_at: Option<i64>,
    installed_at: Option<i64>,
}

impl LastSeen {
    /// Whether a call is to be written down.
    pub(super) fn admit(&self, id: &MirrorServerId, now: i64) -> bool {
        let mut noted = self.0.lock();
        let seen_at = &mut noted.entry(id.clone()).or_default().seen_at;
        let due = seen_at.is_none_or(|last| now - last >= SEEN_RESOLUTION_MS);
        if due {
            *seen_at = Some(now);
        }
        due
    }

    /// Whether a mirror may be installed again.
    pub(super) fn admit_installation(&self, id: &MirrorServerId, now: i64) -> bool {
        let mut noted = self.0.lock();
        let installed_at = &mut noted.entry(id.clone()).or_default().installed_at;
        let due = installed_at.is_none_or(|last| now - last >= INSTALLATION_RESOLUTION_MS);
        if due {
            *installed_at = Some(now);
        }
        due
    }

    /// Forgets a mirror that was removed.
    pub(super) fn forget(&self, id: &MirrorServerId) {
        self.0.lock().remove(id);
    }
}
