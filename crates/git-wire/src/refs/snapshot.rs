//! All references of a repository at one moment, immutable and cheap to share.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::names::{ContentHash, INTERNAL_NAMESPACE, ObjectFormat, ObjectId, RefChange, RefName, fault_of};
use crate::refs::{PeelInfo, RefChangedTo, RefRuns, RenderedLists, SnapshotRef};

/// What a list of references has besides their lines.
const LIST_OVERHEAD_BYTES: usize = 128;

/// How the names of branches and tags start.
const CLONED: [&[u8]; 2] = [b"refs/heads/", b"refs/tags/"];

/// The references of a repository in name order, without our internal namespace.
///
/// A reference whose name is not UTF-8 counts in the content hash, so that a mirror notices when it moves, and is
/// advertised to clients, but it is not listed: nothing above can name it.
///
/// One that is made from another by a few changes shares with it what has not changed.
#[derive(Debug, Clone)]
pub struct RefSnapshot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    refs: RefRuns,
    /// How many of them have names that are text.
    len: usize,
    advertised: Advertised,
    /// Lists as clients see them.
    rendered: RenderedLists,
}

/// What clients are told beyond the references. A snapshot that was not read from a repository here knows none of it.
#[derive(Debug, Default)]
pub struct Advertised {
    /// What `HEAD` names.
    pub head: Option<Head>,
    /// The hash that names objects.
    pub format: Option<ObjectFormat>,
    /// Whether some commits lack their parents.
    pub is_shallow: bool,
    /// Objects that had to be looked at to know whether they are tags, for the snapshot after this one.
    pub looked_at: HashMap<ObjectId, PeeledObject>,
}

/// What an object is when tags are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeeledObject {
    /// It is no annotated tag.
    NoTag,
    /// A tag that leads to this object in the end.
    To(ObjectId),
    /// It is not there: the repository is damaged.
    Missing,
}

/// What `HEAD` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A reference. Its name need not be text.
    Symbolic {
        /// Its full name.
        target: Box<[u8]>,
        /// Where it points; `None` while it does not exist ("unborn").
        object: Option<ObjectId>,
    },
    /// A commit.
    Detached(ObjectId),
}

/// One reference as clients are told of it.
#[derive(Debug, Clone, Copy)]
pub struct AdvertisedRef<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Where it points.
    pub object: &'a ObjectId,
    /// What an annotated tag leads to in the end.
    pub peeled: Option<&'a ObjectId>,
    /// The reference that a symbolic one stands for.
    pub symbolic_target: Option<&'a [u8]>,
}

impl Head {
    /// The branch or other reference that it names, whether or not it exists.
    pub fn target(&self) -> Option<RefName> {
        match self {
            Self::Symbolic { target, .. } => RefName::parse(std::str::from_utf8(target).ok()?).ok(),
            Self::Detached(_) => None,
        }
    }

    /// Where it leads; `None` when it names a reference that does not exist.
    pub fn object(&self) -> Option<&ObjectId> {
        match self {
            Self::Symbolic { object, .. } => object.as_ref(),
            Self::Detached(object) => Some(object),
        }
    }
}

impl RefSnapshot {
    /// The snapshot of a repository without references.
    pub fn empty() -> Self {
        Self::new(Vec::new(), Advertised::default())
    }

    /// A snapshot of these references, in name order and each once, and of what is known beside them.
    pub fn new(refs: Vec<SnapshotRef>, advertised: Advertised) -> Self {
        Self::of_runs(RefRuns::new(refs), advertised)
    }

    /// The snapshot after these changes, in the order of the names, with what is known beside it now.
    pub fn with_changes(&self, changes: Vec<RefChangedTo>, advertised: Advertised) -> Self {
        Self::of_runs(self.0.refs.with(changes), advertised)
    }

    /// All branches and tags, which it shares, with few others that lie beside them and nothing that is known or was made of
    /// them: for one who keeps them, and compares them with those of another moment.
    #[must_use]
    pub fn around_branches_and_tags(&self) -> Self {
        Self::of_runs(self.0.refs.runs_below(&CLONED), Advertised::default())
    }

    fn of_runs(refs: RefRuns, advertised: Advertised) -> Self {
        let sizes = refs.sizes();
        // One list for clients of today, one for older ones.
        let rendered = RenderedLists::new(2 * (LIST_OVERHEAD_BYTES + sizes.list_bytes) as u64);
        Self(Arc::new(Inner { refs, len: sizes.texts, advertised, rendered }))
    }

    /// A snapshot of these references. Internal ones are left out; of duplicates the last one counts.
    pub fn from_entries(entries: impl IntoIterator<Item = (RefName, ObjectId)>) -> Self {
        let entries: BTreeMap<_, _> = entries.into_iter().filter(|(name, _)| !name.is_internal()).collect();
        let refs = entries.into_iter().map(|(name, object)| SnapshotRef::plain(name, object));
        Self::new(refs.collect(), Advertised::default())
    }

