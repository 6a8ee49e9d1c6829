//! Where long bodies lie: the beginning in a file that many share, block by block, the rest of a longer one in its own.
//!
//! A file for each body would be simpler. But ext4 does not use the inode of a deleted file again for some minutes, and
//! before it makes a file it looks at each such inode: a crowd whose bodies have just been dropped costs the next one
//! seconds of the processor. Most of a crowd's bodies are short enough for the shared file, which stays.
//!
//! A block that is used again is overwritten. Where the disk loses what was written, it gives back an earlier body, perhaps
//! of another client; so each piece has a checksum.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Length of a block.
pub const BLOCK_BYTES: usize = 64 * 1024;
/// How many blocks a shared file has at most: 16 MiB, which it keeps until the process ends. When all are taken, further
/// bodies have files of their own from their first piece on.
const MAX_SHARED_BLOCKS: u32 = 256;
/// How many blocks of a body lie in a shared file: a long one must not take them from many short ones.
const MAX_SHARED_BLOCKS_OF_A_BODY: usize = 4;

/// A shared file. Cloning is cheap and shares it.
#[derive(Debug, Clone)]
pub struct SharedFile(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: Arc<Path>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Made with the first block.
    file: Option<Arc<File>>,
    /// Blocks before the end that no body has.
    free: BTreeSet<u32>,
    /// How many blocks the file has.
    end: u32,
}

/// What is written of a body.
#[derive(Debug)]
pub struct Blocks {
    shared: SharedFile,
    blocks: Vec<Block>,
    /// The file of this body alone, and how long it is.
    own: Option<(Arc<File>, u64)>,
}

/// A piece of a body.
#[derive(Debug)]
struct Block {
    file: Arc<File>,
    offset: u64,
    length: usize,
    /// CRC-32 of what was written. It guards against damage, not against malice.
    checksum: u32,
    /// Where the file is shared; given back when dropped.
    _taken: Option<TakenBlock>,
}

/// A block of a shared file that one body has.
#[derive(Debug)]
struct TakenBlock {
    shared: Arc<Shared>,
    number: u32,
}

impl SharedFile {
    /// One that lies in this folder.
    pub fn in_folder(folder: Arc<Path>) -> Self {
        Self(Arc::new(Shared { folder, state: Mutex::default() }))
    }

    /// A block that no other body has, if there is one.
    fn take(&self) -> io::Result<Option<(TakenBlock, Arc<File>)>> {
        let mut state = self.0.state.lock();
        let file = match &state.file {
            Some(file) => Arc::clone(file),
            None => {
                let file = Arc::new(self.new_file()?);
                state.file = Some(Arc::clone(&file));
                file
            }
        };
        let number = match state.free.pop_first() {
            Some(number) => number,
            None if state.end == MAX_SHARED_BLOCKS => return Ok(None),
            None => {
                state.end += 1;
                state.end - 1
            }
        };
        Ok(Some((TakenBlock { shared: Arc::clone(&self.0), number }, file)))
    }

    fn new_file(&self) -> io::Result<File> {
        tempfile::tempfile_in(&*self.0.folder)
    }
}

impl Blocks {
    /// Nothing yet, to be written to this file as far as there is room in it.
    pub fn of(shared: SharedFile) -> Self {
        Self { shared, blocks: Vec::new(), own: None }
    }

    /// How many pieces there are.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Appends what comes next; blocks the thread. After an error, what was there is there still.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let before = self.blocks.len();
        let written = bytes.chunks(BLOCK_BYTES).try_for_each(|piece| self.write_piece(piece));
        if written.is_err() {
            self.blocks.truncate(before);
        }
        written
    }

    fn write_piece(&mut self, piece: &[u8]) -> io::Result<()> {
        let taken = match self.blocks.len() < MAX_SHARED_BLOCKS_OF_A_BODY {
            true => self.shared.take()?,
            false => None,
        };
        let (file, offset, taken) = match taken {
            Some((taken, file)) => (file, taken.offset(), Some(taken)),
            None => {
                let (file, length) = match self.own.take() {
                    Some(own) => own,
                    None => (Arc::new(self.shared.new_file()?), 0),
                };
                self.own = Some((Arc::clone(&file), length + piece.len() as u64));
                (file, length, None)
            }
        };
        file.write_all_at(piece, offset)?;
        let checksum = crc32fast::hash(piece);
        self.blocks.push(Block { file, offset, length: piece.len(), checksum, _taken: taken });
        Ok(())
    }

    /// One piece; blocks the thread.
    pub fn read(&self, index: usize) -> io::Result<Bytes> {
        let Block { file, offset, length, checksum, .. } = &self.blocks[index];
        let mut buffer = vec![0; *length];
        file.read_exact_at(&mut buffer, *offset)?;
        if crc32fast::hash(&buffer) != *checksum {
            let reason = "the disk gives back something else than was written";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(buffer.into())
    }
}

impl TakenBlock {
    fn offset(&self) -> u64 {
        u64::from(self.number) * BLOCK_BYTES as u64
    }
}

impl Drop for TakenBlock {
    fn drop(&mut self) {
        self.shared.state.lock().free.insert(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(shared: &SharedFile, bytes: &[u8]) -> Blocks {
        let mut blocks = Blocks::of(shared.clone());
        blocks.write(bytes).expect("written");
        blocks
    }

    fn bytes_of(blocks: &Blocks) -> Vec<u8> {
        (0..blocks.len()).flat_map(|index| blocks.read(index).expect("readable")).collect()
    }

    fn places(blocks: &Blocks) -> Vec<Option<u32>> {
        blocks.blocks.iter().map(|block| block._taken.as_ref().map(|taken| taken.number)).collect()
    }

    #[test]
    fn blocks_are_used_again_and_what_is_long_goes_into_a_file_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = SharedFile::in_folder(folder.path().into());
        let first = written(&shared, b"first");
        let long: Vec<u8> = (0..6 * BLOCK_BYTES + 10).map(|number| number.to_le_bytes()[1]).collect();
        let second = written(&shared, &long);
        assert_eq!(places(&second), [Some(1), Some(2), Some(3), Some(4), None, None, None]);
        drop(first);
        let third = written(&shared, b"a third");
        assert_eq!(places(&third), [Some(0)]);
        assert!(bytes_of(&second) == long && bytes_of(&third) == b"a third");
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0, "none has a name");
    }

    #[test]
    fn a_shared_file_stays_short() {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = SharedFile::in_folder(folder.path().into());
        let mut many: Vec<Blocks> =
            (0..MAX_SHARED_BLOCKS).map(|number| written(&shared, &number.to_le_bytes())).collect();
        let alone = written(&shared, b"one more");
        assert_eq!(places(&alone), [None]);
        for (number, blocks) in (0..MAX_SHARED_BLOCKS).zip(&many) {
            assert_eq!(bytes_of(blocks), number.to_le_bytes());
        }
        drop(many.remove(7));
        assert_eq!(places(&written(&shared, b"once more")), [Some(7)]);
        assert_eq!(bytes_of(&alone), b"one more");
    }

    #[test]
    fn a_disk_that_gives_back_another_body_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let blocks = written(&SharedFile::in_folder(folder.path().into()), b"mine");
        assert_eq!(bytes_of(&blocks), b"mine");
        blocks.blocks[0].file.write_all_at(b"else", 0).expect("written");
        let error = blocks.read(0).expect_err("it is another body's");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
