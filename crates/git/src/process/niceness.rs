//! How urgent a `git` is beside everything else on the machine.
//!
//! Clients that ask for much must not slow down those that ask for little. So what computes for readers yields to everything else
//! when it takes long, and from its beginning when its client has had much lately; housekeeping yields most.

use std::time::Duration;

use rustix::process::{Pid, getpriority_pgrp, setpriority_pgrp};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// The niceness of what yields most: what is urgent gets about 35 times as much of a busy processor, and any computation for a
/// reader three times.
pub(super) const YIELDING: i32 = 16;

/// What is added each time that a reader has had twice as much lately. What begins to compute for one who asks now and then is as
/// urgent as anything.
const PER_RANK: i32 = 4;
/// The niceness of what computes for those who ask without end, of what takes long, and of what no client waits for: what is
/// urgent gets about twelve times as much.
pub(super) const MOST_COMPUTING: i32 = 11;

/// What runs for longer than this takes long.
const LONG: Duration = Duration::from_millis(250);

/// The niceness of what computes for a reader who has had so much lately, as `Permit::usage_rank` counts it.
pub(super) fn of_computing(usage_rank: u32) -> i32 {
    let rank = i32::try_from(usage_rank).unwrap_or(i32::MAX);
    rank.saturating_mul(PER_RANK).min(MOST_COMPUTING)
}

/// Makes a process group less urgent, if it is not so already. One that has ended needs nothing.
pub(super) fn lower(group: Pid, niceness: i32) {
    if getpriority_pgrp(Some(group)).is_ok_and(|now| now < niceness)
        && let Err(error) = setpriority_pgrp(Some(group), niceness)
    {
        tracing::debug!(error = &error as &dyn std::error::Error, "cannot lower the priority of git");
    }
}

/// Does so when it has run for long. To be dropped when the group has ended: its number may belong to another one some time
/// later, which would be less urgent then.
pub(super) fn lower_later(group: Pid) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        sleep(LONG).await;
        lower(group, MOST_COMPUTING);
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_had_more_is_less_urgent_and_housekeeping_least() {
        assert!((0..100).all(|rank| of_computing(rank) <= of_computing(rank + 1)));
        assert!(of_computing(0) == 0 && of_computing(0) < of_computing(1));
        assert!(of_computing(u32::MAX) < YIELDING);
    }
}