    /// Reads lines of `<object> <name>`; `None` when they are something else, or `git` would refuse a name.
    pub fn parse_listing(listing: &[u8]) -> Option<Self> {
        // Git lists in name order; another server might not.
        let mut refs = BTreeMap::new();
        for line in listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let space = line.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
            let (object, name) = (ObjectId::from_hex(&line[..space])?, &line[space + 1..]);
            if fault_of(name).is_some() {
                return None;
            }
            if !name.starts_with(INTERNAL_NAMESPACE.as_bytes()) {
                refs.insert(name, SnapshotRef::new(name.to_owned(), object, PeelInfo::default()));
            }
        }
        Some(Self::new(refs.into_values().collect(), Advertised::default()))
    }

    /// What `HEAD` names; `None` when that is not known, as in a list that another server sent.
    pub fn head(&self) -> Option<&Head> {
        self.0.advertised.head.as_ref()
    }

    /// The object that an annotated tag, or a tag of a tag, leads to in the end.
    pub fn peeled(&self, name: &str) -> Option<&ObjectId> {
        self.find(name.as_bytes())?.peeled()
    }

    /// What clients are told beyond the references.
    pub fn advertised(&self) -> &Advertised {
        &self.0.advertised
    }

    pub(crate) fn rendered(&self) -> &RenderedLists {
        &self.0.rendered
    }

    pub(crate) fn runs(&self) -> &RefRuns {
        &self.0.refs
    }

    /// How many references [`RefSnapshot::advertised_below`] gives.
    pub(crate) fn count_below(&self, prefix: &[u8]) -> usize {
        self.0.refs.count_below(prefix)
    }

    /// What clients are told of the references whose names start with `prefix`, in name order.
    pub(crate) fn advertised_below<'a>(
        &'a self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = AdvertisedRef<'a>> {
        self.0.refs.below(prefix).map(|found| AdvertisedRef {
            name: found.name(),
            object: found.object(),
            peeled: found.peeled(),
            symbolic_target: found.symbolic_target(),
        })
    }

    /// Bytes of memory that it takes, together with the rendered lists; never less.
    pub fn memory_bytes(&self) -> u64 {
        self.0.refs.memory_bytes() as u64 + self.bytes_beside_refs()
    }

    /// Bytes of memory that its references take besides those that it shares with another one; never less. Of one from
    /// which lists are made it is not all.
    pub fn ref_bytes_beside(&self, other: &Self) -> u64 {
        (size_of::<Inner>() + self.0.refs.memory_bytes_beside(&other.0.refs)) as u64
    }

    fn bytes_beside_refs(&self) -> u64 {
        let Inner { advertised, rendered, .. } = &*self.0;
        // A map keeps some of its places free.
        let looked_at = advertised.looked_at.capacity() * 2 * size_of::<(ObjectId, PeeledObject)>();
        (size_of::<Inner>() + looked_at) as u64 + rendered.limit_bytes()
    }

    /// Every reference in name order.
    pub fn refs(&self) -> impl Iterator<Item = &SnapshotRef> {
        self.0.refs.iter()
    }

    /// Every reference whose name is text, in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&RefName, &ObjectId)> {
        self.refs().filter_map(SnapshotRef::listed)
    }

    /// Those of them whose names start with this.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a RefName, &'a ObjectId)> {
        self.0.refs.below(prefix.as_bytes()).filter_map(SnapshotRef::listed)
    }

    /// Every branch in name order.
    pub fn branches(&self) -> impl Iterator<Item = (&RefName, &ObjectId)> {
        self.below("refs/heads/")
    }

    /// Every tag in name order.
    pub fn tags(&self) -> impl Iterator<Item = (&RefName, &ObjectId)> {
        self.below("refs/tags/")
    }

    /// Every branch and tag in name order: what a plain clone takes.
    pub fn branches_and_tags(&self) -> Vec<(RefName, ObjectId)> {
        let taken = self.branches().chain(self.tags());
        taken.map(|(name, object)| (name.clone(), object.clone())).collect()
    }

    /// Where the reference with this full name points.
    pub fn get(&self, name: &str) -> Option<&ObjectId> {
        self.find(name.as_bytes()).map(SnapshotRef::object)
    }

    /// The reference with this full name, which need not be text.
    pub fn find(&self, name: &[u8]) -> Option<&SnapshotRef> {
        self.0.refs.get(name)
    }

    /// Keeps only those of these objects that no reference names.
    pub fn retain_unnamed(&self, objects: &mut BTreeSet<ObjectId>) {
        self.0.refs.retain_unnamed(objects, |_| true);
    }

    /// Keeps only those of these objects that neither a branch nor a tag names: nothing that a plain clone takes.
    pub fn retain_not_cloned(&self, objects: &mut BTreeSet<ObjectId>) {
        let is_cloned = |name: &RefName| name.is_branch() || name.is_tag();
        self.0.refs.retain_unnamed(objects, |found| found.listed().is_some_and(|(name, _)| is_cloned(name)));
    }

    /// Number of references whose names are text.
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// The hash that names objects; `None` when that is not known, as in an empty list that another server sent.
    pub fn object_format(&self) -> Option<ObjectFormat> {
        let known = self.0.advertised.format;
        known.or_else(|| self.refs().next().map(|found| found.object().format()))
    }

    /// Whether some commits of the repository lack their parents, which clients have to be told.
    pub fn is_shallow(&self) -> bool {
        self.0.advertised.is_shallow
    }

    /// One value that is equal exactly when the references are. It is computed when it is first asked for; what an
    /// earlier snapshot has computed of it is not computed again.
    pub fn content_hash(&self) -> &ContentHash {
        self.0.refs.content_hash()
    }

    /// Whether both have the same references. If they were made from one by few changes, only those are looked at, and
    /// the hash of one is taken over by the other.
    pub fn has_refs_of(&self, other: &Self) -> bool {
        self.0.refs.shares_hash_of(&other.0.refs)
    }

    /// What changed from `before` to `after`, in name order.
    pub fn diff(before: &Self, after: &Self) -> Vec<RefChange> {
        let differences = RefRuns::differences(&before.0.refs, &after.0.refs);
        let listed = |found: Option<&SnapshotRef>| {
            let (name, object) = found?.listed()?;
            Some((name.clone(), object.clone()))
        };
        let changes = differences.filter_map(|(gone, come)| match (listed(gone), listed(come)) {
            (None, None) => None,
            (Some((name, from)), None) => Some(RefChange::deleted(name, from)),
            (None, Some((name, to))) => Some(RefChange::added(name, to)),
            (Some((name, from)), Some((_, to))) => Some(RefChange { name, from, to }),
        });
        changes.collect()
    }
}

