//! What `git` says while it makes or takes a pack: how far it is, for people who wait, and apart from that what went wrong.

use std::fmt;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::process::lines::{Line, Lines, keep_line};
use crate::process::readable_tail;

/// What a line begins with that is for people and tells of no step.
const REMARKS: [&str; 2] = ["Delta compression using", "Total "];

/// Takes each line about progress.
pub type OnProgress = Box<dyn FnMut(ProgressLine<'_>) + Send>;

/// A line about progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressLine<'a> {
    /// A step is so far, and will be further in a moment.
    UnderWay(&'a str),
    /// A step is done.
    Done(&'a str),
}

/// Hands on what `git` says of its progress, as it comes, and keeps the rest.
pub struct SaidLines {
    lines: Lines,
    /// The end of what is not about progress.
    tail: Vec<u8>,
    on_progress: OnProgress,
}

impl SaidLines {
    /// Nothing was said yet.
    pub fn new(on_progress: OnProgress) -> Self {
        Self { lines: Lines::default(), tail: Vec::new(), on_progress }
    }

    /// Takes what is said next; a line may go on with the next part.
    pub fn take(&mut self, said: &[u8]) {
        let Self { lines, tail, on_progress } = self;
        lines.take(said, |line| sort(line, tail, on_progress));
    }

    /// The end of what is not about progress, as text without credentials: all was said.
    pub fn end(&mut self) -> String {
        let Self { lines, tail, on_progress } = self;
        lines.end(|line| sort(line, tail, on_progress));
        readable_tail(tail)
    }
}

fn sort(line: Line<'_>, tail: &mut Vec<u8>, on_progress: &mut OnProgress) {
    let Line { text, is_overwritten } = line;
    if REMARKS.iter().any(|remark| text.starts_with(remark)) {
        return;
    }
    if is_overwritten {
        on_progress(ProgressLine::UnderWay(text));
    } else if text.ends_with(", done.") {
        on_progress(ProgressLine::Done(text));
    } else {
        keep_line(tail, text);
    }
}

impl fmt::Debug for SaidLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaidLines").finish_non_exhaustive()
    }
}

/// Reads to the end; returns the end of what is not about progress, as text without credentials.
pub(crate) async fn read_said(
    mut stderr: impl AsyncRead + Unpin,
    on_progress: OnProgress,
) -> io::Result<String> {
    let mut lines = SaidLines::new(on_progress);
    let mut chunk = [0; 1024];
    loop {
        let count = stderr.read(&mut chunk).await?;
        if count == 0 {
            return Ok(lines.end());
        }
        lines.take(&chunk[..count]);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[tokio::test]
    async fn progress_is_told_apart_from_what_went_wrong() {
        let said = b"Enumerating objects: 5, done.\nCounting objects:  20% (1/5)\rCounting objects: 100% (5/5), done.\n\
            Delta compression using up to 2 threads\nfatal: bad object\nTotal 5 (delta 0)";
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&lines);
        let on_progress: OnProgress = Box::new(move |line| heard.lock().push(format!("{line:?}")));
        assert_eq!(read_said(&said[..], on_progress).await.expect("readable"), "fatal: bad object\n");
        let expected = [
            "Done(\"Enumerating objects: 5, done.\")",
            "UnderWay(\"Counting objects:  20% (1/5)\")",
            "Done(\"Counting objects: 100% (5/5), done.\")",
        ];
        assert_eq!(*lines.lock(), expected);
    }

    #[tokio::test]
    async fn what_ssh_says_is_no_progress() {
        let said = b"Host key verification failed.\r\nssh: connect to host h port 1: Connection refused\r\nfatal: broken\n";
        let on_progress: OnProgress = Box::new(|line| panic!("no progress: {line:?}"));
        let kept = read_said(&said[..], on_progress).await.expect("readable");
        assert_eq!(
            kept,
            "Host key verification failed.\nssh: connect to host h port 1: Connection refused\nfatal: broken\n"
        );
    }
}
