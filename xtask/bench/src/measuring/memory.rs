//! Memory of processes with their children, from `/proc/<pid>/status`, once or as a peak over some time.
//!
//! The kernel keeps these figures. `smaps_rollup` would be exact to the page, but walks through all pages: while it does, a
//! large process cannot get new ones, which is then measured.

use std::fs;
use std::io;
use std::time::Duration;

use crate::measuring::cpu;
use crate::measuring::watch::Watch;

/// Pause between two looks while a peak is searched.
const PAUSE: Duration = Duration::from_millis(20);

/// What processes occupy, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Everything in memory, mapped files included.
    pub resident: u64,
    /// What only memory can hold: heap and stacks, but no mapped files.
    pub anonymous: u64,
}

impl Memory {
    fn plus(self, other: Memory) -> Memory {
        Memory { resident: self.resident + other.resident, anonymous: self.anonymous + other.anonymous }
    }

    fn larger(self, other: Memory) -> Memory {
        Memory { resident: self.resident.max(other.resident), anonymous: self.anonymous.max(other.anonymous) }
    }
}

/// What one process occupies.
pub fn of_process(pid: u32) -> io::Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    parse(&text).ok_or_else(|| io::Error::other("it has ended, or its status has an unknown form"))
}

/// What a process and everything below it occupy.
pub fn of_tree(root: u32) -> io::Result<Memory> {
    Ok(of_process(root).unwrap_or_default().plus(of_descendants(root)?))
}

fn of_descendants(root: u32) -> io::Result<Memory> {
    let processes = cpu::with_descendants(&[root])?;
    let found = processes.iter().filter(|pid| **pid != root).filter_map(|pid| of_process(*pid).ok());
    Ok(found.fold(Memory::default(), Memory::plus))
}

/// Reads the content of a `status` file; a process that has ended has no memory in it.
pub fn parse(text: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    };
    Some(Memory { resident: bytes("VmRSS:")?, anonymous: bytes("RssAnon:")? })
}

/// The highest values of a process, alone and with its children.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peak {
    /// The process alone.
    pub process: Memory,
    /// The process and everything below it.
    pub tree: Memory,
}

/// Begins to look for the highest values of a process.
pub fn watch_peak(pid: u32) -> Watch<Peak> {
    Watch::start(PAUSE, move |peak: &mut Peak| {
        // One look for both: it may give memory back at any moment, and all of them have no less than it alone.
        let alone = of_process(pid).unwrap_or_default();
        peak.process = peak.process.larger(alone);
        peak.tree = peak.tree.larger(alone.plus(of_descendants(pid).unwrap_or_default()));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_the_lines_count() {
        let text = "Name:\tgit\nVmHWM:\t    1300 kB\nVmRSS:\t    1204 kB\nRssAnon:\t     100 kB\n\
                    RssFile:\t    1104 kB\n";
        let expected = Memory { resident: 1204 * 1024, anonymous: 100 * 1024 };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("VmRSS: 3 kB\n"), None);
    }

    #[test]
    fn this_process_occupies_memory() {
        let sampler = watch_peak(std::process::id());
        let now = of_process(std::process::id()).expect("/proc can be read");
        assert!(now.anonymous > 0 && now.anonymous <= now.resident);
        let peak = sampler.stop().expect("it has looked");
        assert!(peak.tree.resident >= peak.process.resident);
    }
}
