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
        let due = seen_at.is_none_or(|last| is_past(last, SEEN_RESOLUTION_MS, now));
        if due {
            *seen_at = Some(now);
        }
        due
    }

    /// Whether a mirror may be installed again.
    pub(super) fn admit_installation(&self, id: &MirrorServerId, now: i64) -> bool {
        let mut noted = self.0.lock();
        let installed_at = &mut noted.entry(id.clone()).or_default().installed_at;
        let due = installed_at.is_none_or(|last| is_past(last, INSTALLATION_RESOLUTION_MS, now));
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

/// Whether so much time has passed since then. What lies ahead was noted before the clock was set back.
fn is_past(then: i64, resolution_ms: i64, now: i64) -> bool {
    now < then || now - then >= resolution_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_noted_now_and_then_and_when_the_clock_was_set_back() {
        let (seen, id) = (LastSeen::default(), MirrorServerId::from("B0F5-CS21-45C2-CCK3"));
        for (now, is_noted) in [(0, true), (9_999, false), (10_000, true), (5_000, true), (6_000, false)] {
            assert_eq!(seen.admit(&id, now), is_noted, "{now}");
        }
    }
}
