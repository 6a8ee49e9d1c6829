//! Questions about the sizes of objects, without the objects.

use std::collections::{BTreeMap, BTreeSet};

use heliostat_git::{ClientKey, GitError};
use heliostat_git_wire::{MAX_QUESTIONED_OBJECTS, ObjectId, RefSnapshot};

use crate::answer::GitReader;
use crate::reachability::Wanted;
use crate::served::ServedRepository;

/// Most objects of one question that are here and that no reference leads to, before none is told.
const MAX_HIDDEN_OBJECTS: usize = 16;

/// What is said of more objects that are not here than the other repository is asked about at once.
const TOO_MANY: &str = "it is one of more than 1,000 that are not here: ask about fewer at once";

impl ServedRepository {
    /// The sizes of those of these objects that a client may have. The others are not here for it.
    async fn sizes_of(
        &self,
        refs: &RefSnapshot,
        objects: &[ObjectId],
        client: ClientKey,
    ) -> Result<BTreeMap<ObjectId, u64>, GitError> {
        let repository = self.repository.asked_by(client);
        let permit = self.engine().queue().permit(repository.id(), client).await;
        let mut sizes = repository.object_sizes(objects).await?;
        drop(permit);
        for _ in 0..=MAX_HIDDEN_OBJECTS {
            match self.may_have(refs, &sizes.keys().cloned().collect(), client).await? {
                Wanted::Unreachable(object) => sizes.remove(&object),
                Wanted::AllReachable | Wanted::LatelyReachable => return Ok(sizes),
            };
        }
        Ok(BTreeMap::new())
    }

    /// The same, where another repository may tell those that are not to be had from this one alone.
    pub(crate) async fn sizes_with_help(
        &self,
        refs: &RefSnapshot,
        objects: &[ObjectId],
        reader: &GitReader,
    ) -> Result<BTreeMap<ObjectId, u64>, GitError> {
        let mut sizes = self.sizes_of(refs, objects, reader.key).await?;
        let Some(object_source) = &reader.object_source else { return Ok(sizes) };
        let absent: BTreeSet<ObjectId> =
            objects.iter().filter(|object| !sizes.contains_key(object)).cloned().collect();
        let Some(first) = absent.first() else { return Ok(sizes) };
        if absent.len() > MAX_QUESTIONED_OBJECTS {
            return match self.shown() {
                None => Ok(sizes),
                // What is not told here is nowhere, as far as the reader knows.
                Some(_) => Err(not_told(first, TOO_MANY)),
            };
        }
        let told = object_source.sizes(absent.clone(), reader.key).await;
        let mut told = told.map_err(|reason| not_told(first, &reason))?;
        told.retain(|object, _| absent.contains(object));
        sizes.append(&mut told);
        Ok(sizes)
    }
}

/// What a client is told when it cannot be found out whether there is an object for it.
fn not_told(object: &ObjectId, reason: &str) -> GitError {
    let message = format!("object-info: the size of {object} cannot be told now: {reason}");
    GitError::Refused { operation: "tell sizes", message }
}
