//! The work itself: everything that makes a repository faster, and nothing that takes anything away.
//!
//! Each step leaves a repository that is right, so a process that is killed between two of them has lost only time:
//! the next look at the disk finds what is left to do.

use std::time::{Duration, Instant};

use heliostat_git::{GitCommand, GitError, Repository, STALE_LOCK_AGE, blocking};
use heliostat_git_wire::RefSnapshot;

use super::base_pack::{new_base, renew_bundle};
use super::packs::{Pack, PackInventory, pack_folder};
use super::plan::{PackPlan, Thresholds};
use crate::served::ServedRepository;

/// How long one step may take, of a very large repository at low priority.
const STEP_TIME_LIMIT: Duration = Duration::from_hours(2);

/// How long a fetch that is changing references is waited for before they are packed another time.
const FETCH_WAIT_LIMIT: Duration = Duration::from_secs(10);

/// How long packing references may take; a fetch waits meanwhile.
const PACK_REFS_TIME_LIMIT: Duration = Duration::from_mins(1);

/// Commits whose changed paths are computed in one go; others follow the next time.
const MAX_CHANGED_PATH_FILTERS: &str = "--max-new-filters=50000";

/// How much of the machine the work may use, and what it writes beside what was asked for.
const SETTINGS: [(&str, &str); 6] = [
    ("pack.threads", "1"),
    ("pack.windowMemory", "256m"),
    ("pack.deltaCacheSize", "64m"),
    ("pack.writeBitmapHashCache", "true"),
    ("pack.writeBitmapLookupTable", "true"),
    ("pack.writeReverseIndex", "true"),
];

/// What was done to a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repacked {
    /// Packs before.
    pub packs_before: usize,
    /// Packs that are needed now. Those that were replaced may still be there.
    pub packs_after: usize,
    /// Objects that were written into a new pack.
    pub packed_objects: u64,
    /// Bytes of the packs that are needed now.
    pub pack_bytes: u64,
    /// Whether requests can be answered with the help of a bitmap.
    pub has_bitmap: bool,
    /// Whether the references could be packed; not while a fetch changes them.
    pub packed_refs: bool,
    /// Whether there is a bundle for clients to start from.
    pub has_bundle: bool,
    /// How long it took.
    pub took: Duration,
}

/// The index over the packs.
pub(super) struct Indexed {
    has_bitmap: bool,
    is_new: bool,
}

/// Packs references and objects, and writes what makes answering fast. Safe while the repository is in use:
/// nothing is taken away, not even what is no longer needed.
pub(crate) async fn repack(served: &ServedRepository, thresholds: &Thresholds) -> Result<Repacked, GitError> {
    let (started, repository) = (Instant::now(), &served.repository);
    // Before the look at the packs: then those hold all that these references need.
    let refs = repository.refs().await?;
    let inventory = PackInventory::look_beside(repository, served.bundle()).await?;
    let new_base = new_base(repository, &inventory, &refs, thresholds).await;
    let plan = match &new_base {
        Some(base) => PackPlan::beside_new_base(&inventory.look_again(served).await?, &base.pack),
        None => PackPlan::of(&inventory),
    };
    let new_pack = if plan.packs_anything() { pack(repository, &plan).await? } else { None };
    let current = inventory.look_again(served).await?;
    let needed = needed_packs(&plan, &current, new_pack.as_deref());
    let wants_bitmap = current.weight() >= thresholds.small_weight && !refs.is_empty();
    let base = match &new_base {
        Some(base) => Some(base.pack.as_str()),
        None => current.base.as_ref().map(|base| base.pack.name.as_str()),
    };
    let index = index(repository, &current, &needed, base, &refs, wants_bitmap).await?;
    let has_bitmap = index.has_bitmap;
    // At once: the pack behind the bundle until now may be replaced.
    let has_bundle = renew_bundle(served, new_base.as_ref(), current.base.as_ref(), &needed).await?;
    let packed_refs = pack_refs(repository).await?;
    if !refs.is_empty() && (index.is_new || !current.has_commit_graph) {
        write_commit_graph(repository, "--split").await?;
    }
    Ok(Repacked {
        packs_before: inventory.packs.len(),
        packs_after: needed.len(),
        packed_objects: objects_beyond(&inventory, &needed),
        pack_bytes: needed.iter().map(|pack| pack.bytes).sum(),
        has_bitmap,
        packed_refs,
        has_bundle,
        took: started.elapsed(),
    })
}

/// Writes the pack that takes the place of others and of loose objects, and returns its name.
async fn pack(repository: &Repository, plan: &PackPlan) -> Result<Option<String>, GitError> {
    let mut packs: Vec<_> = plan.roll_up.iter().map(|pack| format!("{}.pack\n", pack.name)).collect();
    packs.extend(plan.stay.iter().map(|pack| format!("^{}.pack\n", pack.name)));
    let mut options = vec!["--stdin-packs", "--honor-pack-keep"];
    // All of them, whether or not a reference needs them: a transfer may have brought them a moment ago.
    options.extend(plan.has_loose.then_some("--unpacked"));
    write_pack(repository, "pack objects", &options, packs.concat()).await
}

/// Writes a pack of what `git pack-objects` chooses by these options and this input, and returns its name; `None`
/// when that is nothing.
pub(super) async fn write_pack(
    repository: &Repository,
    operation: &'static str,
    options: &[&str],
    input: String,
) -> Result<Option<String>, GitError> {
    let command = background(repository, operation).args(["pack-objects", "--quiet"]);
    let command = command.args(options).args(["--non-empty", "--delta-base-offset"]);
    let place = pack_folder(repository.path()).join("pack");
    let done = command.arg(place).input(input.into_bytes()).run().await?;
    let hash = String::from_utf8_lossy(done.stdout.trim_ascii()).into_owned();
    Ok((!hash.is_empty()).then(|| format!("pack-{hash}")))
}

