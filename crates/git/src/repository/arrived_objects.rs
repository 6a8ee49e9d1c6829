//! The objects of small packs, with every delta resolved, and the proof that some of them with what is here are whole.
//!
//! It is what `git` checks after a fetch: names that are the hashes of the contents, nothing below the new tips that is
//! missing, given that everything below the shown references is there, and no name in a tree that would harm those who
//! check it out. What has to be looked at more closely than is done here is left to `git`.

use std::borrow::Cow;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};
use std::io;

use bytes::Bytes;
use heliostat_git_wire::{
    CommitLinks, Head, ObjectFormat, ObjectId, ObjectKind, PackFault, PackedObject, RefSnapshot, TreeEntry,
    TreeEntryKind, apply_delta, commit_links, object_name, read_pack, tag_target, tree_entries,
};
use thiserror::Error;

use super::object_reader::{MAX_OBJECT_BYTES, ObjectReader, ReadObject};

/// Most that the objects of one change may take in memory.
const MAX_ARRIVED_BYTES: usize = 32 * 1024 * 1024;

/// Most objects of one change.
const MAX_ARRIVED_OBJECTS: usize = 5_000;

/// Most objects that are looked at to prove one change.
const MAX_LOOKED_AT: usize = 20_000;

/// So many commits below the references that are shown are looked at for one on which a new one was made.
const MAX_EARLIER_COMMITS: usize = 1_000;

/// Why objects of packs were not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// A pack cannot be read.
    #[error(transparent)]
    Pack(#[from] PackFault),
    /// They are more than is looked at without `git`.
    #[error("the packs hold more than is taken from packs in events")]
    TooMuch,
    /// An object is neither in the packs nor here.
    #[error("the object {0} is neither in the packs nor here")]
    Missing(ObjectId),
    /// An object is not what another one says it is.
    #[error("the object {0} is not what it is said to be")]
    Malformed(ObjectId),
    /// `git` has to look at a name in a tree.
    #[error("the tree {0} has a name that git has to look at")]
    NameToCheck(ObjectId),
    /// Something below them is missing, or the repository is one of which that cannot be told.
    #[error("it is not certain that everything below them is here")]
    NotWhole,
    /// Reading or writing failed.
    #[error("cannot read or write objects")]
    Io(#[from] io::Error),
    /// `git` failed.
    #[error(transparent)]
    Git(#[from] crate::process::GitError),
}

/// What packs have brought.
pub(super) struct Arrived {
    format: ObjectFormat,
    objects: HashMap<ObjectId, ReadObject>,
}

/// What is needed of it.
pub(super) struct Needed {
    pub(super) objects: BTreeSet<ObjectId>,
    /// Commits and tags that are here, of which it is not known that everything below them is.
    pub(super) unproven: BTreeSet<ObjectId>,
}

impl Arrived {
    /// Reads packs and resolves their deltas; those whose base is nowhere are left out.
    pub(super) fn read(packs: &[Bytes], format: ObjectFormat, here: &ObjectReader) -> Result<Self, NotTaken> {
        let mut room = MAX_ARRIVED_BYTES;
        let mut arrived = Self { format, objects: HashMap::new() };
        let mut waiting = Vec::new();
        for pack in packs {
            let entries = read_pack(pack, format, room)?;
            let mut placed: HashMap<usize, ObjectId> = HashMap::new();
            for entry in entries {
                take(&mut room, entry.data.len())?;
                let base = match entry.object {
                    PackedObject::Whole(kind) => {
                        placed.insert(entry.place, arrived.add(kind, entry.data)?);
                        continue;
                    }
                    PackedObject::DeltaFrom(base) => base,
                    PackedObject::DeltaFromPlace(place) => match placed.get(&place) {
                        Some(base) => base.clone(),
                        // Its base is a delta that waits as well. Clients send none of these.
                        None => continue,
                    },
                };
                match arrived.resolve(&base, &entry.data, here, &mut room)? {
                    Some(object) => drop(placed.insert(entry.place, object)),
                    None => waiting.push((base, entry.data)),
                }
            }
        }
        arrived.resolve_waiting(waiting, here, &mut room)?;
        Ok(arrived)
    }

    /// A base may come after what was made from it.
    fn resolve_waiting(
        &mut self,
        mut waiting: Vec<(ObjectId, Vec<u8>)>,
        here: &ObjectReader,
        room: &mut usize,
    ) -> Result<(), NotTaken> {
        loop {
            let before = waiting.len();
            let mut still = Vec::new();
            for (base, delta) in waiting {
                if self.objects.contains_key(&base) {
                    self.resolve(&base, &delta, here, room)?;
                } else {
                    still.push((base, delta));
                }
            }
            if still.is_empty() || still.len() == before {
                return Ok(());
            }
            waiting = still;
        }
    }

    fn resolve(
        &mut self,
        base: &ObjectId,
        delta: &[u8],
        here: &ObjectReader,
        room: &mut usize,
    ) -> Result<Option<ObjectId>, NotTaken> {
        let read;
        let (kind, content) = match self.objects.get(base) {
            Some((kind, content)) => (*kind, content),
            None => match here.read(base)? {
                Some(found) => {
                    read = found;
                    (read.0, &read.1)
                }
                None => return Ok(None),
            },
        };
        let made = apply_delta(content, delta, MAX_OBJECT_BYTES.min(*room));
        let made = made.ok_or_else(|| NotTaken::Malformed(base.clone()))?;
        take(room, made.len())?;
        self.add(kind, made).map(Some)
    }

    fn add(&mut self, kind: ObjectKind, content: Vec<u8>) -> Result<ObjectId, NotTaken> {
        if self.objects.len() >= MAX_ARRIVED_OBJECTS {
            return Err(NotTaken::TooMuch);
        }
        let name = object_name(kind, &content, self.format);
        self.objects.insert(name.clone(), (kind, content));
        Ok(name)
    }

    /// An object that has arrived.
    pub(super) fn get(&self, object: &ObjectId) -> Option<&ReadObject> {
        self.objects.get(object)
    }

    /// What one needs of this for `tips`, given that all is here that one needs for the references that are shown.
    pub(super) fn needed_for(
        &self,
        tips: &BTreeSet<ObjectId>,
        shown: &RefSnapshot,
        replaced: &BTreeSet<ObjectId>,
        here: &ObjectReader,
    ) -> Result<Needed, NotTaken> {
        let mut walk = Walk {
            arrived: self,
            here,
            needed: BTreeSet::new(),
            outside: BTreeSet::new(),
            seen: HashSet::new(),
            trees: Vec::new(),
        };
        walk.follow(tips)?;
        while let Some((tree, bases)) = walk.trees.pop() {
            walk.look_into(&tree, &bases)?;
        }
        let Walk { needed, mut outside, .. } = walk;
        outside.retain(|object| !replaced.contains(object));
        // Everything below what references name is here.
        shown.retain_unnamed(&mut outside);
        for object in &outside {
            if !here.holds(object)? {
                return Err(NotTaken::Missing(object.clone()));
            }
        }
        if !outside.is_empty() {
            let tips = replaced.iter().chain(shown.head().and_then(Head::object));
            forget_earlier(&mut outside, tips, here)?;
        }
        Ok(Needed { objects: needed, unproven: outside })
    }
}

/// An object that has arrived, as it lies in memory, or one that was read here.
type FoundObject<'a> = (ObjectKind, Cow<'a, [u8]>);

/// One way from new tips to what is here.
struct Walk<'a> {
    arrived: &'a Arrived,
    here: &'a ObjectReader,
    needed: BTreeSet<ObjectId>,
    /// Commits and tags that have not arrived.
    outside: BTreeSet<ObjectId>,
    seen: HashSet<ObjectId>,
    /// Trees that are still to be looked at, each with those that stood in its place before.
    trees: Vec<(ObjectId, Vec<ObjectId>)>,
}

