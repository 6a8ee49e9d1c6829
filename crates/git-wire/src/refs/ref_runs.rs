//! References in the order of their names, cut into runs that snapshots share.
//!
//! A repository with hundreds of thousands of references changes by one or two at a time. The snapshot after such a
//! change has the runs of the one before, but for the run in which something has changed; what both have is not looked
//! at when they are compared. The hash of all references is computed from the first changed run on.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::iter::Peekable;
use std::sync::{Arc, OnceLock};

use crate::names::{ContentHash, ContentHasher, ObjectId};
use crate::refs::{PeelInfo, SnapshotRef};

/// References in a run. It may grow to twice as many before it is cut.
const RUN_REFS: usize = 256;

/// A run that is made anew with fewer references takes in those of the next one.
const MIN_RUN_REFS: usize = 32;

/// What a small piece of memory costs besides its bytes.
const ALLOCATION_BYTES: usize = 16;

/// What a line of a list has besides the names of an object and of a reference.
const LINE_OVERHEAD_BYTES: usize = 32;

/// Up to so many objects are looked up in the runs; more are found faster by going through all references.
const MAX_LOOKED_UP_OBJECTS: usize = 64;

/// All references of a snapshot.
#[derive(Debug, Clone, Default)]
pub(crate) struct RefRuns {
    runs: Vec<Arc<Run>>,
    hashes: OnceLock<Arc<Hashes>>,
    /// The hashes of an earlier snapshot that has the same runs up to, and without, this one.
    earlier: Option<(Arc<Hashes>, usize)>,
}

/// What a name is now: the reference, or that it is gone.
pub type RefChangedTo = (Vec<u8>, Option<SnapshotRef>);

#[derive(Debug)]
struct Run {
    /// In the order of their names, at least one.
    refs: Vec<SnapshotRef>,
    sizes: RunSizes,
    /// A number for each object that is named, in order; made when it is first needed.
    objects: OnceLock<Box<[u32]>>,
}

/// Sums over all references.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RunSizes {
    /// How many there are.
    pub(crate) refs: usize,
    /// How many have names that are text.
    pub(crate) texts: usize,
    pub(crate) name_bytes: usize,
    /// What they take in a list for clients; never less.
    pub(crate) list_bytes: usize,
    pub(crate) memory_bytes: usize,
}

#[derive(Debug)]
struct Hashes {
    /// The state of the hasher before each run.
    before: Vec<ContentHasher>,
    hash: ContentHash,
}

impl RefRuns {
    /// These references, which are in the order of their names.
    pub(crate) fn new(mut refs: Vec<SnapshotRef>) -> Self {
        let mut runs = Vec::with_capacity(refs.len() / RUN_REFS + 1);
        close(&mut refs, &mut runs);
        Self { runs, ..Self::default() }
    }

    /// The references after these changes, which are in the order of the names.
    pub(crate) fn with(&self, changes: Vec<RefChangedTo>) -> Self {
        if changes.is_empty() {
            return self.clone();
        }
        let mut changes = changes.into_iter().peekable();
        let mut runs = Vec::with_capacity(self.runs.len() + 2);
        let mut open = Vec::new();
        let mut same_runs = None;
        for (index, run) in self.runs.iter().enumerate() {
            if open.len() >= MIN_RUN_REFS {
                close(&mut open, &mut runs);
            }
            let end = self.runs.get(index + 1).map(|next| next.first_name());
            if open.is_empty() && !changes.peek().is_some_and(|(name, _)| is_before(name, end)) {
                runs.push(Arc::clone(run));
                continue;
            }
            same_runs = same_runs.or(Some(index));
            merge(&run.refs, end, &mut changes, &mut open);
        }
        open.extend(changes.filter_map(|(_, now)| now));
        close(&mut open, &mut runs);
        let earlier = same_runs.and_then(|same| self.hashes_before(same));
        Self { runs, hashes: OnceLock::new(), earlier }
    }

    /// Hashes that are known and hold before this run.
    fn hashes_before(&self, run: usize) -> Option<(Arc<Hashes>, usize)> {
        match (self.hashes.get(), &self.earlier) {
            (Some(hashes), _) => Some((Arc::clone(hashes), run)),
            (None, Some((hashes, same))) => Some((Arc::clone(hashes), run.min(*same))),
            (None, None) => None,
        }
    }

    /// The hash of all references.
    pub(crate) fn content_hash(&self) -> &ContentHash {
        &self.hashes.get_or_init(|| Arc::new(self.compute_hashes())).hash
    }

    fn compute_hashes(&self) -> Hashes {
        let mut before: Vec<ContentHasher> = Vec::with_capacity(self.runs.len());
        let mut hasher = ContentHasher::default();
        if let Some((hashes, same)) = &self.earlier {
            before.extend(hashes.before.iter().take(same + 1).cloned());
            hasher = before.pop().unwrap_or_default();
        }
        let mut lines = Vec::new();
        for run in &self.runs[before.len()..] {
            before.push(hasher.clone());
            lines.clear();
            run.write_lines(&mut lines);
            hasher.lines(&lines);
        }
        Hashes { before, hash: hasher.finish() }
    }

