//! All references of a repository at one moment, immutable and cheap to share.

use std::sync::Arc;

use crate::names::{
    ContentHash, ContentHasher, INTERNAL_NAMESPACE, ObjectFormat, ObjectId, RefChange, RefName,
};
use crate::refs::RenderedLists;

/// What a small piece of memory costs besides its bytes.
const ALLOCATION_BYTES: usize = 16;

/// The references of a repository in name order, without our internal namespace.
///
/// A reference whose name is not UTF-8 counts in the content hash, so that a mirror notices when it moves, and is
/// advertised to clients, but it is not among the entries: nothing above can name it.
#[derive(Debug, Clone)]
pub struct RefSnapshot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Sorted by name, without duplicates.
    entries: Vec<(RefName, ObjectId)>,
    content_hash: ContentHash,
    advertised: Advertised,
}

/// What clients are told beyond the entries. A snapshot that was not read from a repository here knows none of it.
#[derive(Debug, Default)]
pub struct Advertised {
    /// What `HEAD` names.
    pub head: Option<Head>,
    /// The hash that names objects.
    pub format: Option<ObjectFormat>,
    /// Whether some commits lack their parents.
    pub is_shallow: bool,
    /// What only some entries have, in the order of their indices.
    pub peel_info: Vec<PeelInfo>,
    /// References whose names are no text, in the order of their names.
    pub non_utf8: Vec<NonUtf8Ref>,
    /// Objects that had to be looked at to know whether they are tags, for the snapshot after this one.
    pub looked_at: std::collections::HashMap<ObjectId, PeeledObject>,
    /// Lists as clients see them.
    pub rendered: RenderedLists,
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

/// What is to be said about one entry besides its name and its object.
#[derive(Debug, Default)]
pub struct PeelInfo {
    /// The place of the entry.
    pub index: usize,
    /// What an annotated tag leads to in the end.
    pub peeled: Option<ObjectId>,
    /// The reference that a symbolic one stands for.
    pub symbolic_target: Option<Box<[u8]>>,
}

/// A reference whose name is no text, so that it has no [`RefName`].
#[derive(Debug)]
pub struct NonUtf8Ref {
    /// The name.
    pub name: Vec<u8>,
    /// Where it points.
    pub object: ObjectId,
    /// What else is said about it; the index is not used.
    pub info: PeelInfo,
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
        Self::new(Vec::new(), ContentHash::of_nothing(), Advertised::default())
    }

    /// A snapshot that was read from a repository here: entries in name order, and all that is known beside them.
    pub fn new(entries: Vec<(RefName, ObjectId)>, content_hash: ContentHash, advertised: Advertised) -> Self {
        Self(Arc::new(Inner { entries, content_hash, advertised }))
    }

    /// A snapshot of these, entries in name order, whose hash is computed here.
    pub(crate) fn hashed(entries: Vec<(RefName, ObjectId)>, advertised: Advertised) -> Self {
        let unhashed = Self::new(entries, ContentHash::of_nothing(), advertised);
        let mut hasher = ContentHasher::default();
        unhashed.all().for_each(|(name, object)| hasher.reference(object.as_bytes(), name));
        let Inner { entries, advertised, .. } =
            Arc::into_inner(unhashed.0).expect("nobody else knows of it yet");
        Self::new(entries, hasher.finish(), advertised)
    }

    /// A snapshot of these references. Internal ones are left out; of duplicates the last one counts.
    pub fn from_entries(entries: impl IntoIterator<Item = (RefName, ObjectId)>) -> Self {
        let entries: std::collections::BTreeMap<_, _> =
            entries.into_iter().filter(|(name, _)| !name.is_internal()).collect();
        let mut hasher = ContentHasher::default();
        for (name, object) in &entries {
            hasher.reference(object.as_bytes(), name.as_str().as_bytes());
        }
        Self::new(entries.into_iter().collect(), hasher.finish(), Advertised::default())
    }

