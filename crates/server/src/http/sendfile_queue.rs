//! The regions of files that a connection has yet to send, and the bytes that stand for them until then.
//!
//! Order is all that connects the two: the bytes that stand for regions are written in the order in which the
//! regions were put here. Whatever does not match exactly is an error that ends the connection, because the bytes
//! themselves are zeros and must never reach a client.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Longest region, in bytes. Longer ones would occupy a thread for long while other connections wait.
pub const MAX_REGION_BYTES: usize = 1024 * 1024;

/// How much of a region is read at once where this process encrypts it: two records of TLS.
const MAX_COPIED_BYTES: usize = 32 * 1024;

/// Never read, so it takes no memory: only its address matters.
static STAND_IN: [u8; MAX_REGION_BYTES] = [0; MAX_REGION_BYTES];

/// Whether these bytes stand for a region of a file.
pub fn stands_for_a_region(bytes: &[u8]) -> bool {
    STAND_IN.as_ptr_range().contains(&bytes.as_ptr())
}

/// What one connection has yet to send from files. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct SendfileQueue(Arc<Mutex<VecDeque<Region>>>);

#[derive(Debug)]
struct Region {
    file: Arc<File>,
    offset: u64,
    length: usize,
}

/// What was read of the region that comes next, for a connection that encrypts it.
#[derive(Debug, Default)]
pub struct CopiedRegion {
    bytes: Vec<u8>,
    /// How much of it has gone.
    gone: usize,
}

impl SendfileQueue {
    /// Puts a region in line and returns the bytes that stand for it.
    ///
    /// # Panics
    /// When it is longer than [`MAX_REGION_BYTES`].
    pub fn put(&self, file: Arc<File>, offset: u64, length: usize) -> Bytes {
        let stand_in = Bytes::from_static(&STAND_IN[..length]);
        self.0.lock().push_back(Region { file, offset, length });
        stand_in
    }

    /// Whether nothing is left to send.
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Sends from the region that `expected` bytes stand for, as much as the socket takes now.
    pub fn send_to(&self, socket: impl AsFd, expected: usize) -> io::Result<usize> {
        let mut regions = self.0.lock();
        let region = next_of(&mut regions, expected)?;
        let mut offset = region.offset;
        let sent = rustix::fs::sendfile(socket, &*region.file, Some(&mut offset), region.length)?;
        if sent == 0 {
            return Err(too_short());
        }
        advance(&mut regions, sent);
        Ok(sent)
    }

    /// The next bytes of the region that `expected` bytes stand for, read if they are not in `copied` yet.
    pub fn copy<'a>(&self, copied: &'a mut CopiedRegion, expected: usize) -> io::Result<&'a [u8]> {
        let mut regions = self.0.lock();
        let region = next_of(&mut regions, expected)?;
        if copied.gone == copied.bytes.len() {
            copied.gone = 0;
            copied.bytes.resize(region.length.min(MAX_COPIED_BYTES), 0);
            let read = region.file.read_at(&mut copied.bytes, region.offset);
            copied.bytes.truncate(*read.as_ref().unwrap_or(&0));
            read?;
            if copied.bytes.is_empty() {
                return Err(too_short());
            }
        }
        Ok(&copied.bytes[copied.gone..])
    }

    /// So many of the bytes that were copied are on their way.
    pub fn passed(&self, copied: &mut CopiedRegion, bytes: usize) {
        let mut regions = self.0.lock();
        advance(&mut regions, bytes);
        copied.gone += bytes;
        if regions.is_empty() {
            // A connection that has nothing to send keeps no memory for it.
            *copied = CopiedRegion::default();
        }
    }
}

/// The region that comes next, which must be as long as is expected.
fn next_of(regions: &mut VecDeque<Region>, expected: usize) -> io::Result<&mut Region> {
    let region = regions.front_mut().filter(|region| region.length == expected);
    region.ok_or_else(|| io::Error::other("the bytes to be sent stand for no region"))
}

/// So many bytes of the next region are sent.
fn advance(regions: &mut VecDeque<Region>, bytes: usize) {
    let Some(region) = regions.front_mut() else { return };
    region.offset += bytes as u64;
    region.length = region.length.saturating_sub(bytes);
    if region.length == 0 {
        regions.pop_front();
    }
}

fn too_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "a file is shorter than the answer that it holds")
}
