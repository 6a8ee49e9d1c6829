//! Files and folders as they are now, and as a power cut would leave them.
//!
//! Bytes follow POSIX, which promises less than today's file systems do; names follow a journal, as those of all file
//! systems do that servers stand on (ext4, XFS, Btrfs), and as git relies on when it deletes a packed reference:
//!
//! - What was written to a file is kept by `fsync` of the file, and by nothing else. Until then each page of it may be
//!   the old one, the new one, or zeros where the file has grown or was emptied in between; its length may be any that
//!   it has had. Each file on its own: a reference may survive whose object is empty.
//! - That names were made, removed or moved is written in its order, over all folders: of the changes that no `fsync` has
//!   kept, the first so many survive a cut, none, or all. `fsync` of a folder keeps what changed in it, and with it all
//!   that changed before anywhere. The file's own `fsync` does not keep its name. A move happens whole or not at all.
//! - Modes, owners and times survive.
//!
//! A new file whose name and content were synced is there and whole; a file that was synced and then moved over another
//! one is either of the two, never something in between.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::time::SystemTime;

use rand::RngExt;
use rand::rngs::StdRng;

/// The node of the topmost folder.
pub const ROOT: u64 = 1;
/// What a disk writes whole.
const PAGE_BYTES: usize = 4096;

/// Everything on the disk.
#[derive(Debug)]
pub struct Tree {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// Changes of names that no `fsync` has kept yet, in their order.
    pending: Vec<Change>,
}

/// What a file or folder is.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it holds.
    pub content: Content,
    /// Permission bits.
    pub mode: u16,
    /// Owner.
    pub owner: (u32, u32),
    /// When its content changed last.
    pub modified: SystemTime,
    /// How many names lead to it now.
    pub links: u32,
}

/// What a file or folder holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// Bytes.
    File(Bytes),
    /// Names.
    Folder(Names),
}

/// A file's bytes.
#[derive(Debug, Clone, Default)]
pub struct Bytes {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// The shortest that it has been since: what lay behind that is lost in any case.
    shortest: usize,
    is_synced: bool,
}

/// A folder's names.
#[derive(Debug, Clone, Default)]
pub struct Names {
    now: BTreeMap<OsString, u64>,
    synced: BTreeMap<OsString, u64>,
}

/// Names that change together: in which folder, which, and what they lead to afterwards.
type Change = Vec<(u64, OsString, Option<u64>)>;

impl Tree {
    /// An empty folder.
    pub fn new() -> Self {
        let mut tree = Self { nodes: BTreeMap::new(), next: ROOT, pending: Vec::new() };
        tree.make(Content::Folder(Names::default()), 0o700, (0, 0));
        tree
    }

    /// A new file or folder that no name leads to.
    pub fn make(&mut self, content: Content, mode: u16, owner: (u32, u32)) -> u64 {
        let number = self.next;
        self.next += 1;
        self.nodes.insert(number, Node { content, mode, owner, modified: SystemTime::now(), links: 0 });
        number
    }

    /// A node.
    pub fn node(&self, number: u64) -> Option<&Node> {
        self.nodes.get(&number)
    }

    /// A node, to be changed.
    pub fn node_mut(&mut self, number: u64) -> Option<&mut Node> {
        self.nodes.get_mut(&number)
    }

    /// The names in a folder.
    pub fn names(&self, folder: u64) -> Option<&BTreeMap<OsString, u64>> {
        match &self.nodes.get(&folder)?.content {
            Content::Folder(names) => Some(&names.now),
            Content::File(_) => None,
        }
    }

    /// Where a name leads.
    pub fn find(&self, folder: u64, name: &OsStr) -> Option<u64> {
        self.names(folder)?.get(name).copied()
    }

    /// A name that leads to a node now.
    pub fn name_of(&self, number: u64) -> Option<OsString> {
        let mut folders = self.nodes.keys().filter_map(|folder| self.names(*folder));
        folders.find_map(|names| {
            names.iter().find(|(_, target)| **target == number).map(|(name, _)| name.clone())
        })
    }

    /// The bytes of a file.
    pub fn bytes_mut(&mut self, number: u64) -> Option<&mut Bytes> {
        let node = self.nodes.get_mut(&number)?;
        match &mut node.content {
            Content::File(bytes) => {
                node.modified = SystemTime::now();
                Some(bytes)
            }
            Content::Folder(_) => None,
        }
    }

    /// Changes names.
    pub fn change(&mut self, change: Change) {
        for (folder, name, target) in &change {
            let Some(node) = self.nodes.get_mut(folder) else { continue };
            node.modified = SystemTime::now();
            let Content::Folder(names) = &mut node.content else { continue };
            let before = match target {
                Some(target) => names.now.insert(name.clone(), *target),
                None => names.now.remove(name),
            };
            self.count(before, target.as_ref().copied());
        }
        self.pending.push(change);
    }

