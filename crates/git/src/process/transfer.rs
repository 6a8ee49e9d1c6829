//! Running a `git` that talks to another server: progress is handed on, and silence without any work ends it.
//!
//! Very many references are written without a word, so silence alone says little.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::process::lines::{Line, Lines, keep_line};
use crate::process::{Ended, GitCommand, GitError, Lane, WorkWatch, read_tail, readable_tail, write_input};

/// Who wants to see progress.
pub(crate) type Progress<'a> = &'a mut (dyn FnMut(&str) + Send);

/// Runs a command to its end. It fails when nothing is heard from it for `stall_limit`, and it does not compute.
pub(crate) async fn transfer(
    command: &GitCommand,
    input: &[u8],
    stall_limit: Duration,
    on_progress: Progress<'_>,
) -> Result<Ended, GitError> {
    let operation = command.operation();
    let io_error = |error| GitError::Io { operation, error };
    let mut process = command.spawn(Lane::Own).await?;
    let stdin = process.stdin.take().expect("spawned with a piped stdin");
    let stdout = process.stdout.take().expect("spawned with a piped stdout");
    let stderr = process.stderr.take().expect("spawned with a piped stderr");
    let write = write_input(stdin, input).map(Ok);
    let results = async { read_tail(stdout).await.map_err(io_error) };
    let patience = Patience { operation, stall_limit, work: WorkWatch::of(process.id()) };
    let said = read_progress(stderr, patience, on_progress);
    let ((), stdout, stderr) = tokio::try_join!(write, results, said)?;
    let status = tokio::time::timeout(stall_limit, process.wait()).await;
    let status =
        status.map_err(|_| GitError::TimedOut { operation, limit: stall_limit })?.map_err(io_error)?;
    Ok(Ended { status, stdout: stdout.into_bytes(), stderr })
}

/// How long one waits for a word.
pub(crate) struct Patience {
    pub(crate) operation: &'static str,
    /// How long it may be silent and idle.
    pub(crate) stall_limit: Duration,
    pub(crate) work: WorkWatch,
}

pub(crate) async fn read_progress(
    mut stderr: impl AsyncRead + Unpin,
    mut patience: Patience,
    on_progress: Progress<'_>,
) -> Result<String, GitError> {
    let Patience { operation, stall_limit, .. } = patience;
    let (mut tail, mut lines) = (Vec::new(), Lines::default());
    let mut chunk = [0; 4096];
    loop {
        let read = tokio::time::timeout(stall_limit, stderr.read(&mut chunk)).await;
        let read = match read {
            Ok(read) => read,
            Err(_) if patience.work.has_worked() => continue,
            Err(_) => return Err(GitError::TimedOut { operation, limit: stall_limit }),
        };
        let count = read.map_err(|error| GitError::Io { operation, error })?;
        if count == 0 {
            lines.end(|line| hand_on(line, &mut tail, on_progress));
            return Ok(readable_tail(&tail));
        }
        lines.take(&chunk[..count], |line| hand_on(line, &mut tail, on_progress));
    }
}

/// A line that is overwritten is progress only; one that stays on the screen is worth keeping for an error.
fn hand_on(line: Line<'_>, tail: &mut Vec<u8>, on_progress: Progress<'_>) {
    let text = line.text.trim_start();
    on_progress(text);
    if !line.is_overwritten {
        keep_line(tail, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(stall_limit: Duration, worker: Option<u32>) -> Patience {
        Patience { operation: "test", stall_limit, work: WorkWatch::of(worker) }
    }

    #[tokio::test]
    async fn overwritten_lines_are_progress_and_the_others_are_kept() {
        let said = b"Counting:  50%\rCounting: 100%\rCounting: 100%, done.\n\nnot known\r\nfatal: no";
        let mut lines = Vec::new();
        let mut on_progress = |line: &str| lines.push(line.to_owned());
        let tail = read_progress(&said[..], patience(Duration::from_secs(5), None), &mut on_progress).await;
        let tail = tail.expect("read");
        assert_eq!(
            lines,
            ["Counting:  50%", "Counting: 100%", "Counting: 100%, done.", "not known", "fatal: no"]
        );
        assert_eq!(tail, "Counting: 100%, done.\nnot known\nfatal: no\n");
    }

    #[tokio::test]
    async fn silence_ends_it() {
        let (_silent, stderr) = tokio::io::duplex(64);
        let patience = patience(Duration::from_millis(1), None);
        let ended = read_progress(stderr, patience, &mut |_: &str| {}).await;
        assert!(matches!(ended, Err(GitError::TimedOut { .. })), "{ended:?}");
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a stand-in for git that does what is told")]
    async fn silence_of_a_process_that_works_does_not() {
        let script = "i=0; while [ $i -lt 5000000 ]; do i=$((i+1)); done; echo done >&2";
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", script]).stderr(std::process::Stdio::piped()).process_group(0).kill_on_drop(true);
        // On a busy machine there may be a second in which it has no turn, and does not work.
        for _ in 0..10 {
            let mut process = command.spawn().expect("sh runs");
            let stderr = process.stderr.take().expect("piped");
            let patience = patience(Duration::from_secs(1), process.id());
            match read_progress(stderr, patience, &mut |_: &str| {}).await {
                Err(GitError::TimedOut { .. }) => {}
                ended => {
                    assert_eq!(ended.expect("it is waited for"), "done\n");
                    process.wait().await.expect("it ends");
                    return;
                }
            }
        }
        panic!("it is not waited for, whatever it does");
    }
}