impl<'a> Walk<'a> {
    /// Follows commits and tags, and gathers their trees.
    fn follow(&mut self, tips: &BTreeSet<ObjectId>) -> Result<(), NotTaken> {
        let mut next: Vec<ObjectId> = tips.iter().cloned().collect();
        while let Some(object) = next.pop() {
            if !self.sees(&object)? {
                continue;
            }
            let malformed = || NotTaken::Malformed(object.clone());
            match self.arrived.get(&object) {
                None => {
                    self.outside.insert(object);
                    continue;
                }
                Some((ObjectKind::Commit, content)) => {
                    let links = commit_links(content, self.arrived.format).ok_or_else(malformed)?;
                    let bases = self.trees_of(&links.parents)?;
                    self.trees.push((links.tree, bases));
                    next.extend(links.parents);
                }
                Some((ObjectKind::Tag, content)) => {
                    next.push(tag_target(content, self.arrived.format).ok_or_else(malformed)?);
                }
                Some((ObjectKind::Tree, _)) => {
                    // As a tree it was not seen yet.
                    self.seen.remove(&object);
                    self.trees.push((object, Vec::new()));
                    continue;
                }
                Some((ObjectKind::Blob, _)) => {}
            }
            self.needed.insert(object);
        }
        Ok(())
    }

    /// Whether this is seen for the first time.
    fn sees(&mut self, object: &ObjectId) -> Result<bool, NotTaken> {
        let is_new = self.seen.insert(object.clone());
        if self.seen.len() > MAX_LOOKED_AT { Err(NotTaken::TooMuch) } else { Ok(is_new) }
    }

