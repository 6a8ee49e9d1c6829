//! Ending a `git` that has outlived the server which started it.
//!
//! A server that is killed cannot end what it has started. A push that had arrived whole is then still carried out,
//! behind the back of the next server: it has read the references already, and takes their locks for left over. So
//! each process carries a mark of its server, and what bears that of one that is gone is ended before anything else
//! works on the repositories.

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Which server has started a process: in its environment, which its helpers inherit.
pub(crate) const SERVER_VARIABLE: &str = "HELIOSTAT_SERVER";

/// How long a killed process may take to be gone, such as one that waits for a disk.
const END_TIME_LIMIT: Duration = Duration::from_secs(30);

/// How often it is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// This process and when it began: its number alone may be given to another one later.
pub(crate) fn server_mark() -> &'static str {
    static MARK: LazyLock<String> = LazyLock::new(|| mark_of(std::process::id()).unwrap_or_default());
    &MARK
}

/// Ends processes of servers that are gone which work below this folder, and says how many there were; `None` where
/// processes cannot be seen, or one of them does not end. Blocks.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells of the end of a process that another one has started"
)]
pub(crate) fn end_orphans(root: &Path) -> Option<usize> {
    let started = Instant::now();
    let mut ended = std::collections::HashSet::new();
    loop {
        let orphans = orphans(root)?;
        if orphans.is_empty() {
            return Some(ended.len());
        }
        for orphan in orphans {
            if ended.insert(orphan) {
                tracing::warn!(
                    process.id = orphan.as_raw_nonzero().get(),
                    "ending a git that has outlived its server"
                );
            }
            // It can only fail when it is gone, which is what we want.
            kill_process(orphan, Signal::KILL).ok();
        }
        if started.elapsed() > END_TIME_LIMIT {
            tracing::warn!(path = %root.display(), "a git that has outlived its server does not end");
            return None;
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

fn orphans(root: &Path) -> Option<Vec<Pid>> {
    let mut processes = std::fs::read_dir("/proc").ok()?.flatten().peekable();
    processes.peek()?;
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let orphans = ids.filter(|id| is_orphan(*id, root));
    Some(orphans.filter_map(|id| Pid::from_raw(id.cast_signed())).collect())
}

/// What cannot be read belongs to another user, or has ended: then it is not one.
fn is_orphan(id: u32, root: &Path) -> bool {
    let folder = std::path::PathBuf::from(format!("/proc/{id}"));
    let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
    let prefix = format!("{SERVER_VARIABLE}=");
    let mark =
        environment.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(prefix.as_bytes()));
    let Some(mark) = mark.and_then(|mark| std::str::from_utf8(mark).ok()) else { return false };
    let server = mark.split('-').next().and_then(|id| id.parse().ok());
    if server.is_none() || server.and_then(mark_of).is_some_and(|living| living == mark) {
        return false;
    }
    // Helpers are not told where they work, but they work there.
    let arguments = std::fs::read(folder.join("cmdline")).unwrap_or_default();
    let root_bytes = root.as_os_str().as_encoded_bytes();
    let names_root = |text: &[u8]| text.windows(root_bytes.len()).any(|part| part == root_bytes);
    let is_below = std::fs::read_link(folder.join("cwd")).is_ok_and(|current| current.starts_with(root));
    is_below || names_root(&arguments) || names_root(&environment)
}

/// `<number>-<when it began>`; `None` when there is no such process, or it has ended and was not waited for.
fn mark_of(id: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name of the program, in brackets, may hold anything.
    let fields: Vec<_> = stat.rsplit(')').next()?.split_whitespace().collect();
    let (state, began) = (fields.first()?, fields.get(19)?);
    (*state != "Z").then(|| format!("{id}-{began}"))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "stand-ins for git that only wait")]
    fn only_what_a_server_that_is_gone_has_started_below_the_folder_is_ended() {
        let (root, elsewhere) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        // A server that is gone.
        let mut server = Command::new("sleep").arg("1000").stdout(Stdio::null()).spawn().expect("it runs");
        let gone = mark_of(server.id()).expect("it runs");
        let start = |mark: &str, folder: &Path| {
            let mut command = Command::new("sleep");
            command.arg("1000").env(SERVER_VARIABLE, mark).current_dir(folder).spawn().expect("it runs")
        };
        let mut living = [
            start(&gone, elsewhere.path()),
            start(server_mark(), root.path()),
            start("", root.path()),
            start("rubbish", root.path()),
        ];
        let mut orphan = start(&gone, root.path());
        assert_eq!(orphans(root.path()).expect("seen").len(), 0, "its server lives");
        server.kill().expect("killed");
        server.wait().expect("gone");
        // It stays until it is waited for.
        let waiting = std::thread::spawn(move || orphan.wait().expect("it ends"));
        assert_eq!(end_orphans(root.path()), Some(1));
        assert!(!waiting.join().expect("no panic").success());
        for process in &mut living {
            assert!(process.try_wait().expect("ours").is_none());
            process.kill().expect("killed");
            process.wait().expect("gone");
        }
    }
}
