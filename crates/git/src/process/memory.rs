//! How much memory one `git` may take, whatever it is sent.
//!
//! A push of some kilobytes can claim to be an object of gigabytes, and `git` allocates what is claimed. So a process that
//! takes objects from elsewhere has a bound on one allocation, which stops such a claim before anything is computed. That
//! and every other process, each with its helpers, has a bound on all that it has allocated. It is one on a process' data:
//! what `git` maps of packs and indexes takes no memory that others need, and a bound on addresses would keep it from
//! reading large repositories.

use std::path::Path;
use std::{fs, io};

use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use rustix::system::sysinfo;

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// Most that a process gets for objects that arrive where no limit is set: enough for ten million of them.
const DEFAULT_RECEIVE_BYTES: u64 = 4 * GIB;

/// Least that a process gets where no limit is set.
const MIN_DEFAULT_BYTES: u64 = GIB;

/// For objects that arrive, one allocation gets this part of the whole. A delta needs what it starts from, what it makes
/// and itself at once.
const ALLOCATIONS: u64 = 6;

/// One allocation gets this much where the whole is at least twice as large. Clients make deltas of files up to 512 MiB,
/// and `git` keeps 64 bytes for each object of a pack that arrives.
const ENOUGH_FOR_ONE_BYTES: u64 = 672 * MIB;

/// The variable by which `git` takes a bound on one allocation.
const ALLOCATION_VARIABLE: &str = "GIT_ALLOC_LIMIT";

/// Where the groups of processes are, each with the memory that it may take.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// How much memory a `git` process may take; each of its helpers as much again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimits {
    /// For work on what is here.
    pub work_bytes: u64,
    /// For objects that arrive, by a push or from another server.
    pub receive_bytes: u64,
}

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryUse {
    /// It works on what is here, and was accepted once.
    Work,
    /// It takes objects that others have made.
    Receive,
}

/// The bounds of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryLimit {
    bytes: u64,
    allocation_bytes: Option<u64>,
}

impl MemoryLimits {
    /// What was said, and for what was not: half of what this machine, or the service's part of it, has, but at least 1 GiB;
    /// of that for objects that arrive at most 4 GiB.
    pub fn or_default(work_bytes: Option<u64>, receive_bytes: Option<u64>) -> Self {
        let work_bytes = work_bytes.unwrap_or_else(|| (available_bytes() / 2).max(MIN_DEFAULT_BYTES));
        let receive_bytes = receive_bytes.unwrap_or_else(|| work_bytes.min(DEFAULT_RECEIVE_BYTES));
        Self { work_bytes, receive_bytes }
    }

    pub(crate) fn of(self, purpose: MemoryUse) -> MemoryLimit {
        match purpose {
            MemoryUse::Work => MemoryLimit { bytes: self.work_bytes, allocation_bytes: None },
            MemoryUse::Receive => {
                let bytes = self.receive_bytes;
                let one = (bytes / ALLOCATIONS).max(ENOUGH_FOR_ONE_BYTES.min(bytes / 2));
                MemoryLimit { bytes, allocation_bytes: Some(one) }
            }
        }
    }
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self::or_default(None, None)
    }
}

impl MemoryLimit {
    pub(crate) fn variable(self) -> Option<(&'static str, String)> {
        Some((ALLOCATION_VARIABLE, self.allocation_bytes?.to_string()))
    }

    /// Bounds a process that has just started, and those that it starts from now on. It must not have been given
    /// anything to read yet.
    pub(crate) fn bound(self, process: u32) -> io::Result<()> {
        let Some(process) = Pid::from_raw(process.cast_signed()) else { return Ok(()) };
        let bytes = getrlimit(Resource::Data).maximum.map_or(self.bytes, |hard| hard.min(self.bytes));
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        match prlimit(Some(process), Resource::Data, limit) {
            // It has ended already.
            Err(Errno::SRCH) | Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What this machine has, or the service's part of it.
fn available_bytes() -> u64 {
    let info = sysinfo();
    let machine = info.totalram.saturating_mul(info.mem_unit.into());
    control_group_bytes().map_or(machine, |group| group.min(machine))
}

/// What the group of processes that this one belongs to may take, and those that it is part of.
fn control_group_bytes() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let folder = Path::new(CONTROL_GROUPS).join(path.trim_start_matches('/'));
    let limit_of = |group: &Path| fs::read_to_string(group.join("memory.max")).ok()?.trim().parse().ok();
    folder.ancestors().take_while(|group| group.starts_with(CONTROL_GROUPS)).filter_map(limit_of).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::process::{Fsck, Lane};

    const LITTLE: MemoryLimits = MemoryLimits { work_bytes: 300 * MIB, receive_bytes: 64 * MIB };

    #[test]
    fn one_allocation_is_a_part_of_the_whole_and_enough_for_what_clients_send() {
        for (whole, one) in [
            (256 * MIB, 128 * MIB),
            (GIB, 512 * MIB),
            (2 * GIB, 672 * MIB),
            (4 * GIB, 4 * GIB / 6),
            (24 * GIB, 4 * GIB),
        ] {
            let limits = MemoryLimits { receive_bytes: whole, ..LITTLE };
            assert_eq!(limits.of(MemoryUse::Receive).allocation_bytes, Some(one), "{whole}");
        }
        assert_eq!(LITTLE.of(MemoryUse::Work).variable(), None);
    }

    #[test]
    fn what_was_not_said_follows_from_the_machine() {
        let default = MemoryLimits::default();
        assert!(default.work_bytes >= MIN_DEFAULT_BYTES);
        assert_eq!(default.receive_bytes, default.work_bytes.min(DEFAULT_RECEIVE_BYTES));
        let said = MemoryLimits::or_default(Some(2 * GIB), None);
        assert_eq!((said.work_bytes, said.receive_bytes), (2 * GIB, 2 * GIB));
        let said = MemoryLimits::or_default(Some(2 * GIB), Some(GIB));
        assert_eq!((said.work_bytes, said.receive_bytes), (2 * GIB, GIB));
    }

    #[tokio::test]
    async fn a_process_is_bounded_before_it_is_given_anything() {
        let git = fixture::git().await.with_memory_limits(LITTLE);
        let process = git.command("wait").args(["hash-object", "--stdin"]).spawn(Lane::Own).await;
        let process = process.expect("started");
        let limits = fs::read_to_string(format!("/proc/{}/limits", process.id().expect("running")));
        let limits = limits.expect("readable");
        let line = limits.lines().find(|line| line.starts_with("Max data size")).expect("a line");
        assert_eq!(line.split_whitespace().nth(3), Some("314572800"), "{line}");
    }

    #[tokio::test]
    async fn what_is_too_large_ends_git_and_is_no_damage() {
        let git = fixture::git().await.with_memory_limits(LITTLE);
        let commit = vec![b'x'; 40 << 20];
        let hash = || {
            let command = git.command("hash").args(["hash-object", "-t", "commit", "--literally", "--stdin"]);
            command.input(commit.clone())
        };
        hash().run().await.expect("what is here may take it");
        let error = hash().checking(Fsck::of_fetch()).run().await.err().expect("too much at once");
        assert!(error.fault().is_some_and(|fault| !fault.is_damage()), "{error}");
    }
}
