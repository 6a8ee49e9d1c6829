//! Programs that a benchmark starts: marked as this run's, and never waited for without a limit.
//!
//! What a program writes goes into memory instead of a pipe, so that neither a full pipe nor a grandchild that keeps
//! one open makes this process wait.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::measuring::cpu;

/// The variable that tells of every process which run has started it.
pub const RUN_VARIABLE: &str = "BENCH_RUN";

/// How long a program that only looks something up may take.
pub const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a process may take to end after it was killed.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// A program did not end in time and was killed with everything that it had started.
#[derive(Debug)]
pub struct TimedOut {
    command: String,
    limit: Duration,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TimedOut { command, limit } = self;
        write!(formatter, "{command} was killed: it did not end within {} s", limit.as_secs_f64())
    }
}

impl std::error::Error for TimedOut {}

/// A command whose process is marked as this run's.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env(RUN_VARIABLE, std::process::id().to_string());
    command
}

/// The same with nothing else of this process's environment than the search path.
pub fn command_with_clean_environment(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env(RUN_VARIABLE, std::process::id().to_string());
    command
}

/// A command whose process dies with this one, even when this one is killed.
///
/// The kernel ties it to the thread that starts the process: start servers from the main thread.
pub fn dying_with_us(program: impl AsRef<OsStr>) -> Command {
    let mut command = command("setpriv");
    command.args(["--pdeathsig", "TERM"]).arg(program);
    command
}

/// Settings of the user who runs the benchmark must not decide what is measured.
pub fn without_settings(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HELIOSTAT_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a program to its end without input; fails unless it succeeds. Returns its standard output, trimmed.
pub fn succeed(command: &mut Command, limit: Duration) -> anyhow::Result<String> {
    let Output { status, stdout, stderr } = output(command, limit)?;
    if !status.success() {
        let said = String::from_utf8_lossy(&stderr);
        bail!("{} failed with {status}: {}", shown(command), said.trim());
    }
    Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
}

/// Runs a program to its end without input.
pub fn output(command: &mut Command, limit: Duration) -> anyhow::Result<Output> {
    let (stdout, stderr) = (memory_file()?, memory_file()?);
    command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let status = wait(&mut spawn(command)?, &shown(command), limit)?;
    Ok(Output { status, stdout: content(&stdout)?, stderr: content(&stderr)? })
}

/// Runs a program to its end for people to see what it does; fails unless it succeeds.
pub fn show(command: &mut Command, limit: Duration) -> anyhow::Result<()> {
    eprintln!("-- {}", shown(command));
    let status = wait(&mut spawn(command.stdin(Stdio::null()))?, &shown(command), limit)?;
    if !status.success() {
        bail!("{} failed with {status}", shown(command));
    }
    Ok(())
}

/// Starts a program.
pub fn spawn(command: &mut Command) -> anyhow::Result<Child> {
    command.spawn().with_context(|| format!("cannot run {}", shown(command)))
}

/// Waits until a process ends. One that takes longer than the limit is killed with everything that it has started,
/// and the error is [`TimedOut`].
pub fn wait(child: &mut Child, command: &str, limit: Duration) -> anyhow::Result<ExitStatus> {
    if let Some(status) = wait_for_end(child, limit)? {
        return Ok(status);
    }
    kill(child);
    Err(TimedOut { command: command.to_owned(), limit }.into())
}

/// Asks a process to end, so that it ends what it has started too; one that takes longer than the limit is killed.
pub fn stop(child: &mut Child, name: &str, limit: Duration) {
    if matches!(child.try_wait(), Ok(None)) {
        signal(child.id(), Signal::TERM);
        let _ = wait(child, name, limit);
    }
}

/// Kills a process with everything that it has started.
pub fn kill(child: &mut Child) {
    let root = child.id();
    let all = cpu::with_descendants(&[root]).unwrap_or_else(|_| vec![root]);
    all.into_iter().for_each(|pid| signal(pid, Signal::KILL));
    let _ = wait_for_end(child, KILL_TIMEOUT);
}

/// A command as it would be typed.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a process still does something: one that has ended but was not waited for does not.
pub fn is_running(pid: u32) -> bool {
    std::fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

/// Sends a signal; one that has ended needs none.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// The kernel wakes this thread at the end of the process: what is measured must not contain a pause between looks.
fn wait_for_end(child: &mut Child, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process has a number")?;
    let process = match child.try_wait()? {
        Some(status) => return Ok(Some(status)),
        None => pidfd_open(pid, PidfdFlags::empty()).context("cannot watch a process")?,
    };
    let end = Instant::now() + limit;
    loop {
        let left = Timespec::try_from(end.saturating_duration_since(Instant::now()))?;
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(child.wait()?)),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait for a process"),
        }
    }
}

fn memory_file() -> anyhow::Result<File> {
    Ok(memfd_create("output", MemfdFlags::CLOEXEC).context("cannot make a file in memory")?.into())
}

fn content(file: &File) -> anyhow::Result<Vec<u8>> {
    let mut content = vec![0; usize::try_from(file.metadata()?.len())?];
    file.read_exact_at(&mut content, 0)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Command {
        let mut shell = command("sh");
        shell.args(["-c", script]);
        shell
    }

    #[test]
    fn what_a_program_says_is_returned() {
        let said = output(&mut shell("echo out; echo error >&2; exit 3"), LONG).expect("it ends");
        assert_eq!(
            (said.status.code(), said.stdout, said.stderr),
            (Some(3), b"out\n".into(), b"error\n".into())
        );
        assert_eq!(succeed(&mut shell("echo ' all well '"), LONG).expect("it succeeds"), "all well");
        let error = succeed(&mut shell("echo no >&2; exit 1"), LONG).expect_err("it fails").to_string();
        assert!(error.ends_with("failed with exit status: 1: no"), "{error}");
    }

    #[test]
    fn a_program_that_does_not_end_is_killed_with_its_children() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let told = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", told.display());
        let killed_after = |limit| {
            let error = output(&mut shell(&script), limit).expect_err("it is killed");
            assert!(error.is::<TimedOut>(), "{error}");
            std::fs::read_to_string(&told).ok()?.trim().parse::<u32>().ok()
        };
        // A busy machine may let a short time pass before the shell has told.
        let limits = [1, 8, 60].map(Duration::from_secs);
        let child = limits.into_iter().find_map(killed_after).expect("it has told a number");
        let started = Instant::now();
        while is_running(child) && started.elapsed() < LONG {
            std::thread::yield_now();
        }
        assert!(!is_running(child));
    }

    #[test]
    fn a_grandchild_that_stays_does_not_keep_anything_waiting() {
        let started = Instant::now();
        let said = output(&mut shell("sleep 600 & echo $!"), LONG).expect("it ends");
        assert!(started.elapsed() < Duration::from_mins(5));
        signal(String::from_utf8_lossy(&said.stdout).trim().parse().expect("a number"), Signal::KILL);
    }

    #[test]
    fn processes_carry_the_mark_of_their_run() {
        let mark = format!("{RUN_VARIABLE}={}", std::process::id());
        for mut command in [command("env"), command_with_clean_environment("env"), dying_with_us("env")] {
            let said = succeed(&mut command, LONG).expect("it succeeds");
            assert!(said.lines().any(|line| line == mark), "{said}");
        }
    }
}
