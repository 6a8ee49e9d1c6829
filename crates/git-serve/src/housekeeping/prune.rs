//! Removing what no reference leads to.
//!
//! Everything that references lead to is written into one new pack, beside all that is there. Then, while no reference
//! can come to lead to something else, what they have come to lead to meanwhile is packed as well, and every file of
//! objects goes that was there before. So nothing has to be proven about what goes: all that is needed is in the new
//! packs, or has come since. A process that is killed at any point leaves a repository that is right.
//!
//! What lies in quarantine is not touched: a push looks whether all that it needs is there when it comes out.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use heliostat_git::{
    DiskRoom, GitError, LeftTip, Moment, ObjectId, Repository, SearchFor, blocking, entries, remove_if_there,
    sync_folder,
};
use heliostat_git_wire::{Head, lines_of};

use super::packs::{PackInventory, pack_folder};
use super::plan::Thresholds;
use super::remove_replaced::remove_packs;
use super::repack::{background, index, write_commit_graph, write_pack};
use crate::served::ServedRepository;

/// How often it is looked whether what is to go is still read, or references are being changed.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// How long readers are waited for before what they may need goes at once all the same: their clients fetch again.
const READERS_LIMIT: Duration = Duration::from_secs(30);

/// How long to wait for readers, and for a moment at which no references are being changed, before it is left for
/// another time.
const WAIT_LIMIT: Duration = Duration::from_mins(1);

/// The same for what has to go at once.
const URGENT_WAIT_LIMIT: Duration = Duration::from_mins(10);

const OPERATION: &str = "remove what no reference leads to";

/// How soon it has to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// When it is not read, and unless a push has found that it is there.
    WhenFree,
    /// As soon as references stand still for a moment.
    Now,
}

/// What was removed: files that held what no reference leads to, with what is in the new pack as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Packs that are gone.
    pub packs: usize,
    /// Files of single objects that are gone.
    pub loose_objects: usize,
    /// How long it took.
    pub took: Duration,
}

/// The files of objects that were there at the beginning.
struct OldFiles {
    /// The repository's folder itself: another one may take its place.
    folder: FolderId,
    /// Names of packs.
    packs: Vec<(String, SystemTime)>,
    loose: Vec<(PathBuf, SystemTime)>,
}

/// Removes at once everything that no reference leads to, also what a reference named a moment ago; stored answers and
/// the bundle go as well. When it returns, none of it is on disk any more.
pub async fn purge(served: &ServedRepository) -> Result<Pruned, GitError> {
    let (repository, engine) = (&served.repository, served.engine());
    let io_error = |error| GitError::Io { operation: OPERATION, error };
    let _alone = engine.housekeeping().alone().await;
    // What was left a moment ago is noted when the references are read.
    repository.refs().await?;
    repository.drop_wanted_refs(Duration::ZERO).await?;
    let left = repository.left_tips().all().await.map_err(io_error)?;
    repository.left_tips().forget(left).await.map_err(io_error)?;
    engine.remove_answers(repository.id()).await.map_err(io_error)?;
    // What a push has left that was killed.
    repository.clear_stale_transfers(Duration::ZERO).await.map_err(io_error)?;
    let pruned = prune(served, &BTreeSet::new(), Haste::Now, &Thresholds::default()).await?;
    tell(repository.id(), pruned, "everything that no reference leads to is removed");
    Ok(pruned)
}

/// Removes what references do not lead to, once what they named was left long enough ago. Says whether there was
/// anything to do.
pub(super) async fn prune_if_due(
    served: &ServedRepository,
    thresholds: &Thresholds,
) -> Result<bool, GitError> {
    let (repository, keep) = (&served.repository, served.engine().keep_unreachable());
    let io_error = |error| GitError::Io { operation: OPERATION, error };
    let left = repository.left_tips().all().await.map_err(io_error)?;
    let (young, old): (Vec<_>, Vec<_>) = left.into_iter().partition(|tip| tip.is_younger_than(keep));
    if old.is_empty() {
        return Ok(false);
    }
    repository.drop_wanted_refs(keep).await?;
    let objects = |tips: &[LeftTip]| tips.iter().map(|tip| tip.object.clone()).collect();
    let kept = repository.present(&objects(&young)).await?;
    let left_lately: BTreeSet<_> = all_tips(repository).await?.union(&kept).cloned().collect();
    let left_long_ago = repository.present(&objects(&old)).await?;
    let unreached = repository.first_unreached(&left_long_ago, &left_lately, SearchFor::Housekeeping);
    let is_due = unreached.await?.is_some();
    if is_due {
        let pruned = prune(served, &kept, Haste::WhenFree, thresholds).await?;
        tell(repository.id(), pruned, "what no reference has led to for long is removed");
    }
    repository.left_tips().forget(old).await.map_err(io_error)?;
    Ok(is_due)
}