/// Writes the index over these packs unless it is there.
pub(super) async fn index(
    repository: &Repository,
    current: &PackInventory,
    needed: &[Pack],
    base: Option<&str>,
    refs: &RefSnapshot,
    wants_bitmap: bool,
) -> Result<Indexed, GitError> {
    // Git copies from the preferred pack in the largest pieces.
    let Some(preferred) = needed.iter().max_by_key(|pack| (Some(pack.name.as_str()) == base, pack.objects))
    else {
        return Ok(Indexed { has_bitmap: false, is_new: false });
    };
    let is_indexed = |names: &std::collections::HashSet<String>| {
        names.len() == needed.len() && needed.iter().all(|pack| names.contains(&pack.name))
    };
    if current.indexed.as_ref().is_some_and(is_indexed) && current.has_bitmap >= wants_bitmap {
        return Ok(Indexed { has_bitmap: current.has_bitmap, is_new: false });
    }
    let packs: String = needed.iter().map(|pack| format!("{}.idx\n", pack.name)).collect();
    let write = || {
        let command = background(repository, "index the packs").args(["multi-pack-index", "write"]);
        let command = command.args(["--no-progress", "--stdin-packs"]).input(packs.clone().into_bytes());
        command.arg(format!("--preferred-pack={}.idx", preferred.name))
    };
    if wants_bitmap {
        let snapshot = snapshot_file(refs).await?;
        let mut option = std::ffi::OsString::from("--refs-snapshot=");
        option.push(snapshot.path());
        match write().arg("--bitmap").arg(option).run().await {
            Ok(_) => {
                let has_bitmap = PackInventory::look(repository).await?.has_bitmap;
                return Ok(Indexed { has_bitmap, is_new: true });
            }
            // A reference whose object is damaged is enough, and all else is still worth an index.
            Err(error) => tracing::warn!(
                repository.path = %repository.path().display(),
                error = &error as &dyn std::error::Error,
                "cannot write a bitmap; the next run tries again"
            ),
        }
    }
    write().run().await.map(|_| Indexed { has_bitmap: false, is_new: true })
}

/// The objects that references name, for git to choose the commits of a bitmap from. A push that arrives
/// meanwhile names objects outside the index, and git would give up.
async fn snapshot_file(refs: &RefSnapshot) -> Result<tempfile::NamedTempFile, GitError> {
    let refs = refs.clone();
    let written = blocking(move || {
        let mut file = tempfile::NamedTempFile::new()?;
        let lines: String = refs.iter().map(|(_, object)| format!("{object}\n")).collect();
        std::io::Write::write_all(&mut file, lines.as_bytes())?;
        Ok(file)
    });
    written.await.map_err(|error| GitError::Io { operation: "list references for a bitmap", error })
}

/// `split` says whether it is added to what is there.
pub(super) async fn write_commit_graph(repository: &Repository, split: &str) -> Result<(), GitError> {
    let command = background(repository, "write the commit graph").args(["commit-graph", "write"]);
    let command = command.args(["--reachable", split, "--changed-paths", "--no-progress"]);
    // Parts that were merged into others stay for a while, because a process may be about to open them.
    command.args([MAX_CHANGED_PATH_FILTERS, "--expire-time=1.hour.ago"]).run().await.map(drop)
}

/// Packs references unless a fetch is changing them. Pushes may come in between: git locks each reference.
async fn pack_refs(repository: &Repository) -> Result<bool, GitError> {
    let lock = repository.refs_lock();
    let Ok(_lock) = tokio::time::timeout(FETCH_WAIT_LIMIT, lock.lock()).await else {
        return Ok(false);
    };
    match repository.pack_refs(PACK_REFS_TIME_LIMIT).await {
        Err(GitError::Locked { .. }) => {
            // For the next time, if its owner was killed.
            let cleared = repository.clear_stale_locks(STALE_LOCK_AGE).await;
            cleared.map(|_| false).map_err(|error| GitError::Io { operation: "pack references", error })
        }
        packed => packed.map(|()| true),
    }
}

/// An invocation that yields to everybody else.
pub(super) fn background(repository: &Repository, operation: &'static str) -> GitCommand {
    let command = repository.command(operation).yielding().time_limit(STEP_TIME_LIMIT);
    SETTINGS.iter().fold(command, |command, (key, value)| command.setting(key, *value))
}

/// What stays and what is new. A new pack may have the name of one that it replaces: then it is the same pack.
fn needed_packs(plan: &PackPlan, current: &PackInventory, new_pack: Option<&str>) -> Vec<Pack> {
    // Without a new pack, all that was to be in it is in others; removing makes sure before anything goes.
    let replaced = if plan.packs_anything() { plan.roll_up.as_slice() } else { &[] };
    let is_replaced = |pack: &&Pack| {
        Some(pack.name.as_str()) != new_pack && replaced.iter().any(|other| other.name == pack.name)
    };
    // Packs that have come meanwhile are for the next time: references that need them are not in the snapshot.
    let is_known = |pack: &&Pack| {
        let known = plan.stay.iter().chain(&plan.roll_up).any(|other| other.name == pack.name);
        known || Some(pack.name.as_str()) == new_pack
    };
    current.packs.iter().filter(is_known).filter(|pack| !is_replaced(pack)).cloned().collect()
}

/// Objects of packs that were not there before.
fn objects_beyond(before: &PackInventory, packs: &[Pack]) -> u64 {
    let is_new = |pack: &&Pack| before.packs.iter().all(|other| other.name != pack.name);
    packs.iter().filter(is_new).map(|pack| pack.objects).sum()
}
