//! Loads a region into the page cache before it is sent, so that no thread that serves many connections waits for a
//! disk.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::task::{JoinHandle, spawn_blocking};

/// How much is read at once from a disk; it stays in the processor's cache.
const READ_BYTES: usize = 64 * 1024;

/// The bytes of a short region, if that takes no waiting for a disk.
pub fn read_at_once(file: &File, offset: u64, length: usize) -> io::Result<Option<Bytes>> {
    let mut buffer = vec![0; length];
    match preadv2(file, &mut [IoSliceMut::new(&mut buffer)], offset, ReadWriteFlags::NOWAIT) {
        Ok(read) if read == length => Ok(Some(buffer.into())),
        // Less may be in memory than is in the file; waiting for the rest shows which.
        Ok(_) | Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The bytes of a short region, waiting for a disk on a thread that may.
pub fn read_in_background(file: Arc<File>, offset: u64, length: usize) -> JoinHandle<io::Result<Bytes>> {
    spawn_blocking(move || {
        let mut buffer = vec![0; length];
        file.read_exact_at(&mut buffer, offset)?;
        Ok(buffer.into())
    })
}

/// Whether a region seems to be in memory: its ends are. Where the system cannot tell, it is.
pub fn is_resident(file: &File, offset: u64, length: usize) -> bool {
    let is_there = |at| {
        let mut byte = [0];
        let read = preadv2(file, &mut [IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT);
        !matches!(read, Err(Errno::AGAIN))
    };
    is_there(offset) && is_there(offset + length as u64 - 1)
}

/// Brings a region into memory on a thread that may wait, and asks the system to go on with what follows.
pub fn load_in_background(file: Arc<File>, offset: u64, length: usize) -> JoinHandle<io::Result<()>> {
    spawn_blocking(move || {
        let end = offset + length as u64;
        // Only a hint: what it does not bring is read when it is needed.
        let _ = fadvise(&*file, end, NonZeroU64::new(length as u64), Advice::WillNeed);
        let mut buffer = vec![0; READ_BYTES.min(length)];
        let mut position = offset;
        while position < end {
            let wanted = usize::try_from(end - position).map_or(buffer.len(), |left| left.min(buffer.len()));
            file.read_exact_at(&mut buffer[..wanted], position)?;
            position += wanted as u64;
        }
        Ok(())
    })
}
