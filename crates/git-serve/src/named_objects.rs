//! Which of the objects that a client says it has are here.
//!
//! What a client says it has counts only as far as the repository knows it, and that changes: a commit of the client's own
//! is pushed, a commit of ours is pruned. So an answer is stored under the request together with what was not known of
//! it, and the same words find another answer when they mean something else.

use std::collections::BTreeSet;

use heliostat_git::Repository;
use heliostat_git_wire::{FetchRequest, ObjectId, RefSnapshot};
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// Sets of objects of which is remembered that all of them are here; each takes some tens of bytes.
const MAX_REMEMBERED_SETS: usize = 16_384;

/// Most objects that are looked for in one request; a client that names more gets an answer of its own.
const MAX_OBJECTS_SOUGHT: usize = 4_096;

/// Remembers which sets of objects are here as long as references stay as they are. One that is not here may come at any
/// moment, and is looked for each time.
#[derive(Debug)]
pub(crate) struct NamedObjects {
    complete: Cache<[u8; 32], ()>,
}

impl Default for NamedObjects {
    fn default() -> Self {
        Self { complete: Cache::new(MAX_REMEMBERED_SETS) }
    }
}

impl NamedObjects {
    /// Drops all that is remembered: objects have gone.
    pub(crate) fn forget(&self) {
        self.complete.clear();
    }

    /// What the client names as its own and is not here; `None` when that cannot be told. `refs` is the state of
    /// `repository` now.
    pub(crate) async fn absent(
        &self,
        repository: &Repository,
        refs: &RefSnapshot,
        request: &FetchRequest,
    ) -> Option<BTreeSet<ObjectId>> {
        let named: BTreeSet<&ObjectId> = request.named_by_client().collect();
        if named.is_empty() {
            return Some(BTreeSet::new());
        }
        let digest = digest(repository.id(), refs, &named);
        if self.complete.get(&digest).is_some() {
            return Some(BTreeSet::new());
        }
        let mut named: BTreeSet<ObjectId> = named.into_iter().cloned().collect();
        refs.retain_unnamed(&mut named);
        if named.len() > MAX_OBJECTS_SOUGHT {
            return None;
        }
        let absent = match named.is_empty() {
            true => Ok(BTreeSet::new()),
            false => repository.present(&named).await.map(|here| &named - &here),
        };
        match absent {
            Ok(absent) => {
                if absent.is_empty() {
                    self.complete.insert(digest, ());
                }
                Some(absent)
            }
            Err(error) => {
                tracing::debug!(%error, "cannot tell which of a client's objects are here");
                None
            }
        }
    }
}

fn digest(repository: u64, refs: &RefSnapshot, named: &BTreeSet<&ObjectId>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(repository.to_be_bytes());
    hasher.update(refs.content_hash().as_str());
    for object in named {
        hasher.update(object.as_str());
        hasher.update(b"\n");
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use heliostat_git::fixture::Workshop;
    use heliostat_git_wire::{Command, spelled};

    use super::*;

    fn fetch(lines: &[String]) -> FetchRequest {
        let start = ["command=fetch".to_owned(), "object-format=sha1".to_owned(), "|".to_owned()];
        let body = spelled(&[&start, lines, &[".".to_owned()]].concat());
        FetchRequest::parse_v2(&Command::read(&body).expect("framed").expect("a command")).expect("a fetch")
    }

    #[tokio::test]
    async fn what_is_not_here_is_told_until_it_comes() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let first = workshop.run(repository.path(), &["rev-parse", "main"]);
        let tip = workshop.commit(&repository, "main");
        let own = workshop.bare_with_commits("own", &["own"]).await;
        let new = workshop.run(own.path(), &["rev-parse", "own"]);
        let refs = repository.refs().await.expect("readable");
        let want = format!("want {tip}");
        let named = NamedObjects::default();
        let absent = async |lines: &[&str]| {
            let lines: Vec<_> =
                [want.as_str()].iter().chain(lines).map(|line| line.trim().to_owned()).collect();
            let absent = named.absent(&repository, &refs, &fetch(&lines)).await.expect("it can be told");
            absent.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let (has_first, has_new) = (format!("have {first}"), format!("have {new}"));
        assert!(absent(&["done"]).await.is_empty());
        assert!(absent(&[&has_first, &format!("have {tip}"), "done"]).await.is_empty());
        for lines in [[&has_first, &has_new], [&has_first, &format!("shallow {new}")]] {
            assert_eq!(absent(&[lines[0], lines[1], "done"]).await, [new.trim()]);
        }
        let source = own.path().to_str().expect("text");
        workshop.run(repository.path(), &["fetch", "--quiet", source, "own"]);
        assert!(
            absent(&[&has_first, &has_new, "done"]).await.is_empty(),
            "it has come, and no reference tells of it"
        );
    }
}
