//! What a repository's objects and references lie in at the moment, read off its folder.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use heliostat_git::{CommonIndex, GitError, PackIndex, Repository, age_of, blocking, entries, files_below};

use crate::bundle::{Bundle, BundleRecord, OWN_FOLDER};
use crate::served::ServedRepository;

/// Loose objects are counted up to about here; of more, an estimate is enough.
const MAX_COUNTED_LOOSE_OBJECTS: u64 = 4_000;

/// Files below `refs/` are counted up to here.
const MAX_COUNTED_REFS: usize = 10_000;

/// So many bytes count as one more object: those of a few huge files are worth as much work as very many small ones.
const BYTES_PER_WEIGHT: u64 = 64 * 1024;

/// How much these objects matter: by their number, or by their bytes where those are many for so few.
fn weigh(objects: u64, bytes: u64) -> u64 {
    objects + bytes / BYTES_PER_WEIGHT
}

/// One pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pack {
    /// Such as `pack-1234`.
    pub(crate) name: String,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    /// It must stay as it is: usually for a transfer that has not changed its references yet.
    pub(crate) is_kept: bool,
}

impl Pack {
    /// What it counts for.
    pub(crate) fn weight(&self) -> u64 {
        weigh(self.objects, self.bytes)
    }
}

/// The pack that clones begin with: it holds exactly what some branches and tags need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) pack: Pack,
    /// How many objects lay in other packs when it became that.
    pub(crate) objects_beside: u64,
}

/// The packs of a repository, and what else there is.
#[derive(Debug)]
pub(crate) struct PackInventory {
    /// Those that something depends on, in ascending order of their weight.
    pub(crate) packs: Vec<Pack>,
    /// Those whose every object the common index knows in others: they wait to be removed, and are no work.
    pub(crate) replaced: Vec<Pack>,
    /// The packs that the common index covers; `None` without one, or when one of its packs is missing.
    pub(crate) indexed: Option<HashSet<String>>,
    pub(crate) has_bitmap: bool,
    pub(crate) base: Option<Base>,
    /// How long ago it was tried to make a base; `None` when it never was.
    pub(crate) base_tried: Option<Duration>,
    /// How long ago the common index was written.
    pub(crate) index_age: Duration,
    /// Estimated, unless it is 0.
    pub(crate) loose_objects: u64,
    /// Estimated in the same way.
    pub(crate) loose_bytes: u64,
    pub(crate) loose_refs: usize,
    pub(crate) has_commit_graph: bool,
}

impl PackInventory {
    /// Looks at the repository in this folder, which may offer this bundle. Blocks.
    fn of(repository: &Path, offered: Option<&Bundle>) -> io::Result<Self> {
        let folder = pack_folder(repository);
        let mut packs = packs_in(&folder)?;
        sort(&mut packs);
        let index = CommonIndex::open(&folder)?;
        let is_there = |name: &String| packs.iter().any(|pack| pack.name == *name);
        let index = index.filter(|index| index.packs.iter().all(is_there));
        let mut replaced = Vec::new();
        if let Some(index) = &index {
            for pack in std::mem::take(&mut packs) {
                let side = if is_replaced(&pack, index, &folder)? { &mut replaced } else { &mut packs };
                side.push(pack);
            }
        }
        let loose = Loose::in_folder(&repository.join("objects"))?;
        let base = match offered.filter(|bundle| bundle.is_recorded_in(repository)) {
            Some(bundle) => {
                let pack = packs.iter().find(|pack| bundle.is_of_pack(&pack.name)).cloned();
                pack.map(|pack| Base { pack, objects_beside: bundle.objects_beside() })
            }
            None => BundleRecord::read(repository).and_then(|record| {
                let pack = packs.iter().find(|pack| pack.name == record.pack)?.clone();
                Some(Base { pack, objects_beside: record.objects_beside })
            }),
        };
        Ok(Self {
            base,
            base_tried: age_of(&base_trial(repository)),
            has_bitmap: index.as_ref().is_some_and(|index| index.has_bitmap(&folder)),
            indexed: index.map(|index| index.packs.into_iter().collect()),
            packs,
            replaced,
            index_age: age_of(&folder.join("multi-pack-index")).unwrap_or_default(),
            loose_objects: loose.objects,
            loose_bytes: loose.bytes,
            loose_refs: loose_refs(&repository.join("refs"))?,
            has_commit_graph: repository.join("objects/info/commit-graphs/commit-graph-chain").is_file(),
        })
    }

    /// Looks at a repository.
    pub(crate) async fn look(repository: &Repository) -> Result<Self, GitError> {
        Self::look_beside(repository, None).await
    }

    /// The same, where this bundle is offered: its record need not be read.
    pub(crate) async fn look_beside(
        repository: &Repository,
        offered: Option<Arc<Bundle>>,
    ) -> Result<Self, GitError> {
        let path = repository.path().to_owned();
        let inventory = blocking(move || Self::of(&path, offered.as_deref())).await;
        inventory.map_err(|error| GitError::Io { operation: "look at the packs", error })
    }

