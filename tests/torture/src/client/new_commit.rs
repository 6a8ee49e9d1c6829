//! Commits made without git: a push then costs the time of the server only.

use heliostat_machines::{BLOB, COMMIT, HandMadePack, TREE, unhex};
use rand::RngExt;
use rand::rngs::StdRng;

/// A commit that is like no other, with a file of about this size; its name, and what it brings.
pub fn new_commit(chance: &mut StdRng, parent: Option<&str>, bytes: usize) -> (String, HandMadePack) {
    let mut pack = HandMadePack::default();
    let content: Vec<u8> = (0..bytes.max(8)).map(|_| chance.random()).collect();
    let blob = pack.add(BLOB, &content);
    let entry = [b"100644 file\0".as_slice(), &unhex(&blob)].concat();
    let tree = pack.add(TREE, &entry);
    let parent = parent.map(|parent| format!("parent {parent}\n")).unwrap_or_default();
    let time = 1_700_000_000 + chance.random_range(0..100_000_000_u32);
    let person = format!("Ada <ada@example.com> {time} +0000");
    let text = format!("tree {tree}\n{parent}author {person}\ncommitter {person}\n\nunique {blob}\n");
    let commit = pack.add(COMMIT, text.as_bytes());
    (commit, pack)
}
