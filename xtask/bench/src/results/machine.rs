//! What the numbers were measured on: they mean nothing without it.

use std::fs;
use std::thread;
use std::time::SystemTime;

use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::process::{self, LOOK_UP_TIMEOUT};
use crate::workspace;

/// The facts that decide how fast anything is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// When the run began, UTC.
    pub date: String,
    /// The commit that was measured, with `+changes` if there were any.
    pub commit: String,
    /// The processor's name.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Installed memory.
    pub memory_mib: u64,
    /// The kernel's release.
    pub kernel: String,
    /// What git says of itself.
    pub git: String,
    /// Processes that wanted a core during the last minute, on average: what else was going on.
    pub load_average: String,
}

impl Machine {
    /// Looks.
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let memory = value_of(&read("/proc/meminfo"), "MemTotal")
            .and_then(|text| text.trim_end_matches("kB").trim().parse::<u64>().ok());
        let load = read("/proc/loadavg");
        Machine {
            date: utc(SystemTime::now()),
            commit: commit(),
            processor: value_of(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".into()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory.unwrap_or_default() / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            git: output_of("git", &["version"]).unwrap_or_else(|| "git is missing".into()),
            load_average: load.split(' ').next().unwrap_or_default().to_owned(),
        }
    }

    /// One line.
    pub fn line(&self) -> String {
        let Machine { date, commit, processor, cores, memory_mib, kernel, git, load_average } = self;
        format!(
            "{date}, commit {commit}; {cores} cores of {processor}, {memory_mib} MiB, Linux {kernel}, {git}, \
             load {load_average}"
        )
    }
}

fn commit() -> String {
    let Some(id) = output_of("git", &["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".into();
    };
    let changes = output_of("git", &["status", "--porcelain", "--untracked-files=no"]);
    match changes {
        Some(changes) if changes.is_empty() => id,
        _ => format!("{id}+changes"),
    }
}

fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = process::command(program);
    process::succeed(command.args(arguments).current_dir(workspace::root()), LOOK_UP_TIMEOUT).ok()
}

/// The value in the first line `name : value`.
fn value_of(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    let (_, value) = line.split_once(':')?;
    Some(value.trim().to_owned())
}

/// A time as `2026-11-22T10:15:00Z`.
fn utc(time: SystemTime) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    OffsetDateTime::from(time).format(form).expect("the form names parts that every date has")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_342_500, "2026-11-22T10:15:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn this_machine_has_cores_and_memory() {
        let machine = Machine::here();
        assert!(machine.cores > 0 && machine.memory_mib > 0, "{machine:?}");
    }
}
