//! A running `git` that never outlives its owner.
//!
//! `git` starts helpers (`pack-objects`, `index-pack`, `remote-https`), so every child leads a process group of its
//! own and the whole group is ended when the value is dropped. It is first asked to end, because `git` then removes
//! its lock files and quarantine folders; a killed one would leave a lock behind that blocks the next push.

use std::any::Any;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::runtime::Handle;
use tokio_util::io::ReaderStream;
use tokio_util::task::AbortOnDropHandle;

use crate::process::{MemoryLimit, Permit, Reader, niceness};

/// Most that is read from a process at once.
pub(crate) const OUTPUT_CHUNK_BYTES: usize = 512 * 1024;

/// How much a process may write before we read it: what Linux allows everybody. The usual 64 KiB would wake each of
/// the two for every packet.
pub(crate) const PIPE_BYTES: usize = 1024 * 1024;

/// How long a process group that was asked to end may clean up before it is killed.
const TERMINATION_GRACE: Duration = Duration::from_secs(2);

/// What must live as long as a process. The runner does not know what it is.
pub(crate) type Guard = Arc<dyn Any + Send + Sync>;

/// A child process with its helpers. Dropping it ends all of them.
#[derive(Debug)]
pub struct GitProcess {
    group: Option<Group>,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
}

/// The process group; killing is the last resort when it is dropped.
#[derive(Debug)]
struct Group {
    /// Locked only to satisfy `Sync`; there is no contention.
    child: Mutex<Child>,
    _place: Permit,
    /// Let go of when the process is gone.
    _guards: Vec<Guard>,
    reader: Option<Reader>,
    /// Makes it less urgent when it takes long.
    lower_later: Option<AbortOnDropHandle<()>>,
}

impl GitProcess {
    pub(crate) fn spawn(
        mut command: Command,
        memory: MemoryLimit,
        place: Permit,
        guards: Vec<Guard>,
        reader: Option<Reader>,
    ) -> io::Result<Self> {
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Mutex::new(child);
        let group = Group { child, _place: place, _guards: guards, reader, lower_later: None };
        let process = Self { group: Some(group), stdin, stdout, stderr };
        process.id().map_or(Ok(()), |id| memory.bound(id))?;
        Ok(process)
    }

    /// Lets everything else go first.
    pub(crate) fn yielding(self) -> Self {
        if let Some(group) = self.group_id() {
            niceness::lower(group, niceness::YIELDING);
        }
        self
    }

    /// Lets what is quick go first: all the more if the client that it computes for has had much lately, and when it takes long.
    pub(crate) fn computing(mut self, usage_rank: u32) -> Self {
        let id = self.group_id();
        if let (Some(id), Some(group)) = (id, &mut self.group) {
            niceness::lower(id, niceness::of_computing(usage_rank));
            group.lower_later = Some(niceness::lower_later(id));
        }
        self
    }

    fn group_id(&self) -> Option<Pid> {
        self.id().and_then(|id| Pid::from_raw(id.cast_signed()))
    }

    /// Notes that it looks for no more objects.
    pub(crate) fn settle(&self) {
        if let Some(reader) = self.group.as_ref().and_then(|group| group.reader.as_ref()) {
            reader.settle();
        }
    }

    /// The number of the process and of its group; `None` once it has ended and was waited for.
    pub fn id(&self) -> Option<u32> {
        self.group.as_ref().and_then(|group| group.child.lock().id())
    }

    /// The writing end of its input; closed when dropped. The first call gets it.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// Its output in pieces. The first call gets it.
    pub fn take_stdout(&mut self) -> Option<ReaderStream<ChildStdout>> {
        let stdout = self.stdout.take()?;
        if let Err(error) = fcntl_setpipe_size(&stdout, PIPE_BYTES) {
            tracing::debug!(error = &error as &dyn std::error::Error, "a pipe keeps its size");
        }
        Some(ReaderStream::with_capacity(stdout, OUTPUT_CHUNK_BYTES))
    }

    /// Waits until the process has ended. Does not close its input: drop that first.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        match &mut self.group {
            Some(group) => {
                let ended = group.child.get_mut().wait().await;
                group.lower_later = None;
                ended
            }
            None => Err(io::Error::other("the process is being ended")),
        }
    }
}

impl Group {
    /// Signals the group unless its leader was waited for: from then on the number may belong to another process.
    fn signal(&self, signal: Signal) {
        let id = self.child.lock().id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(group) = id {
            // It can only fail when the group is gone, which is what we want.
            kill_process_group(group, signal).ok();
        }
    }
}

impl Drop for GitProcess {
    fn drop(&mut self) {
        let Some(mut group) = self.group.take() else {
            return;
        };
        if group.child.lock().id().is_none() {
            return;
        }
        // Without a runtime to wait in, dropping the group kills it at once.
        if let Ok(runtime) = Handle::try_current() {
            group.signal(Signal::TERM);
            runtime.spawn(async move {
                if tokio::time::timeout(TERMINATION_GRACE, group.child.get_mut().wait()).await.is_err() {
                    group.signal(Signal::KILL);
                    // One that waits for the disk dies when that has answered, and may have changed it until then.
                    group.child.get_mut().wait().await.ok();
                }
            });
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::sync::oneshot;

    use super::*;
    use crate::process::{ClientKey, FairQueue, MemoryLimits, MemoryUse, Shares};

    /// A shell that starts a helper, says its number, and waits for the helper.
    #[expect(clippy::disallowed_methods, reason = "a stand-in for git that is easier to watch")]
    async fn shell_with_helper(script: &str, guards: Vec<Guard>) -> (GitProcess, u32) {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let place = FairQueue::new(Shares::unlimited(1)).permit(0, ClientKey::server()).await;
        let memory = MemoryLimits::default().of(MemoryUse::Work);
        let mut process = GitProcess::spawn(command, memory, place, guards, None).expect("sh runs");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let helper = lines.next_line().await.expect("readable").expect("a line");
        (process, helper.parse().expect("a number"))
    }

    async fn until_gone(id: u32) {
        let gone = async {
            while is_running(id) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(2), gone).await.expect("the process ends");
    }

    /// A zombie whose parent has not looked yet does not count.
    fn is_running(id: u32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
    }

    #[tokio::test]
    async fn dropping_ends_the_child_and_its_helpers() {
        let (process, helper) = shell_with_helper("sleep 1000 & echo $!; wait", Vec::new()).await;
        let leader = process.id().expect("running");
        drop(process);
        until_gone(leader).await;
        until_gone(helper).await;
    }

    #[tokio::test]
    async fn a_child_that_ignores_the_request_is_killed_and_what_it_needs_is_let_go_of_then() {
        let script = "trap '' TERM; sh -c 'trap \"\" TERM; echo $$; sleep 1000; sleep 1000' ; wait";
        let (lives, is_gone) = oneshot::channel::<()>();
        let (process, helper) = shell_with_helper(script, vec![Arc::new(lives)]).await;
        let leader = process.id().expect("running");
        drop(process);
        is_gone.await.ok();
        assert!(!is_running(leader));
        until_gone(helper).await;
    }

    #[test]
    fn without_a_runtime_the_group_is_killed_at_once() {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (process, helper) = runtime.block_on(shell_with_helper("sleep 1000 & echo $!; wait", Vec::new()));
        drop(process);
        runtime.block_on(until_gone(helper));
    }
}
