//! Lines of the log on their way to standard error, for which no request waits.
//!
//! A line is written at once while standard error takes it. When it takes no more, because the pipe is not read, lines
//! wait in memory, and a thread of their own writes them in their order. Lines for which there is no room are lost:
//! they are counted for the metrics, and the log says so once standard error takes lines again.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use heliostat_server::count_dropped_log_lines;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{SendFlags, send};

/// So many bytes of lines may wait.
const MAX_WAITING_BYTES: usize = 4 * 1024 * 1024;

/// As much is written in one go, and so much memory is kept for the next lines that wait.
const PART_BYTES: usize = 64 * 1024;

/// A pipe that takes anything takes so many bytes at once (`PIPE_BUF`).
const MAX_PIPE_BYTES: usize = 4_096;

/// How long the end of the process waits until all lines are written.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// The log of this process.
static LOG: OnceLock<LogLines> = OnceLock::new();

/// Takes lines and never waits. Cloning is cheap and shares it.
#[derive(Clone)]
pub struct LogLines(Arc<Inner>);

struct Inner {
    output: Output,
    queue: Mutex<Queue>,
    /// Lines wait.
    filled: Condvar,
    /// None do any more.
    written: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<u8>,
    /// So many bytes that were waiting are being written by the thread.
    in_writing: usize,
    /// Lines that were lost.
    dropped: u64,
    /// How many of them the log tells of.
    told: u64,
}

struct Output {
    file: File,
    kind: Kind,
}

/// How to write without waiting.
enum Kind {
    /// A file takes everything.
    File,
    /// A pipe says whether it takes a little.
    Pipe,
    /// A socket takes what it can.
    Socket,
    /// A terminal that was stopped says nothing of use.
    Terminal,
}

/// Waits until all lines are written, but not for long; false if some are not, because standard error is not read.
pub fn flush_log() -> bool {
    LOG.get().is_none_or(|log| log.flush(FLUSH_TIME))
}

impl LogLines {
    /// Those of this process.
    pub fn of_stderr() -> Self {
        let begin = || {
            let output = io::stderr().as_fd().try_clone_to_owned().expect("a start may open files");
            Self::to(output)
        };
        LOG.get_or_init(begin).clone()
    }

