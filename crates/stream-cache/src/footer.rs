//! The end of an entry's file, which tells what the rest of it is.
//!
//! An entry's file begins with the answer, byte for byte, so that it can go to a socket from there; what the cache
//! knows about it comes behind. There is no index beside the files that could contradict them: a file without a
//! proper end is no entry, whatever happened to it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use crate::key::CacheKey;

/// How long the end is, in bytes.
pub(crate) const FOOTER_BYTES: usize = 72;

/// Says that this is an entry, in this layout. A new layout gets a new text; older entries are then none.
const MAGIC: &[u8; 8] = b"hstansw1";

/// How much is read at once to check an answer, in bytes.
const CHECK_BYTES: usize = 256 * 1024;

/// What the end says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) key: CacheKey,
    /// How long the answer is, in bytes.
    pub(crate) length: u64,
    /// Processor time that computing it took.
    pub(crate) cost: Duration,
    /// CRC-32 of the answer. It guards against damage, not against malice: the folder is ours alone.
    pub(crate) checksum: u32,
}

impl Footer {
    pub(crate) fn encode(&self) -> [u8; FOOTER_BYTES] {
        let micros = u64::try_from(self.cost.as_micros()).unwrap_or(u64::MAX);
        let mut bytes = [0; FOOTER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&self.key.group.to_le_bytes());
        bytes[16..48].copy_from_slice(&self.key.digest);
        bytes[48..56].copy_from_slice(&self.length.to_le_bytes());
        bytes[56..64].copy_from_slice(&micros.to_le_bytes());
        bytes[64..68].copy_from_slice(&self.checksum.to_le_bytes());
        let own_checksum = crc32fast::hash(&bytes[..68]);
        bytes[68..].copy_from_slice(&own_checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; FOOTER_BYTES]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes[at..at + 8].try_into().ok()?));
        let own_checksum = u32::from_le_bytes(bytes[68..].try_into().ok()?);
        if &bytes[..8] != MAGIC || own_checksum != crc32fast::hash(&bytes[..68]) {
            return None;
        }
        Some(Self {
            key: CacheKey { group: number(8)?, digest: bytes[16..48].try_into().ok()? },
            length: number(48)?,
            cost: Duration::from_micros(number(56)?),
            checksum: u32::from_le_bytes(bytes[64..68].try_into().ok()?),
        })
    }

    /// What the end of this file says, if it is an entry as long as its end says. Does not look at the answer.
    pub(crate) fn read(file: &File) -> io::Result<Option<Self>> {
        let Some(length) = file.metadata()?.len().checked_sub(FOOTER_BYTES as u64) else {
            return Ok(None);
        };
        let mut bytes = [0; FOOTER_BYTES];
        file.read_exact_at(&mut bytes, length)?;
        Ok(Self::decode(&bytes).filter(|footer| footer.length == length))
    }

    /// Whether the answer in this file is the one that was written. Stops, and says no, when `stop` says so.
    pub(crate) fn fits(&self, file: &File, stop: impl Fn() -> bool) -> io::Result<bool> {
        let mut hasher = crc32fast::Hasher::new();
        let mut buffer = vec![0; CHECK_BYTES];
        let mut offset = 0;
        while offset < self.length {
            if stop() {
                return Ok(false);
            }
            let length = (self.length - offset).min(CHECK_BYTES as u64);
            let part = &mut buffer[..usize::try_from(length).unwrap_or(CHECK_BYTES)];
            file.read_exact_at(part, offset)?;
            hasher.update(part);
            offset += length;
        }
        Ok(hasher.finalize() == self.checksum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_changed_bit_makes_it_none() {
        let key = CacheKey { group: 7, digest: [9; 32] };
        let footer =
            Footer { key, length: 1 << 40, cost: Duration::from_micros(1_234_567), checksum: 0xdead_beef };
        let bytes = footer.encode();
        assert_eq!(Footer::decode(&bytes), Some(footer));
        for bit in 0..FOOTER_BYTES * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Footer::decode(&damaged), None, "bit {bit}");
        }
    }
}