    /// Takes over the hash of another one that has the same references in the same runs; says whether it has the same
    /// references.
    pub(crate) fn shares_hash_of(&self, other: &Self) -> bool {
        if Self::differences(self, other).next().is_some() {
            return false;
        }
        let lengths = |runs: &Self| runs.runs.iter().map(|run| run.refs.len()).collect::<Vec<_>>();
        if let Some(hashes) = other.hashes.get()
            && lengths(self) == lengths(other)
        {
            self.hashes.get_or_init(|| Arc::clone(hashes));
        }
        true
    }

    /// Every reference.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &SnapshotRef> {
        self.runs.iter().flat_map(|run| &run.refs)
    }

    /// Those whose names start with this.
    pub(crate) fn below<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = &'a SnapshotRef> {
        let (run, at) = self.place_where(|name| name < prefix);
        let from = self.runs[run..].iter().flat_map(|run| &run.refs).skip(at);
        from.take_while(move |found| found.name().starts_with(prefix))
    }

    /// The runs among which are all references whose names start with one of these.
    pub(crate) fn runs_below(&self, prefixes: &[&[u8]]) -> Self {
        let found = self.runs.iter().filter(|run| prefixes.iter().any(|prefix| run.may_have_below(prefix)));
        Self { runs: found.cloned().collect(), ..Self::default() }
    }

    /// How many there are whose names start with this.
    pub(crate) fn count_below(&self, prefix: &[u8]) -> usize {
        let (first, start) = self.place_where(|name| name < prefix);
        let (last, end) = self.place_where(|name| name < prefix || name.starts_with(prefix));
        let before_last: usize = self.runs[first..last].iter().map(|run| run.refs.len()).sum();
        before_last + end - start
    }

    /// The run, and the place in it, of the first name for which this no longer holds.
    fn place_where(&self, holds: impl Fn(&[u8]) -> bool) -> (usize, usize) {
        let run = self.runs.partition_point(|run| holds(run.last_name()));
        let place = self.runs.get(run).map(|run| run.refs.partition_point(|found| holds(found.name())));
        (run, place.unwrap_or(0))
    }

    /// The reference with this full name.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&SnapshotRef> {
        let (run, at) = self.place_where(|other| other < name);
        self.runs.get(run)?.refs.get(at).filter(|found| found.name() == name)
    }

    /// Keeps only those of these objects that none of the references names that count.
    pub(crate) fn retain_unnamed(
        &self,
        objects: &mut BTreeSet<ObjectId>,
        counts: impl Fn(&SnapshotRef) -> bool,
    ) {
        if objects.len() > MAX_LOOKED_UP_OBJECTS {
            for found in self.iter().filter(|found| counts(found)) {
                objects.remove(found.object());
            }
        } else {
            objects.retain(|object| !self.runs.iter().any(|run| run.names(object, &counts)));
        }
    }

    /// Where the two differ, in the order of the names: a reference as it is in the one, and in the other.
    pub(crate) fn differences<'a>(
        before: &'a Self,
        after: &'a Self,
    ) -> impl Iterator<Item = (Option<&'a SnapshotRef>, Option<&'a SnapshotRef>)> {
        let mut old = Cursor { runs: &before.runs, at: 0 };
        let mut new = Cursor { runs: &after.runs, at: 0 };
        std::iter::from_fn(move || {
            loop {
                while let (Some(one), Some(other)) = (old.whole_run(), new.whole_run())
                    && Arc::ptr_eq(one, other)
                {
                    old.skip_run();
                    new.skip_run();
                }
                let (one, other) = (old.here(), new.here());
                let order = match (one, other) {
                    (None, None) => return None,
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (Some(one), Some(other)) => one.name().cmp(other.name()),
                };
                let gone = one.filter(|_| order.is_le());
                let come = other.filter(|_| order.is_ge());
                if gone.is_some() {
                    old.advance();
                }
                if come.is_some() {
                    new.advance();
                }
                if gone.map(SnapshotRef::object) != come.map(SnapshotRef::object) {
                    return Some((gone, come));
                }
            }
        })
    }

    /// Sums over all references.
    pub(crate) fn sizes(&self) -> RunSizes {
        self.runs.iter().fold(RunSizes::default(), |sum, run| sum.plus(&run.sizes))
    }

    /// Bytes of memory that it takes besides what it shares with another one.
    pub(crate) fn memory_bytes_beside(&self, other: &Self) -> usize {
        let mut shared = other.runs.iter().map(Arc::as_ptr).collect::<Vec<_>>();
        shared.sort_unstable();
        let own = self.runs.iter().filter(|run| shared.binary_search(&Arc::as_ptr(run)).is_err());
        own.map(|run| run.sizes.memory_bytes).sum::<usize>() + self.own_bytes()
    }

    /// Bytes of memory that it takes; never less.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.sizes().memory_bytes + self.own_bytes()
    }

    fn own_bytes(&self) -> usize {
        self.runs.capacity() * (size_of::<Arc<Run>>() + 2 * size_of::<ContentHasher>())
    }
}

