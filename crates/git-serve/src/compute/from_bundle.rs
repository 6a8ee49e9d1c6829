//! The pack of a clone of whole histories, of which nearly all is stored already: in the pack behind the bundle.
//!
//! That pack holds exactly what its references needed when it was made. So a client that wants whatever reaches all of
//! them gets it as it is, and with it the objects that have come since; a process has to do with these alone, of which
//! there are few. A client that wants less, or one in any doubt, is served by `git pack-objects`: what no reference
//! reaches any more must not be sent.

use std::io;
use std::time::Instant;

use futures_util::FutureExt;
use heliostat_git::{GitError, NewObject, NewObjects, blocking, pack_objects};
use heliostat_git_wire::{FetchRequest, ObjectId, RefSnapshot};

use crate::bundle::BundlePack;
use crate::compute::joined_pack::{JoinedPack, Packing, StoredPack};
use crate::served::ServedRepository;

/// Most new objects. Beyond, too many deltas between old and new objects would be missed; housekeeping tries to make a newer
/// pack before it comes to this.
pub(crate) const MAX_NEW_OBJECTS: usize = 20_000;

/// Longest path that `git pack-objects` is told, which finds earlier versions of an object by it; it reads no lines
/// that are much longer.
const MAX_PATH_BYTES: usize = 4_000;

/// What `git pack-objects` is told, which reads names of objects.
const OPTIONS: [&str; 3] = ["--stdout", "-q", "--delta-base-offset"];

const OPERATION: &str = "begin a clone with a stored pack";

/// The pack for this request; `None` when it must be made otherwise.
pub(super) async fn pack_from_bundle(
    served: &ServedRepository,
    request: &FetchRequest,
    settings: Vec<(&'static str, String)>,
) -> Result<Option<JoinedPack>, GitError> {
    let Some(bundle) = served.bundle().filter(|_| request.is_whole_clone()) else { return Ok(None) };
    let repository = &served.repository;
    let (started, refs) = (Instant::now(), repository.snapshot().await?);
    if refs.is_shallow() || brings_more_tags(request, &refs) {
        return Ok(None);
    }
    let new = repository.new_objects_since(bundle.tips(), request.wants()).await?;
    let Some(new) = new else { return Ok(None) };
    let format = request.format();
    let opened = blocking(move || {
        let BundlePack { file, bytes, index } = bundle.open_pack()?;
        let new = NewList::of(&new, |object| index.holds(object))?;
        Ok((StoredPack::new(file, bytes, index.objects(), format)?, new))
    });
    let (stored, new) = opened.await.map_err(|error| GitError::Io { operation: OPERATION, error })?;
    let new = match new.objects {
        0 => None,
        count if count > MAX_NEW_OBJECTS => return Ok(None),
        count => {
            let repository = repository.clone();
            let packing =
                async move { pack_objects(&repository, &OPTIONS, new.input.into(), settings, None).await };
            Some(Packing { packing: packing.boxed(), objects: count as u32 })
        }
    };
    Ok(Some(JoinedPack::new(stored, new, format, started.elapsed())))
}

/// Whether tags come along that the client has not named: there may be any number of them among the references.
fn brings_more_tags(request: &FetchRequest, refs: &RefSnapshot) -> bool {
    request.includes_tags() && refs.tags().any(|(_, object)| !request.wants().contains(object))
}

/// What `git pack-objects` is to pack.
#[derive(Debug, PartialEq, Eq)]
struct NewList {
    /// The lines that it reads.
    input: Vec<u8>,
    objects: usize,
}

impl NewList {
    /// Leaves out what is stored.
    fn of(new: &NewObjects, mut is_stored: impl FnMut(&ObjectId) -> io::Result<bool>) -> io::Result<Self> {
        let mut list = Self { input: Vec::new(), objects: 0 };
        for line in new.iter() {
            match line {
                // Nothing to be packed, but something whose files deltas may be based on.
                NewObject::Edge(commit) => list.input.extend([b"-", commit, b"\n"].concat()),
                NewObject::Object(name, path) => {
                    let object = ObjectId::from_hex(name).ok_or_else(|| io::Error::other("no object"))?;
                    if is_stored(&object)? {
                        continue;
                    }
                    list.objects += 1;
                    if list.objects > MAX_NEW_OBJECTS {
                        break;
                    }
                    let path = if path.len() > MAX_PATH_BYTES { b"" } else { path };
                    list.input.extend([name, b" ", path, b"\n"].concat());
                }
            }
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_reduced_to_what_is_new() {
        let [stored, new, edge] = ["1", "2", "3"].map(|digit| digit.repeat(40));
        let long = "x/".repeat(MAX_PATH_BYTES);
        let listing = format!("{new}\n-{edge}\n{stored} a b\n{new} a b\n{new} {long}end\n");
        let list = NewList::of(&NewObjects::listed(&listing), |object| Ok(object.as_str() == stored))
            .expect("sound");
        let expected = format!("{new} \n-{edge}\n{new} a b\n{new} \n");
        assert_eq!(list, NewList { input: expected.into_bytes(), objects: 3 });
        assert!(NewList::of(&NewObjects::listed("rubbish\n"), |_| Ok(false)).is_err());
        let many = format!("{new}\n").repeat(MAX_NEW_OBJECTS + 100);
        let list = NewList::of(&NewObjects::listed(&many), |_| Ok(false)).expect("sound");
        assert_eq!(list.objects, MAX_NEW_OBJECTS + 1);
    }
}

#[cfg(test)]
#[path = "from_bundle_tests.rs"]
mod bundle_tests;
