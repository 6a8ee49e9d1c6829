//! Which processes call as a mirror: two at the same time mean that its data directory was copied.
//!
//! A process that has ended does not come back, though a call of it can be late. So one that comes back more than once after
//! another one has called runs beside it.

use std::collections::HashMap;

use heliostat_storage::MirrorServerId;
use parking_lot::Mutex;

/// Processes that are remembered of one mirror, the one that called last at the end.
const MAX_REMEMBERED: usize = 8;
/// A longer name of a process is not remembered, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// So often comes back who runs beside another one. Once may be a call that was late.
const RETURNS: u32 = 2;
/// How long it is told that two were seen at the same time.
const TOLD_FOR_MS: i64 = 60_000;

/// What is known of the processes of all mirrors.
#[derive(Default)]
pub(super) struct Instances(Mutex<HashMap<MirrorServerId, Processes>>);

#[derive(Default)]
struct Processes {
    /// Each with how often it has come back after another one had called.
    called: Vec<(String, u32)>,
    twice_at: Option<i64>,
}

impl Processes {
    fn runs_twice(&self, now: i64) -> bool {
        // What lies ahead was noted before the clock was set back; if it is still so, it is soon noted again.
        self.twice_at.is_some_and(|at| (0..TOLD_FOR_MS).contains(&now.saturating_sub(at)))
    }
}

impl Instances {
    /// Takes in which process has called as a mirror, and tells whether it has a double.
    pub(super) fn called(&self, id: &MirrorServerId, instance: &str, now: i64) -> bool {
        if instance.is_empty() || instance.len() > MAX_NAME_BYTES {
            return false;
        }
        let mut known = self.0.lock();
        let processes = known.entry(id.clone()).or_default();
        let mut returns = 0;
        if processes.called.last().is_some_and(|(last, _)| last != instance) {
            let ran_twice = processes.runs_twice(now);
            if let Some(before) = processes.called.iter().position(|(other, _)| other == instance) {
                returns = processes.called.remove(before).1.saturating_add(1);
                if returns >= RETURNS {
                    processes.twice_at = Some(now);
                    if !ran_twice {
                        tracing::error!(
                            mirror.id = %id,
                            "two processes call as this mirror: its data directory was copied, and both use it"
                        );
                    }
                }
            }
        } else if let Some((_, before)) = processes.called.pop() {
            returns = before;
        }
        if processes.called.len() >= MAX_REMEMBERED {
            processes.called.remove(0);
        }
        processes.called.push((instance.to_owned(), returns));
        processes.runs_twice(now)
    }

    /// How many mirrors have a double.
    pub(super) fn doubled(&self, now: i64) -> usize {
        self.0.lock().values().filter(|processes| processes.runs_twice(now)).count()
    }

    /// Forgets a mirror that was removed.
    pub(super) fn forget(&self, id: &MirrorServerId) {
        self.0.lock().remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_no_double_and_a_copy_is_one_until_it_ends() {
        let instances = Instances::default();
        let id = MirrorServerId::from("B0F5-CS21-45C2-CCK3");
        for (at, instance) in [(0, "a"), (10, "a"), (20, "b"), (30, "b"), (40, "c")] {
            assert!(!instances.called(&id, instance, at), "{instance} at {at}");
        }
        assert!(!instances.called(&id, "b", 44), "it has ended, and its last call was late");
        assert!(!instances.called(&id, "c", 47));
        assert!(instances.called(&id, "b", 50));
        assert!(instances.called(&id, "c", 60));
        assert!(!instances.called(&MirrorServerId::from("other"), "b", 60));
        assert_eq!((instances.doubled(60), instances.doubled(59)), (1, 0), "the clock was set back");
        assert!(!instances.called(&id, "c", 60 + TOLD_FOR_MS), "the other has ended");
        assert_eq!(instances.doubled(60 + TOLD_FOR_MS), 0);
        for number in 0..100 {
            instances.called(&id, &number.to_string(), 0);
        }
        assert!(instances.0.lock()[&id].called.len() <= MAX_REMEMBERED);
    }
}
