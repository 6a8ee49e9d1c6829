//! Commits and packs made without git: a push then costs the time of the server only.

use rand::RngExt;
use rand::rngs::StdRng;
use sha1::{Digest, Sha1};

/// Most that one block of data holds that is stored as it is.
const MAX_STORED_BYTES: usize = 0xffff;
const KINDS: [&str; 4] = ["", "commit", "tree", "blob"];
const COMMIT: u8 = 1;
const TREE: u8 = 2;
const BLOB: u8 = 3;

/// A pack in the making.
#[derive(Debug, Default)]
pub struct HandMadePack {
    entries: Vec<Vec<u8>>,
}

impl HandMadePack {
    /// Adds an object, and tells its name.
    fn add(&mut self, kind: u8, content: &[u8]) -> String {
        self.entries.push([entry_head(kind, content.len()), stored(content)].concat());
        let name = KINDS[usize::from(kind)];
        let digest = Sha1::digest([format!("{name} {}\0", content.len()).as_bytes(), content].concat());
        name_of(&digest)
    }

    /// This one and what another one brings.
    pub fn with(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self
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

/// A commit that is like no other, with a file of about this size; its name, and what it brings.
pub fn new_commit(chance: &mut StdRng, parent: Option<&str>, bytes: usize) -> (String, HandMadePack) {
    let mut pack = HandMadePack::default();
    let content: Vec<u8> = (0..bytes.max(8)).map(|_| chance.random()).collect();
    let blob = pack.add(BLOB, &content);
    let entry = [b"100644 file\0".as_slice(), &hex::decode(&blob).expect("is hex")].concat();
    let tree = pack.add(TREE, &entry);
    let parent = parent.map(|parent| format!("parent {parent}\n")).unwrap_or_default();
    let time = 1_700_000_000 + chance.random_range(0..100_000_000_u32);
    let person = format!("Ada <ada@example.com> {time} +0000");
    let text = format!("tree {tree}\n{parent}author {person}\ncommitter {person}\n\nunique {blob}\n");
    let commit = pack.add(COMMIT, text.as_bytes());
    (commit, pack)
}

fn name_of(digest: &[u8]) -> String {
    hex::encode(digest)
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