    /// Reads lines of `<object> <name>`; `None` when they are something else.
    pub fn parse_listing(listing: &[u8]) -> Option<Self> {
        let mut hasher = ContentHasher::default();
        let mut entries: Vec<(RefName, ObjectId)> = Vec::new();
        for line in listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let space = line.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
            let (object, name) = (&line[..space], &line[space + 1..]);
            if name.starts_with(INTERNAL_NAMESPACE.as_bytes()) {
                continue;
            }
            let object_id = ObjectId::from_hex(object)?;
            hasher.reference(object, name);
            if let Ok(Ok(name)) = std::str::from_utf8(name).map(RefName::parse) {
                entries.push((name, object_id));
            } else {
                tracing::warn!(ref_name = ?String::from_utf8_lossy(name), "reference name cannot be listed");
            }
        }
        if !entries.is_sorted_by(|one, next| one.0 < next.0) {
            // Git lists in name order; another server might not.
            return Some(Self::from_entries(entries));
        }
        Some(Self::new(entries, hasher.finish(), Advertised::default()))
    }

    /// What `HEAD` names; `None` when that is not known, as in a list that another server sent.
    pub fn head(&self) -> Option<&Head> {
        self.0.advertised.head.as_ref()
    }

    /// The object that an annotated tag, or a tag of a tag, leads to in the end.
    pub fn peeled(&self, name: &str) -> Option<&ObjectId> {
        let index = self.index_of(name)?;
        let peel_info = &self.0.advertised.peel_info;
        let found = peel_info.binary_search_by_key(&index, |info| info.index).ok()?;
        peel_info[found].peeled.as_ref()
    }

    /// What clients are told beyond the entries.
    pub fn advertised(&self) -> &Advertised {
        &self.0.advertised
    }

    /// How many references [`RefSnapshot::advertised_below`] gives, or a few more.
    pub(crate) fn count_below(&self, prefix: &[u8]) -> usize {
        self.range_of(prefix).len() + self.0.advertised.non_utf8.len()
    }

    /// What clients are told of the references whose names start with `prefix`, in name order.
    pub(crate) fn advertised_below(&self, prefix: &[u8]) -> impl Iterator<Item = AdvertisedRef<'_>> {
        let Advertised { peel_info, non_utf8, .. } = &self.0.advertised;
        let range = self.range_of(prefix);
        let mut infos =
            peel_info[peel_info.partition_point(|info| info.index < range.start)..].iter().peekable();
        let entries = range.map(move |index| {
            let (name, object) = &self.0.entries[index];
            (name.as_str().as_bytes(), object, infos.next_if(|info| info.index == index))
        });
        let prefix = prefix.to_owned();
        let non_utf8 = non_utf8.iter().filter(move |entry| entry.name.starts_with(&prefix));
        let non_utf8 = non_utf8.map(|entry| (&entry.name[..], &entry.object, Some(&entry.info)));
        let (mut entries, mut non_utf8) = (entries.peekable(), non_utf8.peekable());
        let merged = std::iter::from_fn(move || match (entries.peek(), non_utf8.peek()) {
            (Some(entry), Some(other)) if other.0 < entry.0 => non_utf8.next(),
            (None, _) => non_utf8.next(),
            _ => entries.next(),
        });
        merged.map(|(name, object, info)| {
            let peeled = info.and_then(|info| info.peeled.as_ref());
            let symbolic_target = info.and_then(|info| info.symbolic_target.as_deref());
            AdvertisedRef { name, object, peeled, symbolic_target }
        })
    }

    /// Which entries have names that start with `prefix`.
    fn range_of(&self, prefix: &[u8]) -> std::ops::Range<usize> {
        let entries = &self.0.entries;
        let start = entries.partition_point(|(name, _)| name.as_str().as_bytes() < prefix);
        let is_below = |(name, _): &(RefName, ObjectId)| name.as_str().as_bytes().starts_with(prefix);
        start..start + entries[start..].partition_point(is_below)
    }

    /// Bytes of memory that it takes, together with the rendered lists; never less.
    pub fn memory_bytes(&self) -> u64 {
        let Inner { entries, advertised, .. } = &*self.0;
        let names: usize = entries.iter().map(|(name, _)| name.as_str().len() + ALLOCATION_BYTES).sum();
        let non_utf8: usize = advertised.non_utf8.iter().map(|entry| entry.name.len()).sum();
        let sizes = [
            size_of::<Inner>(),
            entries.capacity() * size_of::<(RefName, ObjectId)>(),
            names + non_utf8 + advertised.non_utf8.capacity() * size_of::<NonUtf8Ref>(),
            advertised.peel_info.capacity() * size_of::<PeelInfo>(),
            // A map keeps some of its places free.
            advertised.looked_at.capacity() * 2 * size_of::<(ObjectId, PeeledObject)>(),
        ];
        sizes.iter().sum::<usize>() as u64 + advertised.rendered.limit_bytes()
    }

    /// Every reference in name order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&RefName, &ObjectId)> {
        self.0.entries.iter().map(|(name, object)| (name, object))
    }

    /// Every branch in name order.
    pub fn branches(&self) -> impl Iterator<Item = (&RefName, &ObjectId)> {
        self.iter().filter(|(name, _)| name.is_branch())
    }

    /// Every tag in name order.
    pub fn tags(&self) -> impl Iterator<Item = (&RefName, &ObjectId)> {
        self.iter().filter(|(name, _)| name.is_tag())
    }

    /// Every branch and tag in name order: what a plain clone takes.
    pub fn branches_and_tags(&self) -> Vec<(RefName, ObjectId)> {
        let taken = self.iter().filter(|(name, _)| name.is_branch() || name.is_tag());
        taken.map(|(name, object)| (name.clone(), object.clone())).collect()
    }

    /// Where the reference with this full name points.
    pub fn get(&self, name: &str) -> Option<&ObjectId> {
        self.index_of(name).map(|index| &self.0.entries[index].1)
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.0.entries.binary_search_by(|(entry, _)| entry.as_str().cmp(name)).ok()
    }

    /// Number of references.
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// The hash that names objects; `None` when that is not known, as in an empty list that another server sent.
    pub fn object_format(&self) -> Option<ObjectFormat> {
        let known = self.0.advertised.format;
        known.or_else(|| self.0.entries.first().map(|(_, object)| object.format()))
    }

    /// Whether some commits of the repository lack their parents, which clients have to be told.
    pub fn is_shallow(&self) -> bool {
        self.0.advertised.is_shallow
    }

    /// One value that is equal exactly when the references are.
    pub fn content_hash(&self) -> &ContentHash {
        &self.0.content_hash
    }

    /// What changed from `before` to `after`, in name order.
    pub fn diff(before: &Self, after: &Self) -> Vec<RefChange> {
        let (mut old, mut new) = (&before.0.entries[..], &after.0.entries[..]);
        let mut changes = Vec::new();
        loop {
            match (old, new) {
                ([(name, from), rest @ ..], _) if new.first().is_none_or(|(other, _)| name < other) => {
                    changes.push(RefChange::deleted(name.clone(), from.clone()));
                    old = rest;
                }
                (_, [(name, to), rest @ ..]) if old.first().is_none_or(|(other, _)| name < other) => {
                    changes.push(RefChange::added(name.clone(), to.clone()));
                    new = rest;
                }
                ([(name, from), old_rest @ ..], [(_, to), new_rest @ ..]) => {
                    if from != to {
                        changes.push(RefChange { name: name.clone(), from: from.clone(), to: to.clone() });
                    }
                    (old, new) = (old_rest, new_rest);
                }
                _ => return changes,
            }
        }
    }
}

impl PartialEq for RefSnapshot {
    fn eq(&self, other: &Self) -> bool {
        self.0.content_hash == other.0.content_hash
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
