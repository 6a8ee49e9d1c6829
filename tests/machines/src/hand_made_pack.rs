//! Packs written by hand: what no git would send, or at the cost of no git.

use sha1::{Digest, Sha1};

/// A commit in a pack.
pub const COMMIT: u8 = 1;
/// A tree in a pack.
pub const TREE: u8 = 2;
/// The content of a file in a pack.
pub const BLOB: u8 = 3;
const DELTA_OF_NAMED: u8 = 7;

/// Most that one block of data holds that is stored as it is.
const MAX_STORED_BYTES: usize = 0xffff;

/// A pack in the making.
#[derive(Debug, Default)]
pub struct HandMadePack {
    entries: Vec<Vec<u8>>,
}

impl HandMadePack {
    /// Adds an object, and tells its name.
    pub fn add(&mut self, kind: u8, content: &[u8]) -> String {
        self.entries.push([entry_head(kind, content.len()), stored(content)].concat());
        let name = ["", "commit", "tree", "blob"][usize::from(kind)];
        hex(&Sha1::digest([format!("{name} {}\0", content.len()).as_bytes(), content].concat()))
    }

    /// This one and what another one brings.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self
    }

    /// Adds a file of nothing but zeros as a delta of one of at least 64 KiB: a byte for each 64 KiB.
    pub fn add_zeros(&mut self, base: &str, base_bytes: usize, bytes: usize) {
        assert!(bytes.is_multiple_of(0x1_0000), "a copy takes 64 KiB");
        let delta = [varint(base_bytes), varint(bytes), vec![0x80; bytes / 0x1_0000]].concat();
        self.entries.push([entry_head(DELTA_OF_NAMED, delta.len()), unhex(base), stored(&delta)].concat());
    }

    /// Adds a commit of these files, which are in the order of their names, and tells its own.
    pub fn add_commit(&mut self, files: &[(&str, &str)]) -> String {
        let entry =
            |(file, blob): &(&str, &str)| [format!("100644 {file}\0").as_bytes(), &unhex(blob)].concat();
        let tree = self.add(TREE, &files.iter().flat_map(entry).collect::<Vec<_>>());
        let people = "author A <a@b.invalid> 1 +0000\ncommitter A <a@b.invalid> 1 +0000";
        self.add(COMMIT, format!("tree {tree}\n{people}\n\nby hand\n").as_bytes())
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        let count = u32::try_from(self.entries.len()).expect("few entries");
        let mut pack = [b"PACK\0\0\0\x02", count.to_be_bytes().as_slice(), &self.entries.concat()].concat();
        let checksum = Sha1::digest(&pack);
        pack.extend_from_slice(&checksum);
        pack
    }
}

/// Kind and length, four bits of it and then seven at a time.
fn entry_head(kind: u8, length: usize) -> Vec<u8> {
    let (low, mut rest) = (u8::try_from(length & 15).expect("four bits"), length >> 4);
    let mut head = vec![kind << 4 | low];
    while rest > 0 {
        *head.last_mut().expect("it has one") |= 0x80;
        head.push(u8::try_from(rest & 0x7f).expect("seven bits"));
        rest >>= 7;
    }
    head
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let seven = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        bytes.push(if number > 0 { seven | 0x80 } else { seven });
        if number == 0 {
            return bytes;
        }
    }
}

/// A zlib stream that compresses nothing.
fn stored(content: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = content.chunks(MAX_STORED_BYTES).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("a chunk is no longer");
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let (a, b) = content.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    stream.extend_from_slice(&((b << 16) | a).to_be_bytes());
    stream
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a name in hex.
pub fn unhex(name: &str) -> Vec<u8> {
    let pairs = name.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect()
}
