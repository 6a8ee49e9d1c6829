//! What a run left behind that was killed: the next one removes it.
//!
//! Everything that a run makes outside its own process carries its process id: in the name (folders, control groups,
//! network namespaces and devices), or in the environment (processes). What belongs to a run that goes on is left
//! alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::measuring::group;
use crate::process::{self, RUN_VARIABLE};
use crate::{network, scratch};

/// How long killed processes may take to go.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between two looks whether they have gone.
const PAUSE: Duration = Duration::from_millis(20);
/// Names of this program: of a benchmark, and of its unit tests. The kernel cuts them to this length.
const PROGRAM_NAMES: [&str; 2] = ["heliostat-bench", "heliostat_bench"];

/// Removes what killed runs have left, and tells of it.
pub fn remove() {
    let own = std::process::id();
    let leftovers = Leftovers::find(|run| run == own || !is_run(run));
    if let Some(told) = leftovers.told() {
        eprintln!("{told}");
    }
    leftovers.remove();
}

/// Whether a process is a run of benchmarks.
fn is_run(pid: u32) -> bool {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    process::is_running(pid) && PROGRAM_NAMES.contains(&name.trim())
}

/// What runs that are over have left.
#[derive(Debug, Default)]
struct Leftovers {
    runs: BTreeSet<u32>,
    processes: Vec<u32>,
    devices: Vec<String>,
    namespaces: Vec<String>,
    groups: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Leftovers {
    /// Looks everywhere where a run leaves something.
    fn find(is_over: impl Fn(u32) -> bool) -> Self {
        let mut runs = BTreeSet::new();
        let mut is_left = |run: Option<u32>| {
            let run = run.filter(|run| is_over(*run));
            runs.extend(run);
            run.is_some()
        };
        let mut named = |places: &[PathBuf], run_of: fn(&str) -> Option<u32>| {
            let all = places.iter().flat_map(|place| fs::read_dir(place).into_iter().flatten().flatten());
            let left = all.filter(|entry| is_left(entry.file_name().to_str().and_then(run_of)));
            left.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        let groups = named(&group::parents(), run_of_name);
        let folders = named(&scratch::places(), run_of_name);
        let devices = names(&named(&[network::DEVICES.into()], network::run_of_name));
        let namespaces = names(&named(&[network::NAMESPACES.into()], network::run_of_name));
        let processes = processes().filter(|pid| is_left(run_of_process(*pid))).collect();
        Leftovers { runs, processes, devices, namespaces, groups, folders }
    }

    /// A line for people, if there is anything.
    fn told(&self) -> Option<String> {
        if self.runs.is_empty() {
            return None;
        }
        let counts = [
            (self.processes.len(), "processes"),
            (self.devices.len(), "network devices"),
            (self.namespaces.len(), "network namespaces"),
            (self.groups.len(), "control groups"),
            (self.folders.len(), "folders"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        let runs: Vec<String> = self.runs.iter().map(u32::to_string).collect();
        Some(format!("removing what killed runs ({}) have left: {}", runs.join(", "), counts.join(", ")))
    }

    /// Removes it; what cannot be removed is told.
    fn remove(self) {
        self.processes.iter().for_each(|pid| process::signal(*pid, Signal::KILL));
        let killed = Instant::now();
        while self.processes.iter().any(|pid| process::is_running(*pid)) && killed.elapsed() < END_TIMEOUT {
            thread::sleep(PAUSE);
        }
        for group in &self.groups {
            tell(group, group::remove(group).map_err(Into::into));
        }
        for device in &self.devices {
            tell(device, network::remove_device(device));
        }
        for namespace in &self.namespaces {
            tell(namespace, network::remove_namespace(namespace));
        }
        for folder in &self.folders {
            tell(folder, fs::remove_dir_all(folder).map_err(Into::into));
        }
    }
}

fn tell(what: impl AsRef<Path>, removed: anyhow::Result<()>) {
    if let Err(error) = removed {
        eprintln!("cannot remove {}, which a killed run has left: {error:#}", what.as_ref().display());
    }
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
}

/// The run that made the folder or the control group of this name.
fn run_of_name(name: &str) -> Option<u32> {
    name.strip_prefix(scratch::PREFIX)?.split('-').next()?.parse().ok()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The run that started a process.
fn run_of_process(pid: u32) -> Option<u32> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut variables =
        environment.split(|byte| *byte == 0).filter_map(|variable| str::from_utf8(variable).ok());
    variables.find_map(|variable| variable.strip_prefix(RUN_VARIABLE)?.strip_prefix('=')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run whose number no kernel gives to a process, and no other run of this test has.
    fn killed_run() -> u32 {
        const MOST_PROCESSES: u32 = 1 << 22;
        MOST_PROCESSES + std::process::id()
    }

    #[test]
    fn names_tell_whose_they_are() {
        assert_eq!(run_of_name("heliostat-bench-12-served-Ab3"), Some(12));
        assert_eq!(run_of_name("heliostat-bench-12-0"), Some(12));
        assert_eq!(run_of_name("heliostat-bench-served-Ab3"), None);
        assert_eq!(run_of_name("heliostat-12"), None);
        assert!(is_run(std::process::id()) && !is_run(killed_run()));
    }

    #[test]
    fn everything_of_a_killed_run_is_removed_and_nothing_else() {
        let (killed, own) = (killed_run(), std::process::id());
        let mark = |run: u32| {
            let mut sleep = process::command("sleep");
            process::spawn(sleep.arg("600").env(RUN_VARIABLE, run.to_string())).expect("it starts")
        };
        let (mut left, mut other) = (mark(killed), mark(own));
        let folder = std::env::temp_dir().join(format!("{}{killed}-test-x", scratch::PREFIX));
        fs::create_dir_all(folder.join("inner")).expect("a folder can be made");
        let groups: Vec<PathBuf> = group::parents()
            .iter()
            .map(|parent| parent.join(format!("{}{killed}-0", scratch::PREFIX)))
            .collect();
        let groups: Vec<PathBuf> = groups.into_iter().filter(|group| fs::create_dir(group).is_ok()).collect();
        let network = network::why_not().is_none();
        if network {
            network::leave_something(killed).expect("a network can be made");
        }

        let leftovers = Leftovers::find(|run| run == killed);
        assert_eq!(leftovers.processes, [left.id()]);
        assert_eq!((leftovers.folders.len(), leftovers.groups.len()), (1, groups.len()));
        if network {
            assert_eq!((leftovers.devices.len(), leftovers.namespaces.len()), (1, 1));
        }
        assert!(leftovers.told().expect("there is something").contains(&format!("({killed})")));
        leftovers.remove();
        // On a busy machine, one that was killed may take longer to end than is waited for it.
        process::wait(&mut left, "sleep", Duration::from_mins(2)).expect("it was killed");
        assert!(other.try_wait().expect("it is ours").is_none());
        assert!(!folder.exists() && groups.iter().all(|group| !group.exists()));
        assert!(Leftovers::find(|run| run == killed).told().is_none());
        process::kill(&mut other);
    }
}