fn tell(id: u64, pruned: Pruned, what: &str) {
    let Pruned { packs, loose_objects, took } = pruned;
    tracing::info!(repository.id = id, packs, loose_objects, duration_ms = took.as_millis() as u64, "{what}");
}

/// Device and number of a folder.
type FolderId = (u64, u64);

/// Removes what neither references nor `kept` lead to. Fails when a reader may need it for too long.
pub(crate) async fn prune(
    served: &ServedRepository,
    kept: &BTreeSet<ObjectId>,
    haste: Haste,
    thresholds: &Thresholds,
) -> Result<Pruned, GitError> {
    let limit = if haste == Haste::Now { URGENT_WAIT_LIMIT } else { WAIT_LIMIT };
    let (started, repository) = (Instant::now(), &served.repository);
    let old = OldFiles::look(repository).await?;
    check_room(repository, &PackInventory::look(repository).await?).await?;
    let mut packed = all_tips(repository).await?;
    packed.extend(kept.iter().cloned());
    let pack =
        write_pack(repository, "pack what references lead to", &["--revs"], lines_of("", &packed)).await?;
    // The pack behind it goes.
    served.engine().bundles().withdraw(repository).await?;
    let replaced = describe_anew(served, &old, pack.as_deref(), thresholds).await?;
    let gone = |name: &String| pack.as_ref() != Some(name);
    let old = OldFiles { packs: old.packs.into_iter().filter(|(name, _)| gone(name)).collect(), ..old };
    let waits = Instant::now();
    loop {
        let readers = repository.git().readers();
        let is_read = readers.may_need(repository.path(), Moment::default(), replaced);
        let may_go = !is_read || (haste == Haste::Now && waits.elapsed() >= READERS_LIMIT);
        let removal = if may_go { repository.removals().begin().await } else { None };
        if let Some(removal) = removal {
            pack_what_came(repository, &packed).await?;
            let (packs, loose_objects) = old.remove(repository, haste).await?;
            drop(removal);
            // What was stored or noted meanwhile may be about what is gone.
            let removed = served.engine().remove_answers(repository.id()).await;
            removed.map_err(|error| GitError::Io { operation: OPERATION, error })?;
            return Ok(Pruned { packs, loose_objects, took: started.elapsed() });
        }
        if waits.elapsed() >= limit {
            return Err(GitError::TimedOut { operation: OPERATION, limit });
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// Indexes, bitmaps and the commit graph without what goes; says when that was done.
async fn describe_anew(
    served: &ServedRepository,
    old: &OldFiles,
    pack: Option<&str>,
    thresholds: &Thresholds,
) -> Result<Moment, GitError> {
    let repository = &served.repository;
    let refs = repository.refs().await?;
    let mut current = PackInventory::look(repository).await?;
    // The new pack may seem replaced by those that go, and there may have been one like it.
    current.packs.append(&mut current.replaced);
    let stays = |name: &str| pack == Some(name) || old.packs.iter().all(|(old, _)| old != name);
    let needed: Vec<_> = current.packs.iter().filter(|pack| stays(&pack.name)).cloned().collect();
    let path = repository.path().to_owned();
    let has_packs = !needed.is_empty();
    let has_commits = !refs.is_empty();
    let dropped = blocking(move || {
        let objects = path.join("objects");
        // Of one file only the first kind would be read, and it is not written anew.
        remove_if_there(&objects.join("info/commit-graph"))?;
        if !has_commits {
            remove_if_there(&objects.join("info/commit-graphs/commit-graph-chain"))?;
        }
        if has_packs { Ok(()) } else { remove_common_index(&objects.join("pack")) }
    });
    dropped.await.map_err(|error| GitError::Io { operation: OPERATION, error })?;
    if has_packs {
        let wants_bitmap = current.weight() >= thresholds.small_weight && has_commits;
        index(repository, &current, &needed, None, &refs, wants_bitmap).await?;
    }
    if has_commits {
        write_commit_graph(repository, "--split=replace").await?;
    }
    Ok(repository.git().readers().now())
}

fn remove_common_index(packs: &Path) -> io::Result<()> {
    for entry in entries(packs)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b"multi-pack-index") {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

/// References may have come to lead to something that was there, and that is not in the new pack.
async fn pack_what_came(repository: &Repository, packed: &BTreeSet<ObjectId>) -> Result<(), GitError> {
    let now = all_tips(repository).await?;
    let mut new = now.difference(packed).peekable();
    if new.peek().is_none() {
        return Ok(());
    }
    let input = lines_of("", new) + &lines_of("^", packed);
    write_pack(repository, "pack what references have come to lead to", &["--revs"], input).await.map(drop)
}

/// What all references name, ours as well, and `HEAD`.
async fn all_tips(repository: &Repository) -> Result<BTreeSet<ObjectId>, GitError> {
    let command = background(repository, OPERATION).args(["for-each-ref", "--format=%(objectname)"]);
    let listing = command.run().await?.stdout;
    let listed = listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut tips = listed
        .map(|line| ObjectId::from_hex(line).ok_or_else(|| GitError::unexpected(OPERATION, line)))
        .collect::<Result<BTreeSet<_>, _>>()?;
    tips.extend(repository.refs().await?.head().and_then(Head::object).cloned());
    Ok(tips)
}

/// Fails unless everything can be written once more, with room left for pushes.
async fn check_room(repository: &Repository, inventory: &PackInventory) -> Result<(), GitError> {
    let (path, bytes) = (repository.path().to_owned(), inventory.bytes() + inventory.loose_bytes);
    let checked = blocking(move || {
        let room = DiskRoom::of(&path)?;
        let needed = bytes.saturating_add(room.kept_bytes());
        if room.free_bytes < needed {
            let text = format!("{} bytes are free, and {needed} are needed for a while", room.free_bytes);
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        Ok(())
    });
    checked.await.map_err(|error| GitError::Io { operation: OPERATION, error })
}

impl OldFiles {
    async fn look(repository: &Repository) -> Result<Self, GitError> {
        let path = repository.path().to_owned();
        let found = blocking(move || {
            Ok(Self {
                folder: folder_id(&path)?,
                packs: packs_in(&pack_folder(&path))?,
                loose: loose_in(&path.join("objects"))?,
            })
        });
        found.await.map_err(|error| GitError::Io { operation: OPERATION, error })
    }

    /// Removes them, and says how many packs and single objects there were. One that a push has touched meanwhile, because
    /// it has the same, stays for another time, unless it has to go.
    async fn remove(self, repository: &Repository, haste: Haste) -> Result<(usize, usize), GitError> {
        let path = repository.path().to_owned();
        let looked = blocking(move || {
            if folder_id(&path)? != self.folder {
                return Err(io::Error::other("another repository has taken its place meanwhile"));
            }
            let folder = pack_folder(&path);
            let goes = |file: &Path, then: SystemTime| haste == Haste::Now || written_at(file) == Some(then);
            let is_there = |name: &String| folder.join(format!("{name}.pack")).exists();
            let goes_whole = |name: &String, then: SystemTime| {
                is_there(name) && goes(&folder.join(format!("{name}.pack")), then)
            };
            let packs = self.packs.into_iter().filter(|(name, then)| goes_whole(name, *then));
            let packs: Vec<_> = packs.map(|(name, _)| name).collect();
            // What replaces them must be there after a power failure before anything goes.
            sync_folder(&folder)?;
            let mut removed = 0;
            for (file, then) in self.loose {
                if goes(&file, then) {
                    remove_if_there(&file)?;
                    removed += 1;
                }
            }
            Ok((packs, removed))
        });
        let (packs, loose) = looked.await.map_err(|error| GitError::Io { operation: OPERATION, error })?;
        Ok((remove_packs(repository, packs).await?.packs, loose))
    }
}

/// Packs but those that a transfer keeps that has not changed its references yet.
fn packs_in(folder: &Path) -> io::Result<Vec<(String, SystemTime)>> {
    let mut packs = Vec::new();
    for entry in entries(folder)? {
        let path = entry?.path();
        let is_pack = path.extension().is_some_and(|extension| extension == "pack");
        let is_free = is_pack && !path.with_extension("keep").exists();
        let name = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_free);
        let Some(name) = name.filter(|name| name.starts_with("pack-")) else { continue };
        packs.extend(written_at(&path).map(|written| (name.to_owned(), written)));
    }
    Ok(packs)
}

fn loose_in(objects: &Path) -> io::Result<Vec<(PathBuf, SystemTime)>> {
    let mut loose = Vec::new();
    for entry in entries(objects)? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().as_encoded_bytes();
        if name.len() != 2 || !name.iter().all(u8::is_ascii_hexdigit) {
            continue;
        }
        for file in entries(&folder)? {
            let file = file?.path();
            let is_object =
                file.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"tmp_"));
            loose.extend(written_at(&file).filter(|_| is_object).map(|written| (file, written)));
        }
    }
    Ok(loose)
}

fn folder_id(folder: &Path) -> io::Result<FolderId> {
    let metadata = std::fs::metadata(folder)?;
    Ok((metadata.dev(), metadata.ino()))
}

fn written_at(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}

#[cfg(test)]
#[path = "prune_tests.rs"]
mod tests;