    fn count(&mut self, before: Option<u64>, after: Option<u64>) {
        if let Some(node) = before.and_then(|before| self.nodes.get_mut(&before)) {
            node.links -= 1;
        }
        if let Some(node) = after.and_then(|after| self.nodes.get_mut(&after)) {
            node.links += 1;
        }
    }

    /// `fsync`: keeps the bytes of a file, or the names of a folder and whatever has changed before.
    pub fn sync(&mut self, number: u64) {
        match self.nodes.get_mut(&number).map(|node| &mut node.content) {
            Some(Content::File(bytes)) => bytes.sync(),
            Some(Content::Folder(_)) => {
                let is_in_it = |change: &Change| change.iter().any(|(folder, ..)| *folder == number);
                let last = self.pending.iter().rposition(is_in_it);
                self.keep(last.map_or(0, |last| last + 1));
            }
            None => {}
        }
    }

    /// Takes the first so many of the pending changes over; the others stay pending.
    fn keep(&mut self, count: usize) {
        for change in self.pending.drain(..count) {
            for (folder, name, target) in change {
                let Some(Content::Folder(names)) = self.nodes.get_mut(&folder).map(|node| &mut node.content)
                else {
                    continue;
                };
                match target {
                    Some(target) => names.synced.insert(name, target),
                    None => names.synced.remove(&name),
                };
            }
        }
    }

    /// The power goes: what was not synced is lost, or not, as chance has it.
    pub fn cut(&mut self, chance: &mut StdRng) {
        self.keep(self.surviving_changes(chance));
        self.pending.clear();
        let mut reached = BTreeSet::new();
        let mut open = vec![ROOT];
        while let Some(number) = open.pop() {
            if !reached.insert(number) {
                continue;
            }
            match self.nodes.get_mut(&number).map(|node| &mut node.content) {
                Some(Content::Folder(names)) => {
                    names.now = names.synced.clone();
                    open.extend(names.now.values());
                }
                Some(Content::File(bytes)) => bytes.cut(chance),
                None => {}
            }
        }
        self.nodes.retain(|number, _| reached.contains(number));
        let names = self.nodes.values().filter_map(|node| match &node.content {
            Content::Folder(names) => Some(names.now.values().copied().collect::<Vec<_>>()),
            Content::File(_) => None,
        });
        let targets: Vec<u64> = names.flatten().collect();
        self.nodes.values_mut().for_each(|node| node.links = 0);
        targets.into_iter().for_each(|target| self.count(None, Some(target)));
    }

    /// How many of the pending changes of names have reached the disk.
    fn surviving_changes(&self, chance: &mut StdRng) -> usize {
        let count = self.pending.len();
        match chance.random_range(0..3) {
            0 => 0,
            1 => count,
            _ => chance.random_range(0..=count),
        }
    }
}

impl Bytes {
    /// What the file holds now.
    pub fn now(&self) -> &[u8] {
        &self.now
    }

    /// Writes into it.
    pub fn write(&mut self, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        if self.now.len() < end {
            self.now.resize(end, 0);
        }
        self.now[offset..end].copy_from_slice(data);
        self.is_synced = false;
    }

    /// Cuts it, or makes it longer by zeros.
    pub fn resize(&mut self, length: usize) {
        self.now.resize(length, 0);
        self.shortest = self.shortest.min(length);
        self.is_synced = false;
    }

    fn sync(&mut self) {
        if !self.is_synced {
            self.synced.clone_from(&self.now);
            self.shortest = self.now.len();
            self.is_synced = true;
        }
    }

    fn cut(&mut self, chance: &mut StdRng) {
        if !self.is_synced {
            self.now = match chance.random_range(0..4) {
                0 => self.synced.clone(),
                1 => std::mem::take(&mut self.now),
                2 => self.torn(chance, 0.0),
                _ => self.torn(chance, 0.5),
            };
        }
        self.is_synced = false;
        self.sync();
    }

    /// One of the lengths that it has had, and each page old or new.
    fn torn(&self, chance: &mut StdRng, new_pages: f64) -> Vec<u8> {
        let lengths = [self.now.len(), self.now.len(), self.shortest];
        let length = lengths[chance.random_range(0..lengths.len())];
        let mut torn = self.synced[..self.shortest.min(length)].to_vec();
        torn.resize(length, 0);
        let new = self.now.chunks(PAGE_BYTES);
        for (old, new) in torn.chunks_mut(PAGE_BYTES).zip(new) {
            if chance.random_bool(new_pages) {
                let both = old.len().min(new.len());
                old[..both].copy_from_slice(&new[..both]);
            }
        }
        torn
    }
}
