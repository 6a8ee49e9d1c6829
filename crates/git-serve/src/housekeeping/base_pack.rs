//! The base: the pack that clones begin with, made of what stays.
//!
//! A pack may be sent as it is only while clients may have all that is in it. Topic branches are rewritten
//! and deleted every day, and pull requests are not part of a plain clone; so a base that is written holds what the
//! default branch needs, and tags and branches whose commits are old. The only pack of a repository is one for nothing,
//! until the first of its branches is deleted. A base is replaced when it is outgrown, or no longer valid.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heliostat_git::{GitError, Repository, blocking};
use heliostat_git_wire::{ObjectId, RefName, RefSnapshot, lines_of};

use super::packs::{Base, Pack, PackInventory, base_trial};
use super::plan::{
    MAX_BASE_GROWTH_OBJECTS, MAX_WHOLE_BYTES, Thresholds, base_growth, is_one_pack, needs_base,
};
use super::repack::{background, write_pack};
use crate::bundle::{BundleRecord, bundle_record, make_own_folder};
use crate::served::ServedRepository;

/// How many times the size of all packs has to be free on the disk: a base and the pack beside it take about that size
/// once, until the packs that they replace are removed.
const ROOM: u64 = 2;

/// A pack that holds exactly what these branches and tags need.
pub(super) struct NewBase {
    /// The name of the pack.
    pub(super) pack: String,
    tips: Vec<Tip>,
}

/// A branch or tag, and what it names.
type Tip = (RefName, ObjectId);

/// A base, when one is due: the only pack, if it is one, or else a pack that is written now. `refs` were read
/// before the look at the packs: then all that they need is there. Housekeeping goes on without one when it fails.
pub(super) async fn new_base(
    repository: &Repository,
    inventory: &PackInventory,
    refs: &RefSnapshot,
    thresholds: &Thresholds,
) -> Option<NewBase> {
    if !needs_base(inventory, refs, thresholds) {
        return None;
    }
    let found = match only_pack_as_base(repository, inventory, refs).await {
        // Not a trial: when it is no longer valid, a lasting one is made at once.
        Ok(Some(base)) => return Some(base),
        Ok(None) if inventory.bytes() <= MAX_WHOLE_BYTES => {
            write_base(repository, inventory, refs, thresholds).await
        }
        found => note_trial(repository).await.and(found),
    };
    found.unwrap_or_else(|error| {
        tracing::warn!(
            repository.path = %repository.path().display(),
            error = &error as &dyn std::error::Error,
            "cannot make a pack for clones to begin with; it is tried again in some hours"
        );
        None
    })
}

/// Before the trial, so that one that is cut off is not repeated at once.
async fn note_trial(repository: &Repository) -> Result<(), GitError> {
    let path = repository.path().to_owned();
    let noted = blocking(move || {
        make_own_folder(&path)?;
        std::fs::File::create(base_trial(&path))?.set_modified(SystemTime::now())
    });
    noted.await.map_err(|error| GitError::Io { operation: "note a trial to make a base", error })
}

/// The only pack, if it holds exactly what all branches and tags need: as many objects are the same objects.
async fn only_pack_as_base(
    repository: &Repository,
    inventory: &PackInventory,
    refs: &RefSnapshot,
) -> Result<Option<NewBase>, GitError> {
    let Some(only) = inventory.packs.first().filter(|pack| is_one_pack(inventory) && !pack.is_kept) else {
        return Ok(None);
    };
    let tips = refs.branches_and_tags();
    let is_exact = count_needed(repository, objects(&tips), []).await? == only.objects;
    Ok(is_exact.then(|| NewBase { pack: only.name.clone(), tips }))
}

/// How many objects one needs for these tips besides what one needs for others.
async fn count_needed<'a>(
    repository: &Repository,
    tips: impl IntoIterator<Item = &'a ObjectId>,
    besides: impl IntoIterator<Item = &'a ObjectId>,
) -> Result<u64, GitError> {
    let operation = "count objects";
    let command = background(repository, operation).args(["rev-list", "--stdin", "--objects", "--count"]);
    let input = lines_of("", tips) + &lines_of("^", besides);
    let done = command.arg("--use-bitmap-index").input(input.into_bytes()).run().await?;
    let count = String::from_utf8_lossy(&done.stdout).trim().parse();
    count.map_err(|_| {
        let output = String::from_utf8_lossy(&done.stdout).into_owned();
        GitError::UnexpectedOutput { operation, output }
    })
}

