//! Whether branches and tags still need all that is in a bundle, found out by what has changed since the last look.
//!
//! At a look it is known which references needed all of it. They still do if whatever of these was moved or deleted is needed
//! by what it was moved to. Where that is not so, all references are asked, as at the first look.

use std::collections::BTreeSet;

use heliostat_git::{GitError, Repository};
use heliostat_git_wire::{ObjectId, RefMove, RefSnapshot};

/// References that need all that is in a bundle.
#[derive(Debug, Clone)]
pub(crate) struct Needed {
    /// All branches and tags. Of the others there may be very many, and these stay as long as the bundle is offered.
    by: RefSnapshot,
    /// Whether branches and tags name all of the bundle's tips.
    is_named: bool,
}

impl Needed {
    /// The references now, if branches and tags need all that these tips need. Asks all of them.
    pub(crate) async fn look(
        repository: &Repository,
        tips: &BTreeSet<ObjectId>,
    ) -> Result<Option<Self>, GitError> {
        let refs = repository.refs().await?;
        let mut unnamed = tips.clone();
        refs.retain_not_cloned(&mut unnamed);
        let is_named = unnamed.is_empty();
        if !is_named {
            let now = refs.branches().chain(refs.tags()).map(|(_, object)| object.clone());
            if !repository.still_needs(tips, &now.collect()).await? {
                return Ok(None);
            }
        }
        Ok(Some(Self::by(&refs, is_named)))
    }

    /// The references now, if branches and tags still need all that these tips need.
    pub(crate) async fn look_again(
        &self,
        repository: &Repository,
        tips: &BTreeSet<ObjectId>,
    ) -> Result<Option<Self>, GitError> {
        let refs = repository.refs().await?;
        let mut moves = RefSnapshot::moves(&self.by, &refs.around_branches_and_tags());
        moves.retain(is_cloned);
        let mut left: BTreeSet<_> = moves.iter().filter_map(|moved| moved.step.from.clone()).collect();
        if self.is_named {
            left.retain(|object| tips.contains(object));
        }
        refs.retain_not_cloned(&mut left);
        if left.is_empty() {
            return Ok(Some(Self::by(&refs, self.is_named)));
        }
        let grown = moves.into_iter().filter(|moved| moved.step.from.is_some());
        let grown: BTreeSet<_> = grown.filter_map(|moved| moved.step.to).collect();
        // What cannot be told so may be told by all references.
        if !grown.is_empty() && repository.still_needs(&left, &grown).await.unwrap_or(false) {
            return Ok(Some(Self::by(&refs, false)));
        }
        Self::look(repository, tips).await
    }

    fn by(refs: &RefSnapshot, is_named: bool) -> Self {
        Self { by: refs.around_branches_and_tags(), is_named }
    }
}

/// Whether it is about a reference that a plain clone takes.
fn is_cloned(moved: &RefMove) -> bool {
    moved.name.starts_with(b"refs/heads/") || moved.name.starts_with(b"refs/tags/")
}
