//! CPU time of processes with all of their children, from `/proc/<pid>/stat`.
//!
//! A process carries the CPU time of the children that it has waited for. Children that still run are found by
//! their parent, so that nothing is missed while a server has a git process open. The kernel counts exactly and
//! reports in steps of 10 ms: measure something that takes at least a second, or many of it.

use std::fs;
use std::io;
use std::time::Duration;

/// Unit of the times in `/proc`: Linux fixes it at a hundredth of a second for all programs.
const TICK: Duration = Duration::from_millis(10);

/// What one process has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessTimes {
    /// The process that started it.
    pub parent: u32,
    /// User and system time, its own and that of children that it has waited for.
    pub ticks: u64,
    /// The part of it that is of children.
    pub children_ticks: u64,
}

/// CPU time of these processes and everything below them.
pub fn of_trees(roots: &[u32]) -> io::Result<Duration> {
    let processes = all_processes()?;
    let used: u64 = tree(roots, &processes)
        .iter()
        .filter_map(|pid| processes.iter().find(|(other, _)| other == pid))
        .map(|(_, times)| times.ticks)
        .sum();
    Ok(ticks(used))
}

/// CPU time of the children that this process has waited for.
pub fn of_finished_children() -> io::Result<Duration> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let times = parse(&text).ok_or_else(|| io::Error::other("/proc/self/stat has an unknown form"))?;
    Ok(ticks(times.children_ticks))
}

/// These processes and everything below them, among those that run now.
pub fn with_descendants(roots: &[u32]) -> io::Result<Vec<u32>> {
    Ok(tree(roots, &all_processes()?))
}

/// Reads the content of a `stat` file.
pub fn parse(text: &str) -> Option<ProcessTimes> {
    // The second field is the program's name in parentheses and may contain both blanks and parentheses.
    let (_, fields) = text.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
    let (user, system) = (number(11)?, number(12)?);
    let children_ticks = number(13)? + number(14)?;
    Some(ProcessTimes {
        parent: fields.get(1)?.parse().ok()?,
        ticks: user + system + children_ticks,
        children_ticks,
    })
}

fn ticks(count: u64) -> Duration {
    TICK * u32::try_from(count).unwrap_or(u32::MAX)
}

fn tree(roots: &[u32], processes: &[(u32, ProcessTimes)]) -> Vec<u32> {
    let mut found = roots.to_vec();
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        let children = processes.iter().filter(|(pid, times)| times.parent == parent && !found.contains(pid));
        found.extend(children.map(|(pid, _)| *pid).collect::<Vec<_>>());
        next += 1;
    }
    found
}

fn all_processes() -> io::Result<Vec<(u32, ProcessTimes)>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process may end between the listing and the look.
        let Ok(text) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        processes.extend(parse(&text).map(|times| (pid, times)));
    }
    Ok(processes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_contain_anything() {
        let stat = "42 (a ) (b) S 7 42 42 0 -1 4194560 100 200 0 0 11 12 130 14 20 0 1 0 100 1000 10 1";
        let expected = ProcessTimes { parent: 7, ticks: 167, children_ticks: 144 };
        assert_eq!(parse(stat), Some(expected));
        assert_eq!(parse("42 (x) S 7"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_tree_is_everything_below_its_root() {
        let times = |parent| ProcessTimes { parent, ticks: 1, children_ticks: 0 };
        let processes = [(1, times(0)), (2, times(1)), (3, times(2)), (4, times(1)), (5, times(3))];
        assert_eq!(tree(&[2], &processes), [2, 3, 5]);
        assert_eq!(tree(&[4, 3], &processes), [4, 3, 5]);
    }

    #[test]
    fn this_process_has_used_some_time() {
        let own = [std::process::id()];
        assert!(with_descendants(&own).expect("/proc can be read").contains(&own[0]));
        let before = of_trees(&own).expect("/proc can be read");
        while of_trees(&own).expect("/proc can be read") == before {
            std::hint::black_box((0..100_000_u64).sum::<u64>());
        }
    }
}
