//! Which branches and tags a repository here has: those of the origin whose objects are here.
//!
//! Readers are shown the origin's own list. These references are there for what works on a repository: they keep objects,
//! they are what a fetch has to offer, and answers are computed in advance for them. So they may be fewer, or a moment
//! older, but none of them is one that the origin has not listed.

use std::collections::BTreeSet;

use heliostat_foreign::Listing;
use heliostat_git::{ObjectId, RefName, RefSnapshot, Repository, SwapRefsError};
use heliostat_git_wire::{Advertised, PeelInfo, SnapshotRef};

/// HEAD of a repository of which the origin does not tell it.
const FALLBACK_BRANCH: &str = "refs/heads/main";

/// The branches and tags of a list. Providers list very many other references, such as those of pull requests: these
/// are fetched when they are wanted.
pub(crate) fn branches_and_tags(listed: &RefSnapshot) -> RefSnapshot {
    let is_taken = |name: &[u8]| name.starts_with(b"refs/heads/") || name.starts_with(b"refs/tags/");
    let taken = listed.refs().filter(|found| is_taken(found.name()));
    let taken = taken.map(|found| {
        let info = PeelInfo { peeled: found.peeled().cloned(), symbolic_target: None };
        SnapshotRef::new(found.name().to_owned(), found.object().clone(), info)
    });
    let (head, format) = (listed.head().cloned(), listed.object_format());
    RefSnapshot::new(taken.collect(), Advertised { head, format, ..Advertised::default() })
}

/// The branch that `HEAD` names here.
pub(crate) fn head_of(listing: &Listing) -> RefName {
    let told = listing.default_branch().filter(RefName::is_branch);
    told.unwrap_or_else(|| RefName::parse(FALLBACK_BRANCH).expect("the fallback is a valid ref name"))
}

/// Shows those of `listed` whose objects are here: `brought`, and what references here name already. The caller holds the
/// entry's `fetching`.
pub(crate) async fn show_branches(
    repository: &Repository,
    listed: &RefSnapshot,
    head: &RefName,
    brought: &BTreeSet<ObjectId>,
) -> Result<RefSnapshot, SwapRefsError> {
    let before = repository.refs().await?;
    let after = shown_of(listed, &before, brought);
    match repository.swap_refs(&before, &after, head).await {
        Err(SwapRefsError::Stale(_) | SwapRefsError::NotAsPlanned { .. }) => {
            // Something else has written references. Once more, from what there really is.
            let before = repository.refs().await?;
            let after = shown_of(listed, &before, brought);
            repository.swap_refs(&before, &after, head).await
        }
        shown => shown,
    }
}

/// A reference whose new object is not here stays where it is, and is not there if it is new.
fn shown_of(listed: &RefSnapshot, before: &RefSnapshot, brought: &BTreeSet<ObjectId>) -> RefSnapshot {
    let mut absent: BTreeSet<ObjectId> = listed.refs().map(|found| found.object().clone()).collect();
    before.retain_unnamed(&mut absent);
    absent.retain(|object| !brought.contains(object));
    let shown = listed.refs().filter_map(|found| {
        if !absent.contains(found.object()) {
            return Some(found.clone());
        }
        before.find(found.name()).cloned()
    });
    let (head, format) = (listed.head().cloned(), listed.object_format());
    RefSnapshot::new(shown.collect(), Advertised { head, format, ..Advertised::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refs(entries: &[(&str, char)]) -> RefSnapshot {
        RefSnapshot::from_entries(
            entries.iter().map(|(name, digit)| (RefName::parse(*name).expect("valid"), object(*digit))),
        )
    }

    fn object(digit: char) -> ObjectId {
        ObjectId::parse(digit.to_string().repeat(40)).expect("hex")
    }

    #[test]
    fn a_list_is_reduced_to_branches_and_tags() {
        let listed = refs(&[("refs/heads/a", '1'), ("refs/pull/1/head", '2'), ("refs/tags/t", '3')]);
        assert_eq!(branches_and_tags(&listed), refs(&[("refs/heads/a", '1'), ("refs/tags/t", '3')]));
    }

    #[test]
    fn only_what_is_here_is_shown() {
        let before = refs(&[("refs/heads/a", '1'), ("refs/heads/b", '2'), ("refs/heads/gone", '3')]);
        let listed = refs(&[
            ("refs/heads/a", '4'),
            ("refs/heads/b", '5'),
            ("refs/heads/c", '2'),
            ("refs/heads/d", '6'),
        ]);
        let shown = shown_of(&listed, &before, &BTreeSet::from([object('4')]));
        let expected = refs(&[("refs/heads/a", '4'), ("refs/heads/b", '2'), ("refs/heads/c", '2')]);
        assert_eq!(shown, expected);
    }
}