    fn to(output: OwnedFd) -> Self {
        let inner = Inner {
            output: Output::new(output),
            queue: Mutex::default(),
            filled: Condvar::new(),
            written: Condvar::new(),
        };
        let lines = Self(Arc::new(inner));
        let writer = lines.clone();
        // It ends with the process: `flush` is what waits for it.
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_waiting())
            .expect("the process may start threads");
        lines
    }

    /// Writes the line, or has it written as soon as that is possible.
    fn put(&self, line: &[u8]) {
        let mut queue = self.0.queue();
        let is_in_turn = queue.in_memory() == 0;
        let rest = match is_in_turn.then(|| self.0.output.write_at_once(line)) {
            None => line,
            Some(Ok(written)) => &line[written..],
            // It can never be read.
            Some(Err(_)) => return queue.drop_lines(1),
        };
        if rest.is_empty() {
            return;
        }
        if queue.in_memory() + rest.len() > MAX_WAITING_BYTES {
            return queue.drop_lines(1);
        }
        queue.waiting.extend_from_slice(rest);
        self.0.filled.notify_one();
    }

    /// Writes what waits, for as long as the process runs.
    fn write_waiting(&self) {
        let mut batch = Vec::new();
        loop {
            let mut queue = self.0.queue();
            while queue.waiting.is_empty() {
                queue = self.0.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut batch, &mut queue.waiting);
            queue.in_writing = batch.len();
            drop(queue);

            let (mut outcome, mut written) = (Ok(()), 0);
            for part in batch.chunks(PART_BYTES) {
                outcome = self.0.output.write_all(part);
                if outcome.is_err() {
                    break;
                }
                written += part.len();
                // There is room for others as soon as this is out; until the batch is done, they come behind it.
                self.0.queue().in_writing = (batch.len() - written).max(1);
            }

            let mut queue = self.0.queue();
            queue.in_writing = 0;
            if outcome.is_err() {
                let unwritten = batch[written..].iter().filter(|byte| **byte == b'\n');
                queue.drop_lines(unwritten.count() as u64);
            }
            let lost = queue.lost_since_told(outcome.is_ok());
            drop(queue);
            if let Some(lines) = lost {
                tracing::warn!(
                    lines,
                    "lines of the log were lost: nothing has read standard error for a while"
                );
            }
            self.0.written.notify_all();
            batch.clear();
            batch.shrink_to(PART_BYTES);
        }
    }

    fn flush(&self, patience: Duration) -> bool {
        let queue = self.0.queue();
        let is_behind = |queue: &mut Queue| queue.in_memory() > 0;
        let waited = self.0.written.wait_timeout_while(queue, patience, is_behind);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Inner {
    /// What a panic has left is as good as before: each change of it is one step.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// How many bytes are not written yet.
    fn in_memory(&self) -> usize {
        self.waiting.len() + self.in_writing
    }

    fn drop_lines(&mut self, lines: u64) {
        self.dropped += lines;
        count_dropped_log_lines(lines);
    }

    /// How many lines are to be told of: those that were lost, once there is room again.
    fn lost_since_told(&mut self, is_taken: bool) -> Option<u64> {
        let has_room = self.in_memory() <= MAX_WAITING_BYTES / 2;
        if !is_taken || !has_room || self.dropped == self.told {
            return None;
        }
        let lost = self.dropped - self.told;
        self.told = self.dropped;
        Some(lost)
    }
}

impl Output {
    fn new(output: OwnedFd) -> Self {
        let file = File::from(output);
        let kind = match file.metadata().map(|metadata| metadata.file_type()) {
            Ok(kind) if kind.is_fifo() => Kind::Pipe,
            Ok(kind) if kind.is_socket() => Kind::Socket,
            Ok(kind) if kind.is_char_device() && rustix::termios::isatty(&file) => Kind::Terminal,
            Ok(_) => Kind::File,
            Err(_) => Kind::Terminal,
        };
        Self { file, kind }
    }

    /// Writes as much as can be written without waiting, and returns how much that was.
    fn write_at_once(&self, bytes: &[u8]) -> Result<usize, Errno> {
        let written = match self.kind {
            Kind::File => retry_on_intr(|| rustix::io::write(&self.file, bytes)),
            Kind::Pipe if self.takes_more(Some(&Timespec::default()))? => {
                let some = &bytes[..bytes.len().min(MAX_PIPE_BYTES)];
                retry_on_intr(|| rustix::io::write(&self.file, some))
            }
            Kind::Socket => {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                retry_on_intr(|| send(&self.file, bytes, flags))
            }
            Kind::Pipe | Kind::Terminal => Ok(0),
        };
        match written {
            Err(Errno::AGAIN) => Ok(0),
            other => other,
        }
    }

    /// Writes everything, however long that takes.
    fn write_all(&self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            match retry_on_intr(|| rustix::io::write(&self.file, bytes)) {
                Ok(written) => bytes = &bytes[written..],
                // Another process that shares standard error has made it non-blocking.
                Err(Errno::AGAIN) => {
                    self.takes_more(None)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether something can be written now, or will fail at once; without an end of the time, it waits for that.
    fn takes_more(&self, patience: Option<&Timespec>) -> Result<bool, Errno> {
        let ready = retry_on_intr(|| poll(&mut [PollFd::new(&self.file, PollFlags::OUT)], patience))?;
        Ok(ready > 0)
    }
}

impl Write for LogLines {
    /// Each call is a line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Instant;

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    /// A line that says where it belongs.
    fn line(number: usize) -> String {
        format!("{number:0>1000}\n")
    }

    #[test]
    fn lines_that_are_read_are_written_at_once() {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
        let lines = LogLines::to(write);
        let mut reader = File::from(read);
        for number in 0..100 {
            lines.put(line(number).as_bytes());
            assert_eq!(lines.0.queue().in_memory(), 0);
            let mut taken = vec![0; line(number).len()];
            reader.read_exact(&mut taken).expect("it is there");
            assert_eq!(taken, line(number).into_bytes());
        }
        assert!(lines.flush(Duration::ZERO));
    }

    #[test]
    fn nothing_waits_while_lines_are_not_read_and_what_is_lost_is_counted() {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
        let lines = LogLines::to(write);
        let all = 3 * MAX_WAITING_BYTES / line(0).len();
        for number in 0..all {
            lines.put(line(number).as_bytes());
        }
        assert!(!lines.flush(Duration::ZERO), "standard error is not read");
        let lost = usize::try_from(lines.0.queue().dropped).expect("a few thousand");
        assert!(lost > all / 3 && lost < all, "{lost} of {all}");

        let reader = thread::spawn(move || {
            let mut text = Vec::new();
            let mut taken = File::from(read).take(((all - lost) * line(0).len()) as u64);
            taken.read_to_end(&mut text).expect("it can be read");
            text
        });
        assert!(lines.flush(Duration::from_secs(60)));
        let text = String::from_utf8(reader.join().expect("it does not panic")).expect("digits");
        let numbers: Vec<usize> = text.lines().map(|line| line.parse().expect("whole lines")).collect();
        assert_eq!(numbers.len(), all - lost);
        assert!(numbers.is_sorted(), "they keep their order");
        let queue = lines.0.queue();
        assert_eq!((queue.told, queue.dropped), (lost as u64, lost as u64), "it was told once");
    }

    #[test]
    fn a_long_line_stays_whole_and_no_reader_is_no_reason_to_wait() {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
        let lines = LogLines::to(write);
        let long = format!("{}\n", "x".repeat(3 * MAX_PIPE_BYTES));
        lines.put(long.as_bytes());
        lines.put(b"next\n");
        let mut text = vec![0; long.len() + 5];
        let mut reader = File::from(read);
        reader.read_exact(&mut text).expect("it is there");
        assert_eq!(text, format!("{long}next\n").into_bytes());
        assert!(lines.flush(Duration::from_secs(60)));
        drop(reader);
        // A process that another test is just starting may hold the pipe for a moment.
        let until = Instant::now() + Duration::from_mins(2);
        while lines.0.queue().dropped == 0 {
            assert!(Instant::now() < until, "standard error is not read, and nothing is lost");
            lines.put(b"lost\n");
            assert!(lines.flush(Duration::from_secs(60)));
        }
    }
}