impl PartialEq for RefSnapshot {
    fn eq(&self, other: &Self) -> bool {
        self.content_hash() == other.content_hash()
    }
}

impl Eq for RefSnapshot {}

impl Default for RefSnapshot {
    fn default() -> Self {
        Self::empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::RefChangeKind;

    fn snapshot(entries: &[(&str, char)]) -> RefSnapshot {
        RefSnapshot::from_entries(entries.iter().map(|(name, digit)| {
            let name = RefName::parse(*name).expect("valid name");
            (name, ObjectId::parse(digit.to_string().repeat(40)).expect("hex"))
        }))
    }

    #[test]
    fn diff_names_every_change_once_in_order() {
        let before = snapshot(&[("refs/heads/a", '1'), ("refs/heads/b", '2'), ("refs/heads/d", '4')]);
        let after = snapshot(&[("refs/heads/b", '3'), ("refs/heads/c", '5'), ("refs/heads/d", '4')]);
        let changes: Vec<_> = RefSnapshot::diff(&before, &after)
            .into_iter()
            .map(|change| (change.name.short().to_owned(), change.kind()))
            .collect();
        let expected =
            [("a", RefChangeKind::Delete), ("b", RefChangeKind::Update), ("c", RefChangeKind::Add)];
        assert_eq!(changes, expected.map(|(name, kind)| (name.to_owned(), kind)));
        assert!(RefSnapshot::diff(&after, &after).is_empty());
        assert_eq!(RefSnapshot::diff(&RefSnapshot::empty(), &after).len(), 3);
        assert_eq!(
            RefSnapshot::diff(&after, &RefSnapshot::empty())[0].to,
            ObjectId::zero(ObjectFormat::Sha1)
        );
    }

    #[test]
    fn the_order_of_the_entries_does_not_matter() {
        let one = snapshot(&[("refs/heads/a", '1'), ("refs/heads/b", '2')]);
        let other = snapshot(&[("refs/heads/b", '2'), ("refs/heads/a", '1')]);
        assert_eq!(one.content_hash(), other.content_hash());
        assert_eq!(one.get("refs/heads/b").map(ObjectId::as_str), Some("2".repeat(40).as_str()));
        assert_eq!(one.get("refs/heads/c"), None);
    }

    #[test]
    fn a_listing_hashes_to_the_same_value_as_its_entries() {
        let listing = format!(
            "{} refs/heads/a\n{} refs/heliostat/x\n{} refs/tags/t\n",
            "1".repeat(40),
            "9".repeat(40),
            "2".repeat(40)
        );
        let parsed = RefSnapshot::parse_listing(listing.as_bytes()).expect("a listing");
        assert_eq!(parsed, snapshot(&[("refs/heads/a", '1'), ("refs/tags/t", '2')]));
        assert_eq!((parsed.len(), parsed.branches().count(), parsed.tags().count()), (2, 1, 1));
        assert!(RefSnapshot::parse_listing(b"nonsense").is_none());
        assert!(RefSnapshot::parse_listing(b"abc refs/heads/a").is_none());
        let refused = format!("{} refs/heads/a..b\n", "1".repeat(40));
        assert!(RefSnapshot::parse_listing(refused.as_bytes()).is_none());
    }

    #[test]
    fn a_name_that_is_not_text_counts_but_is_not_listed() {
        let mut listing =
            format!("{} refs/heads/a\n{} refs/heads/", "1".repeat(40), "2".repeat(40)).into_bytes();
        listing.extend_from_slice(b"\xff\n");
        let parsed = RefSnapshot::parse_listing(&listing).expect("a listing");
        assert_eq!(parsed.len(), 1);
        assert_ne!(parsed.content_hash(), snapshot(&[("refs/heads/a", '1')]).content_hash());
    }
}