impl Run {
    fn new(refs: Vec<SnapshotRef>) -> Self {
        let sizes = refs.iter().fold(RunSizes::default(), |sum, found| sum.plus(&RunSizes::of(found)));
        Self { refs, sizes, objects: OnceLock::new() }
    }

    fn first_name(&self) -> &[u8] {
        self.refs[0].name()
    }

    fn last_name(&self) -> &[u8] {
        self.refs[self.refs.len() - 1].name()
    }

    /// Whether it may have a name that starts with this.
    fn may_have_below(&self, prefix: &[u8]) -> bool {
        let first = self.first_name();
        self.last_name() >= prefix && (first < prefix || first.starts_with(prefix))
    }

    /// Writes the references as the hash takes them.
    fn write_lines(&self, lines: &mut Vec<u8>) {
        for found in &self.refs {
            lines.extend_from_slice(found.object().as_bytes());
            lines.push(b' ');
            lines.extend_from_slice(found.name());
            lines.push(b'\n');
        }
    }

    /// Whether one of its references that count names this object.
    fn names(&self, object: &ObjectId, counts: impl Fn(&SnapshotRef) -> bool) -> bool {
        let numbers = self.objects.get_or_init(|| {
            let mut numbers: Box<[u32]> = self.refs.iter().map(|found| number_of(found.object())).collect();
            numbers.sort_unstable();
            numbers
        });
        numbers.binary_search(&number_of(object)).is_ok()
            && self.refs.iter().any(|found| found.object() == object && counts(found))
    }
}

impl RunSizes {
    fn of(found: &SnapshotRef) -> Self {
        let target = found.symbolic_target().map_or(0, <[u8]>::len);
        let line = found.object().as_bytes().len() + found.name().len() + LINE_OVERHEAD_BYTES;
        let info = if found.has_info() { size_of::<PeelInfo>() + ALLOCATION_BYTES } else { 0 };
        Self {
            refs: 1,
            texts: usize::from(found.listed().is_some()),
            name_bytes: found.name().len(),
            // A tag takes a second line, with its name once more, in the lists for older clients.
            list_bytes: if found.peeled().is_some() { 2 * line } else { line } + target,
            memory_bytes: size_of::<SnapshotRef>()
                + size_of::<u32>()
                + found.name().len()
                + ALLOCATION_BYTES
                + info
                + target,
        }
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            refs: self.refs + other.refs,
            texts: self.texts + other.texts,
            name_bytes: self.name_bytes + other.name_bytes,
            list_bytes: self.list_bytes + other.list_bytes,
            memory_bytes: self.memory_bytes + other.memory_bytes,
        }
    }
}

/// A place in the references of a snapshot.
struct Cursor<'a> {
    runs: &'a [Arc<Run>],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn here(&self) -> Option<&'a SnapshotRef> {
        self.runs.first().map(|run| &run.refs[self.at])
    }

    /// The run of which nothing was taken yet.
    fn whole_run(&self) -> Option<&'a Arc<Run>> {
        self.runs.first().filter(|_| self.at == 0)
    }

    fn skip_run(&mut self) {
        self.runs = &self.runs[1..];
        self.at = 0;
    }

    fn advance(&mut self) {
        self.at += 1;
        if self.runs.first().is_some_and(|run| run.refs.len() == self.at) {
            self.skip_run();
        }
    }
}

/// Makes runs of these references.
fn close(open: &mut Vec<SnapshotRef>, runs: &mut Vec<Arc<Run>>) {
    let mut refs = std::mem::take(open).into_iter();
    loop {
        let count = match refs.len() {
            0 => return,
            left if left <= 2 * RUN_REFS => left,
            _ => RUN_REFS,
        };
        runs.push(Arc::new(Run::new(refs.by_ref().take(count).collect())));
    }
}

/// The references of a run after the changes of names before `end`.
fn merge(
    refs: &[SnapshotRef],
    end: Option<&[u8]>,
    changes: &mut Peekable<std::vec::IntoIter<RefChangedTo>>,
    merged: &mut Vec<SnapshotRef>,
) {
    for found in refs {
        while let Some((_, come)) = changes.next_if(|(name, _)| name[..] < *found.name()) {
            merged.extend(come);
        }
        match changes.next_if(|(name, _)| name[..] == *found.name()) {
            Some((_, now)) => merged.extend(now),
            None => merged.push(found.clone()),
        }
    }
    while let Some((_, come)) = changes.next_if(|(name, _)| is_before(name, end)) {
        merged.extend(come);
    }
}

/// Whether a name comes before this one, if there is one.
fn is_before(name: &[u8], end: Option<&[u8]>) -> bool {
    end.is_none_or(|end| name < end)
}

/// A number that tells most objects apart.
fn number_of(object: &ObjectId) -> u32 {
    object
        .as_bytes()
        .iter()
        .take(16)
        .fold(0, |number: u32, digit| number.rotate_left(5) ^ u32::from(*digit).wrapping_mul(0x9E37_79B1))
}

#[cfg(test)]
#[path = "ref_runs_tests.rs"]
mod tests;
