//! Cores of their own for those who are on machines of their own otherwise, so that none takes the time of the other.

use anyhow::Context;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Which of the cores that this process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Core {
    /// The first.
    First,
    /// The last.
    Last,
}

/// While it lives, this thread and the processes that it starts run on one core.
#[derive(Debug)]
pub struct OnOneCore {
    before: CpuSet,
}

impl Core {
    /// Whether the two are not the same.
    pub fn are_two() -> bool {
        sched_getaffinity(None).is_ok_and(|allowed| allowed.count() > 1)
    }

    /// Goes there with this thread, and back when dropped.
    pub fn enter(self) -> anyhow::Result<OnOneCore> {
        let before = sched_getaffinity(None).context("cannot read on which cores this thread may run")?;
        let mut one = CpuSet::new();
        one.set(self.of(&before)?);
        sched_setaffinity(None, &one).context("cannot choose a core")?;
        Ok(OnOneCore { before })
    }

    fn of(self, allowed: &CpuSet) -> anyhow::Result<usize> {
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let core = match self {
            Core::First => cores.next(),
            Core::Last => cores.next_back(),
        };
        core.context("no core is allowed")
    }
}

impl Drop for OnOneCore {
    fn drop(&mut self) {
        // It was allowed before.
        let _ = sched_setaffinity(None, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_started_there_runs_there_and_others_where_they_did() {
        if !Core::are_two() {
            return;
        }
        let cores_of_a_child = || {
            let output = std::process::Command::new("nproc").output().expect("nproc runs");
            String::from_utf8(output.stdout).expect("a number").trim().to_owned()
        };
        let before = cores_of_a_child();
        let chosen = [Core::First, Core::Last].map(|core| {
            let _there = core.enter().expect("the core is allowed");
            assert_eq!(cores_of_a_child(), "1");
            let now = sched_getaffinity(None).expect("it can be read");
            (0..CpuSet::MAX_CPU).find(|core| now.is_set(*core))
        });
        assert_ne!(chosen[0], chosen[1]);
        assert_eq!(cores_of_a_child(), before);
    }
}
