//! The processes of one server as a control group: exact CPU time and memory, of children that have ended too.
//!
//! Version 1 (`cpuacct` and `memory`) and version 2 (`cpu.stat` and `memory.stat`) are understood. Where no group may
//! be made, the numbers come from the process trees: in steps of 10 ms, without children that were not waited for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use parking_lot::Mutex;
use rustix::process::Signal;

use crate::measuring::watch::Watch;
use crate::measuring::{cpu, memory};
use crate::process::{self, dying_with_us};
use crate::scratch;

const ROOT: &str = "/sys/fs/cgroup";
/// Pause between two looks while a peak is searched.
const PAUSE: Duration = Duration::from_millis(10);
/// How long processes may take to leave a group after they were killed.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// Numbers the groups of this process.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// The processes of one server.
#[derive(Debug)]
pub struct Group {
    folders: Folders,
    /// The first processes, for the fall-back.
    roots: Mutex<Vec<u32>>,
}

/// Where the kernel tells of the group.
#[derive(Debug)]
enum Folders {
    One { cpu: PathBuf, memory: PathBuf },
    Two(PathBuf),
    None,
}

impl Group {
    /// Makes an empty group, or stands in for one.
    pub fn new() -> Arc<Self> {
        let name =
            format!("{}{}-{}", scratch::PREFIX, std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folders = Folders::make(&name).unwrap_or(Folders::None);
        Arc::new(Group { folders, roots: Mutex::default() })
    }

    /// Whether the kernel counts; process trees are less exact.
    pub fn is_exact(&self) -> bool {
        !matches!(self.folders, Folders::None)
    }

    /// A command whose process begins in the group, maybe in a network namespace, and dies with this one.
    pub fn command(&self, namespace: Option<&str>, program: &Path) -> Command {
        let mut command = dying_with_us("sh");
        let folders = self.folders.all();
        let enter = folders.iter().map(|folder| format!("echo $$ > {}/cgroup.procs && ", folder.display()));
        let in_namespace = namespace.map_or_else(String::new, |name| format!("ip netns exec {name} "));
        let script =
            format!("{}exec {in_namespace}setpriv --pdeathsig TERM \"$@\"", enter.collect::<String>());
        command.args(["-c", &script, "sh"]).arg(program);
        command
    }

    /// Tells of a process that was started by such a command.
    pub fn add(&self, pid: u32) {
        self.roots.lock().push(pid);
    }

    /// What all of them have used.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        match &self.folders {
            Folders::One { cpu, .. } => {
                let nanoseconds: u64 = read(&cpu.join("cpuacct.usage"))?.trim().parse()?;
                Ok(Duration::from_nanos(nanoseconds).as_secs_f64())
            }
            Folders::Two(folder) => {
                let stat = read(&folder.join("cpu.stat"))?;
                let microseconds = field(&stat, "usage_usec").context("cpu.stat has no usage_usec")?;
                Ok(Duration::from_micros(microseconds).as_secs_f64())
            }
            Folders::None => Ok(cpu::of_trees(&self.roots())?.as_secs_f64()),
        }
    }

    /// The anonymous memory of all of them now, in bytes.
    pub fn anonymous_bytes(&self) -> anyhow::Result<u64> {
        match &self.folders {
            Folders::One { memory, .. } => {
                let stat = read(&memory.join("memory.stat"))?;
                field(&stat, "total_rss").context("memory.stat has no total_rss")
            }
            Folders::Two(folder) => {
                let stat = read(&folder.join("memory.stat"))?;
                field(&stat, "anon").context("memory.stat has no anon")
            }
            Folders::None => {
                let trees = self.roots().into_iter().map(memory::of_tree).collect::<io::Result<Vec<_>>>()?;
                Ok(trees.iter().map(|tree| tree.anonymous).sum())
            }
        }
    }

    /// Begins to look for the highest anonymous memory, in bytes.
    pub fn watch_memory(self: &Arc<Self>) -> Watch<u64> {
        let group = Arc::clone(self);
        Watch::start(PAUSE, move |peak: &mut u64| {
            *peak = (*peak).max(group.anonymous_bytes().unwrap_or_default());
        })
    }

    fn roots(&self) -> Vec<u32> {
        self.roots.lock().clone()
    }
}

impl Folders {
    fn make(name: &str) -> io::Result<Self> {
        let root = Path::new(ROOT);
        if root.join("cpuacct").is_dir() && root.join("memory").is_dir() {
            let folder = |controller: &str| {
                let folder = root.join(controller).join(name);
                fs::create_dir(&folder).map(|()| folder)
            };
            return Ok(Folders::One { cpu: folder("cpuacct")?, memory: folder("memory")? });
        }
        let folder = root.join(name);
        fs::create_dir(&folder)?;
        if folder.join("cpu.stat").is_file() && folder.join("memory.stat").is_file() {
            return Ok(Folders::Two(folder));
        }
        fs::remove_dir(&folder)?;
        Ok(Folders::None)
    }

    fn all(&self) -> Vec<&PathBuf> {
        match self {
            Folders::One { cpu, memory } => vec![cpu, memory],
            Folders::Two(folder) => vec![folder],
            Folders::None => Vec::new(),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in self.folders.all() {
            let _ = remove(folder);
        }
    }
}

/// The folders in which groups of runs are made, as far as they exist.
pub fn parents() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    [root.join("cpuacct"), root.join("memory"), root.to_owned()]
        .into_iter()
        .filter(|path| path.is_dir())
        .collect()
}

/// Kills what is left in a group of a run, and removes it.
pub fn remove(folder: &Path) -> io::Result<()> {
    let asked = Instant::now();
    loop {
        match fs::remove_dir(folder) {
            Err(_) if asked.elapsed() < END_TIMEOUT => {}
            ended => return ended,
        }
        for pid in fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default().lines() {
            pid.parse().into_iter().for_each(|pid| process::signal(pid, Signal::KILL));
        }
        thread::sleep(PAUSE);
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The value of a line `name value`.
fn field(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(known, _)| *known == name)?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "anon_thp 5\nanon 4096\nfile 7\n";
        assert_eq!(field(text, "anon"), Some(4096));
        assert_eq!(field(text, "rss"), None);
    }

    #[test]
    fn work_of_a_child_is_counted() {
        let group = Group::new();
        let mut command = group.command(None, Path::new("sh"));
        let mut child = command
            .args(["-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"])
            .spawn()
            .expect("it starts");
        group.add(child.id());
        assert!(child.wait().expect("it ends").success());
        // Without control groups, a process that has ended is not found any more.
        if group.is_exact() {
            assert!(group.cpu_seconds().expect("it is told") > 0.01);
        }
    }
}