    /// Looks again in the course of a run: what it has written is not replaced by what it is to take the place of, which
    /// the common index knows until it is written anew.
    pub(crate) async fn look_again(&self, served: &ServedRepository) -> Result<Self, GitError> {
        let mut now = Self::look_beside(&served.repository, served.bundle()).await?;
        let was_replaced = |pack: &Pack| self.replaced.iter().any(|other| other.name == pack.name);
        now.packs.extend(now.replaced.extract_if(.., |pack| !was_replaced(pack)));
        sort(&mut now.packs);
        Ok(now)
    }

    /// The packs that hold something which the common index does not cover.
    pub(crate) fn unindexed(&self) -> impl Iterator<Item = &Pack> {
        let indexed = self.indexed.as_ref();
        self.packs.iter().filter(move |pack| indexed.is_none_or(|names| !names.contains(&pack.name)))
    }

    /// Objects in packs and outside.
    pub(crate) fn objects(&self) -> u64 {
        self.packs.iter().map(|pack| pack.objects).sum::<u64>() + self.loose_objects
    }

    /// What the loose objects count for.
    pub(crate) fn loose_weight(&self) -> u64 {
        weigh(self.loose_objects, self.loose_bytes)
    }

    /// What all objects count for.
    pub(crate) fn weight(&self) -> u64 {
        self.packs.iter().map(Pack::weight).sum::<u64>() + self.loose_weight()
    }

    /// Bytes of the packs that something depends on.
    pub(crate) fn bytes(&self) -> u64 {
        self.packs.iter().map(|pack| pack.bytes).sum()
    }
}

/// Whether others hold all that this pack does.
fn is_replaced(pack: &Pack, index: &CommonIndex, folder: &Path) -> io::Result<bool> {
    let may_be = !pack.is_kept && !index.packs.contains(&pack.name) && pack.objects <= index.objects();
    Ok(may_be && index.knows_all_of(&folder.join(format!("{}.idx", pack.name)))?)
}

fn sort(packs: &mut [Pack]) {
    packs.sort_by(|one, other| (one.weight(), &one.name).cmp(&(other.weight(), &other.name)));
}

/// Where a repository's packs lie.
pub(crate) fn pack_folder(repository: &Path) -> PathBuf {
    repository.join("objects/pack")
}

/// A file whose age tells when it was last tried to make a base. The pack itself does not: it may be made once more
/// with the same content, or not at all.
pub(crate) fn base_trial(repository: &Path) -> PathBuf {
    repository.join(OWN_FOLDER).join("base-tried")
}

fn packs_in(folder: &Path) -> io::Result<Vec<Pack>> {
    let mut packs = Vec::new();
    for entry in entries(folder)? {
        let path = entry?.path();
        let is_index = path.extension().is_some_and(|extension| extension == "idx");
        let name = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_index);
        let Some(name) = name.filter(|name| name.starts_with("pack-")).map(str::to_owned) else { continue };
        let Ok(metadata) = std::fs::metadata(path.with_extension("pack")) else { continue };
        let has = |extension: &str| path.with_extension(extension).exists();
        // Those of a partial clone and of unreachable objects are not ours to repack.
        let is_kept = has("keep") || has("promisor") || has("mtimes");
        let objects = PackIndex::open(&path)?.objects().into();
        packs.push(Pack { name, objects, bytes: metadata.len(), is_kept });
    }
    Ok(packs)
}

/// Objects in files of their own.
#[derive(Debug, Default)]
struct Loose {
    objects: u64,
    bytes: u64,
}

impl Loose {
    /// Exact while there are few. Beyond that, folders that were not looked into are taken to be as full as the others:
    /// names are hashes. Folders stay when they are empty, so looking into some of them would find none where there are
    /// few.
    fn in_folder(objects: &Path) -> io::Result<Self> {
        let mut folders = Vec::new();
        for entry in entries(objects)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                folders.push(path);
            }
        }
        let (mut found, mut looked_into) = (Self::default(), 0);
        for folder in &folders {
            for file in entries(folder)? {
                found.objects += 1;
                // Housekeeping of another process may have removed it.
                found.bytes += file?.metadata().map(|file| file.len()).unwrap_or_default();
            }
            looked_into += 1;
            if found.objects >= MAX_COUNTED_LOOSE_OBJECTS {
                break;
            }
        }
        let in_all = |counted: u64| (counted * folders.len() as u64).checked_div(looked_into);
        let (objects, bytes) = (in_all(found.objects), in_all(found.bytes));
        Ok(Self { objects: objects.unwrap_or_default(), bytes: bytes.unwrap_or_default() })
    }
}

fn loose_refs(refs: &Path) -> io::Result<usize> {
    files_below(refs.to_owned()).take(MAX_COUNTED_REFS).try_fold(0, |found, file| file.map(|_| found + 1))
}
