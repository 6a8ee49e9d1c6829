//! All references of a repository at one moment, immutable and cheap to share.

use std::sync::Arc;

use crate::content_hash::{ContentHash, ContentHasher};
use crate::object_id::{ObjectFormat, ObjectId};
use crate::ref_change::RefChange;
use crate::ref_name::{INTERNAL_NAMESPACE, RefName};

/// The references of a repository in name order, without our internal namespace.
///
/// A reference whose name is not UTF-8 counts in the content hash, so that a mirror notices when it moves, but it
/// is not listed: nothing above can name it.
#[derive(Debug, Clone)]
pub struct RefSnapshot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Sorted by name, without duplicates.
    entries: Vec<(RefName, ObjectId)>,
    content_hash: ContentHash,
}

impl RefSnapshot {
    /// The snapshot of a repository without references.
    pub fn empty() -> Self {
        Self(Arc::new(Inner { entries: Vec::new(), content_hash: ContentHash::of_nothing() }))
    }

    /// A snapshot of these references. Internal ones are left out; of duplicates the last one counts.
    pub fn from_entries(entries: impl IntoIterator<Item = (RefName, ObjectId)>) -> Self {
        let entries: std::collections::BTreeMap<_, _> =
            entries.into_iter().filter(|(name, _)| !name.is_internal()).collect();
        let mut hasher = ContentHasher::default();
        for (name, object) in &entries {
            hasher.reference(object.as_str().as_bytes(), name.as_str().as_bytes());
        }
        Self(Arc::new(Inner { entries: entries.into_iter().collect(), content_hash: hasher.finish() }))
    }

    /// Reads lines of `<object> <name>`; `None` when they are something else.
    pub(crate) fn parse_listing(listing: &[u8]) -> Option<Self> {
        let mut hasher = ContentHasher::default();
        let mut entries: Vec<(RefName, ObjectId)> = Vec::new();
        for line in listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let space = line.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
            let (object, name) = (&line[..space], &line[space + 1..]);
            if name.starts_with(INTERNAL_NAMESPACE.as_bytes()) {
                continue;
            }
            let object_id = ObjectId::parse(std::str::from_utf8(object).ok()?).ok()?;
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
        Some(Self(Arc::new(Inner { entries, content_hash: hasher.finish() })))
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

    /// Where the reference with this full name points.
    pub fn get(&self, name: &str) -> Option<&ObjectId> {
        let entries = &self.0.entries;
        let found = entries.binary_search_by(|(entry, _)| entry.as_str().cmp(name));
        found.ok().map(|index| &entries[index].1)
    }

    /// Number of references.
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// The hash of the references' objects; `None` when there are no references.
    pub fn object_format(&self) -> Option<ObjectFormat> {
        self.0.entries.first().map(|(_, object)| object.format())
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
    use crate::ref_change::RefChangeKind;

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
