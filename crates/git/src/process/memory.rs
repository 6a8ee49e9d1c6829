//! How much memory one `git` may take, whatever it is sent.
//!
//! A push of some kilobytes can claim to be an object of gigabytes, and `git` allocates what is claimed. Two bounds
//! hold for each process with its helpers: on one allocation, which stops such a claim before anything is computed,
//! and on all that it has allocated. The second is that on a process' data: what `git` maps of packs and indexes takes
//! no memory that others need, and a bound on addresses would keep it from reading large repositories.

use std::path::Path;
use std::{fs, io};

use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use rustix::system::sysinfo;

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// Most that a process gets where nobody has said how much: enough for a repository of ten million objects.
const MAX_DEFAULT_BYTES: u64 = 4 * GIB;

/// Least that a process gets where nobody has said how much.
const MIN_DEFAULT_BYTES: u64 = GIB;

/// One allocation gets this part of the whole. A delta needs what it starts from, what it makes and itself at once.
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
pub struct MemoryLimit {
    bytes: u64,
}

impl MemoryLimit {
    /// So many bytes.
    pub const fn of(bytes: u64) -> Self {
        Self { bytes }
    }

    /// Half of what this machine, or the service's part of it, has; at least 1 and at most 4 GiB.
    pub fn of_machine() -> Self {
        let info = sysinfo();
        let machine = u64::from(info.totalram).saturating_mul(u64::from(info.mem_unit));
        let available = control_group_bytes().map_or(machine, |group| group.min(machine));
        Self::of((available / 2).clamp(MIN_DEFAULT_BYTES, MAX_DEFAULT_BYTES))
    }

    /// Most that it takes at once.
    pub fn allocation_bytes(self) -> u64 {
        (self.bytes / ALLOCATIONS).max(ENOUGH_FOR_ONE_BYTES.min(self.bytes / 2))
    }

    pub(crate) fn variable(self) -> (&'static str, String) {
        (ALLOCATION_VARIABLE, self.allocation_bytes().to_string())
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

impl Default for MemoryLimit {
    fn default() -> Self {
        Self::of_machine()
    }
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
    use crate::fixture::{self, Workshop};
    use crate::process::Lane;

    #[test]
    fn one_allocation_is_a_part_of_the_whole_and_enough_for_what_clients_send() {
        for (whole, one) in [
            (256 * MIB, 128 * MIB),
            (GIB, 512 * MIB),
            (2 * GIB, 672 * MIB),
            (4 * GIB, 4 * GIB / 6),
            (24 * GIB, 4 * GIB),
        ] {
            assert_eq!(MemoryLimit::of(whole).allocation_bytes(), one, "{whole}");
        }
        let default = MemoryLimit::of_machine().bytes;
        assert!((MIN_DEFAULT_BYTES..=MAX_DEFAULT_BYTES).contains(&default));
    }

    #[tokio::test]
    async fn a_process_is_bounded_before_it_is_given_anything() {
        let git = fixture::git().await.with_memory_limit(MemoryLimit::of(300 * MIB));
        let process = git.command("wait").args(["hash-object", "--stdin"]).spawn(Lane::Own).await;
        let process = process.expect("started");
        let limits = fs::read_to_string(format!("/proc/{}/limits", process.id().expect("running")));
        let limits = limits.expect("readable");
        let line = limits.lines().find(|line| line.starts_with("Max data size")).expect("a line");
        assert_eq!(line.split_whitespace().nth(3), Some("314572800"), "{line}");
    }

    #[tokio::test]
    async fn what_is_too_large_ends_git_and_is_no_damage() {
        let workshop = Workshop::new().await;
        let git = workshop.git.clone().with_memory_limit(MemoryLimit::of(64 * MIB));
        let tag = format!("tree {}\n{}", "1".repeat(40), "x".repeat(40 * MIB as usize));
        let command = git.command("hash").args(["hash-object", "-t", "commit", "--literally", "--stdin"]);
        let error = command.input(tag.into_bytes()).run().await.err().expect("too much for one allocation");
        assert!(error.fault().is_some_and(|fault| !fault.is_damage()), "{error}");
    }
}
