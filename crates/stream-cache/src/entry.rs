//! An answer in the making: one writer, many readers that begin at its first byte whenever they come.
//!
//! ```text
//!            in the file                 in memory (only when the file can hold no more)
//! |=================================|~~~~~~~~~~~~~~~~~~~~~|
//! 0        ^ slowest       ^ furthest                      ^ produced
//! ```
//!
//! The writer waits when it is too far ahead of the furthest reader, unless it goes at a pace of its own, or when too much is
//! in memory; readers wait at the end of what was produced. What is in memory goes when the slowest reader has taken it;
//! from then on no reader can join any more. When the last reader leaves before the end, the entry is abandoned, for good:
//! joining and abandoning happen under one lock, so that no reader joins a computation that is being given up.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use crate::reader::Piece;
use crate::response_stream::{BrokenOutput, Pace, Progress};

/// Most that one answer which no file can hold keeps in memory, between its slowest reader and its end.
pub(crate) const MAX_MEMORY_BYTES: u64 = 8 * 1024 * 1024;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Entry {
    state: Mutex<State>,
    /// How far the writer may be ahead of the furthest reader, unless it goes at a pace of its own.
    ahead_bytes: u64,
}

#[derive(Debug, Default)]
struct State {
    file: Option<Arc<File>>,
    filed: u64,
    /// Whether further bytes go to memory.
    spilled: bool,
    memory: VecDeque<Bytes>,
    /// Where in the answer the first piece in memory begins.
    memory_start: u64,
    produced: u64,
    end: End,
    /// It shall be made even without readers.
    pinned: bool,
    pace: Pace,
    readers: HashMap<u64, ReaderSlot>,
    next_slot: u64,
    /// The furthest that any reader has come.
    furthest: u64,
    writer: Option<Waker>,
    progress: Option<watch::Receiver<Progress>>,
}