/// Writes a base, unless there is one that holds nearly as much.
async fn write_base(
    repository: &Repository,
    inventory: &PackInventory,
    refs: &RefSnapshot,
    thresholds: &Thresholds,
) -> Result<Option<NewBase>, GitError> {
    note_trial(repository).await?;
    let tips = lasting_tips(repository, refs, thresholds.settled_age).await?;
    if inventory.base.is_some()
        && let Some(record) = bundle_record(repository).await?
        && count_needed(repository, objects(&tips), &record.tips()).await?
            <= base_growth(inventory, thresholds)
    {
        return Ok(None);
    }
    check_room(repository, inventory).await?;
    let input = lines_of("", objects(&tips));
    let pack = write_pack(repository, "pack what clones begin with", &["--revs"], input).await?;
    Ok(pack.map(|pack| NewBase { pack, tips }))
}

/// Fails unless the disk takes what is written while what it replaces is still there, with room left for pushes.
async fn check_room(repository: &Repository, inventory: &PackInventory) -> Result<(), GitError> {
    let (path, needed) = (repository.path().to_owned(), inventory.bytes().saturating_mul(ROOM));
    let checked = blocking(move || {
        let disk = rustix::fs::statvfs(&path)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < needed {
            let text = format!("{free} bytes are free, and {needed} are asked for");
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        Ok(())
    });
    checked.await.map_err(|error| GitError::Io { operation: "find room for a pack", error })
}

/// The settled branches and tags; all, where clones would have too much to pack beside what those need.
async fn lasting_tips(
    repository: &Repository,
    refs: &RefSnapshot,
    settled_age: Duration,
) -> Result<Vec<Tip>, GitError> {
    let all = refs.branches_and_tags();
    let settled = settled_tips(repository, refs, settled_age).await?;
    let is_enough = !settled.is_empty()
        && count_needed(repository, objects(&all), objects(&settled)).await? <= MAX_BASE_GROWTH_OBJECTS;
    Ok(if is_enough { settled } else { all })
}

/// The default branch, and every branch and tag whose commit is of some age.
async fn settled_tips(
    repository: &Repository,
    refs: &RefSnapshot,
    settled_age: Duration,
) -> Result<Vec<Tip>, GitError> {
    let default = refs.head().and_then(|head| head.target());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let latest = now.saturating_sub(settled_age).as_secs();
    let command = background(repository, "list settled branches and tags").arg("for-each-ref");
    let command = command.arg("--format=%(objectname) %(creatordate:unix) %(refname)");
    let done = command.args(["refs/heads/", "refs/tags/"]).run().await?;
    // A name that is no text is not among our references either.
    let lines = done.stdout.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let tips = lines.filter_map(|line| {
        let mut parts = line.splitn(3, ' ');
        let (object, date, name) = (parts.next()?, parts.next()?, parts.next()?);
        let name = RefName::parse(name).ok()?;
        // What has no date is no commit and no annotated tag: rarely made, rarely moved.
        let is_settled = date.parse::<u64>().map_or(date.is_empty(), |date| date <= latest);
        let is_wanted = is_settled || default.as_ref() == Some(&name);
        is_wanted.then(|| Some((name, ObjectId::parse(object).ok()?))).flatten()
    });
    Ok(tips.collect())
}

/// Offers the new base as a bundle, or the one before as long as its pack stays.
pub(super) async fn renew_bundle(
    served: &ServedRepository,
    new_base: Option<&NewBase>,
    before: Option<&Base>,
    needed: &[Pack],
) -> Result<bool, GitError> {
    let (bundles, repository) = (served.engine().bundles(), &served.repository);
    let pack_named = |name: &str| needed.iter().find(|pack| pack.name == name);
    if let Some(base) = new_base
        && let Some(pack) = pack_named(&base.pack)
    {
        let objects_beside = needed.iter().map(|pack| pack.objects).sum::<u64>() - pack.objects;
        let record = BundleRecord::new(pack, &base.tips, objects_beside);
        return bundles.offer(repository, record).await;
    }
    if before.is_some_and(|base| pack_named(&base.pack.name).is_some()) {
        return Ok(true);
    }
    bundles.withdraw(repository).await.map(|()| false)
}

fn objects(tips: &[Tip]) -> impl Iterator<Item = &ObjectId> {
    tips.iter().map(|(_, object)| object)
}
