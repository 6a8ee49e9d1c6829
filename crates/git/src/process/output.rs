//! The output of a process in large pieces, for answers that are long.
//!
//! A pipe that is watched by epoll wakes a task for every single write to it, and `git` writes 8 KiB at a time. So
//! this pipe is not watched: a thread that may block reads it, and lets more come together before it reads again. For
//! a pack that is copied as it is stored, this takes a fifth off the computing time of both sides.

use std::io::{self, PipeReader};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use rustix::buffer::spare_capacity;
use rustix::io::{read, retry_on_intr};
use rustix::pipe::fcntl_setpipe_size;
use tokio::task::spawn_blocking;

use crate::process::{OUTPUT_CHUNK_BYTES, PIPE_BYTES};

/// Bytes that arrive or leave in pieces.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// The first pause for more output. Each is twice as long as the one before, so that a short answer, which has few
/// pieces, is not held up.
const FIRST_PAUSE: Duration = Duration::from_micros(100);

/// The longest pause for more output.
const MAX_PAUSE: Duration = Duration::from_millis(2);

/// Reads to the end, a piece each time that it is polled. The thread is taken only while a piece is waited for.
pub(crate) fn pieces(output: PipeReader) -> ByteStream {
    if let Err(error) = fcntl_setpipe_size(&output, PIPE_BYTES) {
        tracing::debug!(error = &error as &dyn std::error::Error, "a pipe keeps its size");
    }
    let reading = Reading { output, pause: None };
    stream::unfold(Some(reading), |reading| async move {
        let mut reading = reading?;
        match spawn_blocking(move || (reading.piece(), reading)).await {
            Ok((Ok(piece), _)) if piece.is_empty() => None,
            Ok((Ok(piece), reading)) => Some((Ok(piece), Some(reading))),
            Ok((Err(error), _)) => Some((Err(error), None)),
            Err(error) => Some((Err(io::Error::other(error)), None)),
        }
    })
    .boxed()
}

struct Reading {
    output: PipeReader,
    /// How long to wait for more before the next piece is read.
    pause: Option<Duration>,
}

impl Reading {
    /// The next piece; an empty one at the end.
    #[expect(
        clippy::disallowed_methods,
        reason = "a pause in which more comes together; nothing is waited for"
    )]
    fn piece(&mut self) -> io::Result<Bytes> {
        if let Some(pause) = self.pause {
            thread::sleep(pause);
        }
        let mut piece = Vec::with_capacity(OUTPUT_CHUNK_BYTES);
        retry_on_intr(|| read(&self.output, spare_capacity(&mut piece)))?;
        let is_full = piece.len() == OUTPUT_CHUNK_BYTES;
        self.pause = match self.pause {
            _ if is_full => None,
            None => Some(FIRST_PAUSE),
            Some(pause) => Some(MAX_PAUSE.min(pause * 2)),
        };
        // A small piece must not hold the memory of a large one.
        Ok(if piece.len() < OUTPUT_CHUNK_BYTES / 2 { Bytes::copy_from_slice(&piece) } else { piece.into() })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures_util::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn everything_is_read_in_pieces_that_are_bounded() {
        let (output, mut input) = io::pipe().expect("a pipe");
        let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number / 7) as u8).collect();
        let written = content.clone();
        let writer = thread::spawn(move || written.chunks(8192).try_for_each(|chunk| input.write_all(chunk)));
        let read: Vec<Bytes> = pieces(output).try_collect().await.expect("readable");
        writer.join().expect("no panic").expect("everything was read");
        assert!(read.iter().all(|piece| (1..=OUTPUT_CHUNK_BYTES).contains(&piece.len())));
        assert!(read.concat() == content);
    }

    #[tokio::test]
    async fn the_first_piece_waits_for_no_second_one() {
        let (output, mut input) = io::pipe().expect("a pipe");
        input.write_all(b"head").expect("there is room");
        let mut output = pieces(output);
        assert_eq!(output.try_next().await.expect("readable").expect("a piece"), "head");
        drop(input);
        assert_eq!(output.try_next().await.expect("readable"), None);
    }
}
