//! What this mirror knows of all repositories, part by part, as it is compared with the upstream.
//!
//! The digest of a part is made of what is recorded here and nothing else: it can only be the upstream's if a description
//! of each repository would change nothing. So a part has none if one of its repositories has to be described whatever is
//! recorded: one that is held, or one whose id is no number.

use std::collections::BTreeMap;
use std::sync::Arc;

use heliostat_peer::{PartDigest, ToldProject, ToldRepository, part_of};
use heliostat_storage::MirroredRepository;

use super::entry::Entry;

/// The part that stands for ids that are no numbers, which no upstream of ours gives.
const NO_PART: i32 = -1;

/// The repositories of one part.
#[derive(Debug)]
pub(crate) struct KnownPart {
    /// By which the upstream sees whether it knows the same.
    pub(crate) digest: Option<String>,
    pub(crate) entries: Vec<Arc<Entry>>,
}

/// Sorts repositories into parts, by the number of the part.
pub(crate) fn known_parts(entries: Vec<Arc<Entry>>) -> BTreeMap<i32, KnownPart> {
    let mut numbered: Vec<(Option<i32>, Arc<Entry>)> =
        entries.into_iter().map(|entry| (number_of(&entry), entry)).collect();
    numbered.sort_unstable_by_key(|(id, _)| *id);
    let of_part = |id: Option<i32>| id.map_or(NO_PART, part_of);
    let parts = numbered.chunk_by(|(one, _), (next, _)| of_part(*one) == of_part(*next));
    parts
        .map(|part| {
            let digest = digest_of(part);
            let entries = part.iter().map(|(_, entry)| Arc::clone(entry)).collect();
            (of_part(part[0].0), KnownPart { digest, entries })
        })
        .collect()
}

fn number_of(entry: &Entry) -> Option<i32> {
    entry.external_id.parse().ok().filter(|id: &i32| *id >= 0)
}

fn digest_of(part: &[(Option<i32>, Arc<Entry>)]) -> Option<String> {
    let mut digest = PartDigest::default();
    for (id, entry) in part {
        let (record, purge) = (entry.record(), entry.ordered_purge());
        digest.add(&told_repository((*id)?, &record, purge)?);
    }
    Some(digest.finish())
}

/// What the upstream has told of a repository; `None` if it has to tell again.
fn told_repository(id: i32, record: &MirroredRepository, purge: i64) -> Option<ToldRepository<'_>> {
    if record.held.is_some() {
        return None;
    }
    Some(ToldRepository {
        content_hash: record.upstream_content_hash.as_deref()?,
        default_branch: record.default_branch.as_deref(),
        generation: record.generation_known.0,
        id,
        identity: record.identity.as_deref(),
        metadata_hash: &record.metadata_hash,
        name: &record.name,
        project: ToldProject {
            id: record.project_id.parse().ok()?,
            key: &record.project_key,
            name: &record.project_name,
            public: record.project_public,
        },
        public: record.public,
        purge,
        slug: &record.slug,
    })
}

#[cfg(test)]
mod tests {
    use heliostat_storage::{Generation, HeldReason};

    use super::*;
    use crate::inventory::tests::record;

    fn entry(external_id: &str, change: impl FnOnce(&mut MirroredRepository)) -> Arc<Entry> {
        let mut record = MirroredRepository { external_id: external_id.to_owned(), ..record(1, "engine") };
        change(&mut record);
        Arc::new(Entry::new(record))
    }

    fn plain(external_id: &str) -> Arc<Entry> {
        entry(external_id, |_| {})
    }

    fn digest(entries: Vec<Arc<Entry>>) -> Option<String> {
        let mut parts = known_parts(entries);
        let (_, part) = parts.pop_first().expect("there is one");
        assert!(parts.is_empty());
        part.digest
    }

    #[test]
    fn repositories_are_sorted_into_parts_by_number() {
        let parts = known_parts(["9", "255", "256", "1000", "x", "10"].map(plain).into());
        let ids = |part: &KnownPart| {
            let ids: Vec<_> = part.entries.iter().map(|entry| entry.external_id.as_str()).collect();
            ids.join(" ")
        };
        let sorted: Vec<_> = parts.iter().map(|(number, part)| (*number, ids(part))).collect();
        let expected = [(NO_PART, "x"), (0, "9 10 255"), (1, "256"), (3, "1000")];
        assert_eq!(sorted, expected.map(|(number, ids)| (number, ids.to_owned())));
        assert_eq!(parts[&NO_PART].digest, None);
    }

    #[test]
    fn a_digest_tells_of_what_is_recorded_in_whatever_order_it_is_found() {
        let before = digest(vec![plain("9"), plain("10")]);
        assert!(before.is_some());
        assert_eq!(digest(vec![plain("10"), plain("9")]), before);
        let changed = entry("10", |record| record.generation_known = Generation(5));
        assert_ne!(digest(vec![plain("9"), changed]), before);
        let moved = entry("10", |record| record.project_name = "Another".to_owned());
        assert_ne!(digest(vec![plain("9"), moved]), before);
        let behind = entry("10", |record| record.generation_synced = Generation(1));
        assert_eq!(digest(vec![plain("9"), behind]), before, "what is here is no news to the upstream");
    }

    #[test]
    fn what_has_to_be_described_anyway_leaves_its_part_without_a_digest() {
        let held = entry("10", |record| record.held = Some(HeldReason::Missing));
        assert_eq!(digest(vec![plain("9"), held]), None);
        let untold = entry("10", |record| record.upstream_content_hash = None);
        assert_eq!(digest(vec![plain("9"), untold]), None);
    }
}
