//! The regions of files that a connection has yet to send, and the bytes that stand for them until then.
//!
//! Order is all that connects the two: the bytes that stand for regions are written in the order in which the
//! regions were put here. Whatever does not match exactly is an error that ends the connection, because the bytes
//! themselves are zeros and must never reach a client.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Longest region, in bytes. Longer ones would occupy a thread for long while other connections wait.
pub const MAX_REGION_BYTES: usize = 1024 * 1024;

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
        let region = regions.front_mut().filter(|region| region.length == expected);
        let region = region.ok_or_else(|| io::Error::other("the bytes to be sent stand for no region"))?;
        let mut offset = region.offset;
        let sent = rustix::fs::sendfile(socket, &*region.file, Some(&mut offset), region.length)?;
        if sent == 0 {
            let reason = "a file is shorter than the answer that it holds";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        region.offset += sent as u64;
        region.length -= sent;
        if region.length == 0 {
            regions.pop_front();
        }
        Ok(sent)
    }
}