    /// The trees of those of these commits that can be read.
    fn trees_of(&self, commits: &[ObjectId]) -> Result<Vec<ObjectId>, NotTaken> {
        let mut trees = Vec::new();
        for commit in commits {
            if let Some((ObjectKind::Commit, content)) = self.object(commit)?
                && let Some(links) = commit_links(&content, self.arrived.format)
            {
                trees.push(links.tree);
            }
        }
        Ok(trees)
    }

    fn object(&self, object: &ObjectId) -> Result<Option<FoundObject<'a>>, NotTaken> {
        match self.arrived.get(object) {
            Some((kind, content)) => Ok(Some((*kind, Cow::Borrowed(content)))),
            None => Ok(self.here.read(object)?.map(|(kind, content)| (kind, Cow::Owned(content)))),
        }
    }

    fn tree(&self, tree: &ObjectId) -> Result<Cow<'a, [u8]>, NotTaken> {
        match self.object(tree)? {
            Some((ObjectKind::Tree, content)) => Ok(content),
            Some(_) => Err(NotTaken::Malformed(tree.clone())),
            None => Err(NotTaken::Missing(tree.clone())),
        }
    }

    /// Looks at what is in a tree and was in none of those that stood in its place before: that is whole.
    fn look_into(&mut self, tree: &ObjectId, bases: &[ObjectId]) -> Result<(), NotTaken> {
        if bases.contains(tree) || !self.sees(tree)? {
            return Ok(());
        }
        let format = self.arrived.format;
        let content = self.tree(tree)?;
        let malformed = |tree: &ObjectId| NotTaken::Malformed(tree.clone());
        let entries = tree_entries(&content, format).ok_or_else(|| malformed(tree))?;
        let mut before = Vec::new();
        for base in bases {
            before.push(self.tree(base)?);
        }
        let mut named: HashMap<&[u8], Vec<TreeEntry<'_>>> = HashMap::new();
        for (content, base) in before.iter().zip(bases) {
            for entry in tree_entries(content, format).ok_or_else(|| malformed(base))? {
                named.entry(entry.name).or_default().push(entry);
            }
        }
        for entry in entries {
            let earlier = named.get(entry.name).map(Vec::as_slice).unwrap_or_default();
            if entry.kind() == TreeEntryKind::Submodule || earlier.contains(&entry) {
                continue;
            }
            if entry.is_suspicious() {
                return Err(NotTaken::NameToCheck(tree.clone()));
            }
            if entry.kind() == TreeEntryKind::Folder {
                let folders = earlier.iter().filter(|earlier| earlier.kind() == TreeEntryKind::Folder);
                self.trees.push((entry.object, folders.map(|earlier| earlier.object.clone()).collect()));
            } else if self.sees(&entry.object)? {
                self.look_at_file(entry.object)?;
            }
        }
        if self.arrived.get(tree).is_some() {
            self.needed.insert(tree.clone());
        }
        Ok(())
    }

    fn look_at_file(&mut self, blob: ObjectId) -> Result<(), NotTaken> {
        match self.arrived.get(&blob) {
            Some((ObjectKind::Blob, _)) => drop(self.needed.insert(blob)),
            Some(_) => return Err(NotTaken::Malformed(blob)),
            None if self.here.holds(&blob)? => {}
            None => return Err(NotTaken::Missing(blob)),
        }
        Ok(())
    }
}

fn take(room: &mut usize, bytes: usize) -> Result<(), NotTaken> {
    *room = room.checked_sub(bytes).ok_or(NotTaken::TooMuch)?;
    Ok(())
}

/// Takes out what lies a little below these tips, newer commits first.
fn forget_earlier<'a>(
    objects: &mut BTreeSet<ObjectId>,
    tips: impl Iterator<Item = &'a ObjectId>,
    here: &ObjectReader,
) -> Result<(), NotTaken> {
    let (mut next, mut seen) = (BinaryHeap::new(), HashSet::new());
    let mut new: Vec<ObjectId> = tips.cloned().collect();
    for _ in 0..MAX_EARLIER_COMMITS {
        for commit in new.drain(..) {
            if seen.insert(commit.clone())
                && let Some((ObjectKind::Commit, content)) = here.read(&commit)?
                && let Some(CommitLinks { parents, committed_at, .. }) =
                    commit_links(&content, commit.format())
            {
                objects.remove(&commit);
                next.push((committed_at, commit, parents));
            }
        }
        if objects.is_empty() {
            return Ok(());
        }
        let Some((_, _, parents)) = next.pop() else { return Ok(()) };
        new.extend(parents);
    }
    Ok(())
}