#[derive(Debug, Default)]
struct ReaderSlot {
    offset: u64,
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
enum End {
    #[default]
    Open,
    Whole,
    /// The computation said why before its first piece.
    Refused,
    Broken(BrokenOutput),
    Abandoned,
}

/// What a reader finds next.
#[derive(Debug)]
pub(crate) enum Next {
    Piece(Piece),
    End,
    Broken(BrokenOutput),
    /// It is whole and in a file: there is nothing to wait for any more.
    Settled {
        file: Arc<File>,
        length: u64,
    },
}

/// How an answer begins.
#[derive(Debug)]
pub(crate) enum Begun {
    Flowing,
    Refused,
    Broken(BrokenOutput),
}

impl Entry {
    /// Nothing yet. A pinned one is made even without readers.
    pub(crate) fn new(ahead_bytes: u64, pinned: bool) -> Self {
        Self { state: Mutex::new(State { pinned, ..State::default() }), ahead_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    // ---- The readers' side.

    /// A slot at the first byte, unless that is no longer to be had.
    pub(crate) fn join(&self) -> Option<u64> {
        let mut state = self.lock();
        if !state.can_be_joined() {
            return None;
        }
        let slot = state.next_slot;
        state.next_slot += 1;
        state.readers.insert(slot, ReaderSlot::default());
        Some(slot)
    }

    /// Makes it go on without readers; `false` when it is too late for that.
    pub(crate) fn pin(&self) -> bool {
        let mut state = self.lock();
        let possible = state.can_be_joined();
        state.pinned |= possible && !state.spilled;
        state.wake_writer();
        possible
    }

    #[cfg(test)]
    pub(crate) fn can_be_joined(&self) -> bool {
        self.lock().can_be_joined()
    }

    /// Gives a slot up, and the computation with the last of them.
    pub(crate) fn leave(&self, slot: u64) {
        let mut state = self.lock();
        if state.readers.remove(&slot).is_none() {
            return;
        }
        state.trim();
        state.give_up_if_alone();
        state.wake_writer();
    }

    pub(crate) fn total_bytes(&self) -> Option<u64> {
        let state = self.lock();
        matches!(state.end, End::Whole).then_some(state.produced)
    }

    /// What the computation tells of itself.
    pub(crate) fn progress(&self) -> Option<watch::Receiver<Progress>> {
        self.lock().progress.clone()
    }

    pub(crate) fn poll_begun(&self, slot: u64, context: &mut Context<'_>) -> Poll<Begun> {
        let mut state = self.lock();
        match &state.end {
            End::Refused => Poll::Ready(Begun::Refused),
            _ if state.produced > 0 => Poll::Ready(Begun::Flowing),
            End::Whole => Poll::Ready(Begun::Flowing),
            End::Broken(error) => Poll::Ready(Begun::Broken(error.clone())),
            End::Open | End::Abandoned => state.wait(slot, context),
        }
    }

    /// Takes the next piece of at most `limit_bytes` for the reader in this slot.
    pub(crate) fn poll_next(&self, slot: u64, limit_bytes: u64, context: &mut Context<'_>) -> Poll<Next> {
        let mut state = self.lock();
        let whole = matches!(state.end, End::Whole);
        if whole
            && !state.spilled
            && let Some(file) = &state.file
        {
            return Poll::Ready(Next::Settled { file: Arc::clone(file), length: state.produced });
        }
        let offset = state.readers.get(&slot).map_or(state.produced, |slot| slot.offset);
        if let Some(piece) = state.piece_at(offset, limit_bytes) {
            let offset = offset + piece.length();
            state.readers.entry(slot).or_default().offset = offset;
            state.trim();
            if offset > state.furthest {
                state.furthest = offset;
            }
            state.wake_writer();
            return Poll::Ready(Next::Piece(piece));
        }
        match &state.end {
            End::Whole => Poll::Ready(Next::End),
            End::Broken(error) => Poll::Ready(Next::Broken(error.clone())),
            End::Open | End::Refused | End::Abandoned => state.wait(slot, context),
        }
    }

    // ---- The writer's side.

    /// Returns when the last reader has left.
    pub(crate) async fn abandoned(&self) {
        self.until(|state| matches!(state.end, End::Abandoned)).await;
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(self.lock().end, End::Abandoned)
    }

    /// Returns when the readers are close enough for more.
    pub(crate) async fn room(&self) {
        let ahead_bytes = self.ahead_bytes;
        self.until(|state| {
            if state.spilled {
                state.produced - state.memory_start < MAX_MEMORY_BYTES
            } else {
                state.pinned || state.pace == Pace::Own || state.produced - state.furthest < ahead_bytes
            }
        })
        .await;
    }

    async fn until(&self, condition: impl Fn(&State) -> bool) {
        poll_fn(|context| {
            let mut state = self.lock();
            if condition(&state) {
                return Poll::Ready(());
            }
            state.writer = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Takes the whole answer of an earlier computation.
    pub(crate) fn adopt(&self, file: Arc<File>, length: u64) {
        let mut state = self.lock();
        (state.file, state.filed, state.produced) = (Some(file), length, length);
        state.end_as(End::Whole);
    }

    /// From now on it is made at this pace.
    pub(crate) fn goes_at(&self, pace: Pace) {
        self.lock().pace = pace;
    }

    /// Readers that wait may be told how far it is.
    pub(crate) fn tells(&self, progress: watch::Receiver<Progress>) {
        self.lock().progress = Some(progress);
    }

    /// Further bytes are in the file, right behind those before.
    pub(crate) fn filed(&self, file: &Arc<File>, length: u64) {
        let mut state = self.lock();
        state.file.get_or_insert_with(|| Arc::clone(file));
        state.filed += length;
        state.produced += length;
        state.wake_readers();
    }

    /// The file can hold no more. Without readers now there will be none of what would go to memory.
    pub(crate) fn spill(&self) {
        let mut state = self.lock();
        (state.spilled, state.pinned, state.memory_start) = (true, false, state.filed);
        state.give_up_if_alone();
        state.wake_writer();
    }

    /// Further bytes, after [`Entry::spill`].
    pub(crate) fn keep_in_memory(&self, bytes: Bytes) {
        let mut state = self.lock();
        state.produced += bytes.len() as u64;
        state.memory.push_back(bytes);
        state.wake_readers();
    }

    /// All bytes are there.
    pub(crate) fn finish(&self) {
        self.lock().end_as(End::Whole);
    }

    /// There will be no answer, for a reason that is told elsewhere.
    pub(crate) fn refuse(&self) {
        self.lock().end_as(End::Refused);
    }

    /// There will be no more bytes, and the answer is incomplete.
    pub(crate) fn break_off(&self, error: io::Error) {
        self.lock().end_as(End::Broken(BrokenOutput(Arc::new(error))));
    }
}

impl State {
    fn can_be_joined(&self) -> bool {
        let from_the_start = !self.spilled || self.memory_start == self.filed;
        from_the_start && matches!(self.end, End::Open | End::Whole)
    }

    /// Ends it unless it has ended.
    fn end_as(&mut self, end: End) {
        if matches!(self.end, End::Open) {
            self.end = end;
            self.wake_readers();
            self.wake_writer();
        }
    }

    fn give_up_if_alone(&mut self) {
        if self.readers.is_empty() && !self.pinned {
            self.end_as(End::Abandoned);
        }
    }

    fn piece_at(&self, offset: u64, limit_bytes: u64) -> Option<Piece> {
        if offset < self.filed {
            let file = Arc::clone(self.file.as_ref()?);
            return Some(Piece::File { file, offset, length: limit_bytes.min(self.filed - offset) });
        }
        let mut start = self.memory_start;
        for bytes in &self.memory {
            let end = start + bytes.len() as u64;
            if offset < end {
                let from = usize::try_from(offset.checked_sub(start)?).ok()?;
                let length = usize::try_from(limit_bytes).unwrap_or(usize::MAX).min(bytes.len() - from);
                return Some(Piece::Memory(bytes.slice(from..from + length)));
            }
            start = end;
        }
        None
    }

    /// Lets go of what every reader has taken from memory.
    fn trim(&mut self) {
        if self.memory.is_empty() || self.readers.is_empty() {
            return;
        }
        let slowest = self.readers.values().map(|slot| slot.offset).min().unwrap_or(0);
        while let Some(first) = self.memory.front() {
            let end = self.memory_start + first.len() as u64;
            if end > slowest {
                break;
            }
            self.memory_start = end;
            self.memory.pop_front();
        }
    }

    fn wait<T>(&mut self, slot: u64, context: &Context<'_>) -> Poll<T> {
        if let Some(slot) = self.readers.get_mut(&slot) {
            match &mut slot.waker {
                Some(waker) => waker.clone_from(context.waker()),
                None => slot.waker = Some(context.waker().clone()),
            }
        }
        Poll::Pending
    }

    fn wake_readers(&mut self) {
        for slot in self.readers.values_mut() {
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}
