//! What `git` says while it makes or takes a pack: how far it is, for people who wait, and apart from that what went wrong.

use std::fmt;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::process::{keep_tail, readable_tail};

/// Longest line that is read whole.
const MAX_LINE_BYTES: usize = 1024;

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

/// Takes apart what `git` says, as it comes.
pub struct SaidLines {
    line: Vec<u8>,
    /// The end of what is not about progress.
    tail: Vec<u8>,
    on_progress: OnProgress,
}

impl SaidLines {
    /// Nothing was said yet.
    pub fn new(on_progress: OnProgress) -> Self {
        Self { line: Vec::new(), tail: Vec::new(), on_progress }
    }

    /// Takes what is said next; a line may go on with the next part.
    pub fn take(&mut self, said: &[u8]) {
        for byte in said {
            match byte {
                b'\r' | b'\n' => self.end_line(*byte == b'\r'),
                _ if self.line.len() < MAX_LINE_BYTES => self.line.push(*byte),
                _ => {}
            }
        }
    }

    /// The end of what is not about progress, as text without credentials: all was said.
    pub fn end(&mut self) -> String {
        self.end_line(false);
        readable_tail(&self.tail)
    }

    fn end_line(&mut self, is_overwritten: bool) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() || REMARKS.iter().any(|remark| text.starts_with(remark)) {
            return;
        }
        if is_overwritten && is_counting(text) {
            (self.on_progress)(ProgressLine::UnderWay(text));
        } else if text.ends_with(", done.") {
            (self.on_progress)(ProgressLine::Done(text));
        } else {
            keep_tail(&mut self.tail, text.as_bytes());
            keep_tail(&mut self.tail, b"\n");
        }
    }
}

/// Whether it is a title with a number behind it, as git counts. `ssh` ends its lines by a carriage return, too.
pub(super) fn is_counting(line: &str) -> bool {
    line.split(": ").skip(1).any(|rest| rest.trim_start().starts_with(|first: char| first.is_ascii_digit()))
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
