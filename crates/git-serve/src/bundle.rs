//! A bundle is a pack that exists anyway with a list of references in front of it.
//!
//! A client can begin its clone with a bundle, by a plain download that may be resumed, and fetch only the rest.
//! When housekeeping has a pack that holds exactly what some branches and tags need, it records that beside the
//! repository; no byte of the pack is written a second time. A record whose objects are no longer all reachable,
//! because a branch was deleted or rewritten, is withdrawn at the next look. When there is much to do, that is
//! not soon, so each download is for the references of its own moment.
//!
//! The record names each branch and tag, of which there may be hundreds of thousands, and a look follows each push. So it
//! is read when its file was replaced, and what has changed since the last look tells whether all is still needed
//! (`still_needed.rs`).

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use heliostat_git::{
    ByteStream, FileSigns, GitError, PackIndex, Repository, blocking, remove_if_there, sync_folder,
    write_durably,
};
use heliostat_git_wire::{ObjectFormat, ObjectId, RefName};
use heliostat_stream_cache::Piece;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::housekeeping::Pack;
use crate::piece_bytes::{COPY_BYTES, read};
use crate::still_needed::Needed;

/// Our own folder inside a repository.
pub(crate) const OWN_FOLDER: &str = "heliostat";

/// The record's file in it.
const RECORD_FILE: &str = "bundle.json";

/// How the record is written; another number is another way.
const RECORD_VERSION: u32 = 3;

const READ_RECORD: &str = "read the record of a bundle";

/// How much of the hash of its beginning names a bundle, in hex digits.
const ID_DIGITS: usize = 40;

/// What is remembered about a pack that holds exactly what these branches and tags need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BundleRecord {
    version: u32,
    /// The name of the pack, such as `pack-1234`.
    pub(crate) pack: String,
    pack_bytes: u64,
    /// In seconds since 1970. A later bundle of the same repository has a larger number.
    created_at: u64,
    /// The branches and tags with what they named.
    refs: Vec<(String, String)>,
    /// How many objects lay in other packs at that time.
    pub(crate) objects_beside: u64,
}

/// Something that a client can begin with.
#[derive(Debug)]
pub struct Bundle {
    id: String,
    header: Bytes,
    pack: PathBuf,
    pack_bytes: u64,
    created_at: u64,
    /// What the references named that need all of the pack, and nothing else.
    tips: BTreeSet<ObjectId>,
    objects_beside: u64,
    /// Those of its record's file.
    signs: FileSigns,
    /// What needed all of it at the last look.
    needed: Mutex<Needed>,
}

/// The pack behind a bundle.
#[derive(Debug)]
pub(crate) struct BundlePack {
    pub(crate) file: File,
    pub(crate) bytes: u64,
    pub(crate) index: PackIndex,
}

impl BundleRecord {
    /// The record of a pack that holds exactly what these branches and tags need.
    pub(crate) fn new(pack: &Pack, tips: &[(RefName, ObjectId)], objects_beside: u64) -> Self {
        Self {
            version: RECORD_VERSION,
            pack: pack.name.clone(),
            pack_bytes: pack.bytes,
            created_at: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            refs: tips.iter().map(|(name, object)| (name.to_string(), object.to_string())).collect(),
            objects_beside,
        }
    }

    /// The record of the repository in this folder; `None` when there is none that can be understood. Blocks.
    pub(crate) fn read(repository: &Path) -> Option<Self> {
        let bytes = std::fs::read(record_path(repository)).ok()?;
        let record: Self = serde_json::from_slice(&bytes).ok()?;
        (record.version == RECORD_VERSION && record.is_sound()).then_some(record)
    }

    fn is_sound(&self) -> bool {
        let is_pack = self.pack.strip_prefix("pack-").is_some_and(|hash| ObjectId::parse(hash).is_ok());
        let is_ref = |(name, object): &(String, String)| {
            RefName::parse(name.as_str()).is_ok_and(|name| name.is_branch() || name.is_tag())
                && ObjectId::parse(object.as_str()).is_ok()
        };
        is_pack && !self.refs.is_empty() && self.refs.iter().all(is_ref)
    }

    /// Returns the signs of the file in which it lies then. Blocks.
    fn write(&self, repository: &Path) -> io::Result<FileSigns> {
        make_own_folder(repository)?;
        write_durably(&record_path(repository), &serde_json::to_vec(self)?)?;
        signs_of_record(repository)
    }

    /// What they named.
    pub(crate) fn tips(&self) -> BTreeSet<ObjectId> {
        self.refs.iter().filter_map(|(_, object)| ObjectId::parse(object).ok()).collect()
    }

    /// What stands in front of the pack.
    fn header(&self) -> Bytes {
        let sha256 = self.refs.iter().any(|(_, object)| object.len() == ObjectFormat::Sha256.hex_len());
        let start = if sha256 { "# v3 git bundle\n@object-format=sha256\n" } else { "# v2 git bundle\n" };
        let mut header = start.to_owned();
        for (name, object) in &self.refs {
            header.push_str(&format!("{object} {name}\n"));
        }
        header.push('\n');
        header.into()
    }
}

impl Bundle {
    /// The bundle of this record, in the file that `signs` finds or writes; `None` when branches and tags do not need all that
    /// is in it. What is inside is an error when the file or the pack cannot be used.
    async fn if_needed(
        repository: &Repository,
        record: BundleRecord,
        signs: impl FnOnce(&BundleRecord, &Path) -> io::Result<FileSigns> + Send + 'static,
    ) -> Result<Option<io::Result<Self>>, GitError> {
        let tips = record.tips();
        let Some(needed) = Needed::look(repository, &tips).await? else { return Ok(None) };
        let path = repository.path().to_owned();
        let made = blocking(move || Self::of(&record, signs(&record, &path)?, tips, needed, &path));
        Ok(Some(made.await))
    }

    /// The bundle of this record, which lies in this file; fails when its pack is not there as it was.
    fn of(
        record: &BundleRecord,
        signs: FileSigns,
        tips: BTreeSet<ObjectId>,
        needed: Needed,
        repository: &Path,
    ) -> io::Result<Self> {
        let pack = repository.join("objects/pack").join(format!("{}.pack", record.pack));
        let file = open_whole(&pack, record.pack_bytes)?;
        let mut checksum = [0; 20];
        file.read_exact_at(&mut checksum, record.pack_bytes.saturating_sub(20))?;
        let header = record.header();
        let mut hasher = Sha256::new();
        hasher.update(&header);
        hasher.update(record.pack.as_bytes());
        hasher.update(record.pack_bytes.to_be_bytes());
        hasher.update(checksum);
        let mut id = hex::encode(hasher.finalize());
        id.truncate(ID_DIGITS);
        let BundleRecord { pack_bytes, created_at, objects_beside, .. } = *record;
        let needed = Mutex::new(needed);
        Ok(Self { id, header, pack, pack_bytes, created_at, tips, objects_beside, signs, needed })
    }

    /// Whether the record of the repository in this folder is still the one that it was made of. Blocks.
    pub(crate) fn is_recorded_in(&self, repository: &Path) -> bool {
        signs_of_record(repository).is_ok_and(|signs| signs == self.signs)
    }

    /// Whether its record and its pack are there as they were.
    async fn is_there(self: &Arc<Self>, repository: &Repository) -> bool {
        let (bundle, path) = (Arc::clone(self), repository.path().to_owned());
        let looked = blocking(move || {
            Ok(bundle.is_recorded_in(&path) && open_whole(&bundle.pack, bundle.pack_bytes).is_ok())
        });
        looked.await.unwrap_or(false)
    }

    /// Whether its pack has this name.
    pub(crate) fn is_of_pack(&self, name: &str) -> bool {
        self.pack.file_stem().is_some_and(|stem| stem == name)
    }

    /// How many objects lay in other packs when it was made.
    pub(crate) fn objects_beside(&self) -> u64 {
        self.objects_beside
    }

    /// Names its content: another content has another name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How long it is.
    pub fn total_bytes(&self) -> u64 {
        self.header.len() as u64 + self.pack_bytes
    }

    /// A number that is larger for a later bundle of the same repository.
    pub fn creation_token(&self) -> u64 {
        self.created_at
    }

    /// What the references named that need all of the pack, and nothing else.
    pub(crate) fn tips(&self) -> &BTreeSet<ObjectId> {
        &self.tips
    }

    /// Its pack. It stays readable when it is removed meanwhile; opening fails when that has happened. Blocks.
    pub(crate) fn open_pack(&self) -> io::Result<BundlePack> {
        let file = open_whole(&self.pack, self.pack_bytes)?;
        let index = PackIndex::open(&self.pack.with_extension("idx"))?;
        Ok(BundlePack { file, bytes: self.pack_bytes, index })
    }

    /// A part of it. It stays readable when the pack is removed meanwhile; opening fails when that has happened.
    pub async fn open(&self, range: Range<u64>) -> io::Result<BundleReader> {
        let (path, pack_bytes) = (self.pack.clone(), self.pack_bytes);
        let file = blocking(move || open_whole(&path, pack_bytes)).await?;
        let end = range.end.min(self.total_bytes());
        let offset = range.start.min(end);
        Ok(BundleReader { header: self.header.clone(), file: Arc::new(file), offset, end })
    }
}

fn open_whole(pack: &Path, bytes: u64) -> io::Result<File> {
    let file = File::open(pack)?;
    if file.metadata()?.len() != bytes {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the pack of a bundle is not as it was"));
    }
    Ok(file)
}

/// Reads a part of a bundle, piece by piece.
#[derive(Debug)]
pub struct BundleReader {
    header: Bytes,
    file: Arc<File>,
    offset: u64,
    end: u64,
}

impl BundleReader {
    /// How many bytes are left.
    pub fn total_bytes(&self) -> Option<u64> {
        Some(self.end - self.offset)
    }

    /// The next piece of at most `limit_bytes`; `None` at the end.
    pub fn poll_piece(
        &mut self,
        _context: &mut Context<'_>,
        limit_bytes: u64,
    ) -> Poll<Option<io::Result<Piece>>> {
        Poll::Ready(self.next_piece(limit_bytes).map(Ok))
    }

    /// The bytes one after the other, copied through memory.
    pub fn into_stream(self) -> ByteStream {
        let pieces = stream::unfold(self, |mut reader| async move {
            let piece = reader.next_piece(COPY_BYTES)?;
            Some((read(piece).await, reader))
        });
        pieces.boxed()
    }

    fn next_piece(&mut self, limit_bytes: u64) -> Option<Piece> {
        let header_bytes = self.header.len() as u64;
        let length = limit_bytes.min(self.end - self.offset);
        if length == 0 {
            return None;
        }
        if self.offset >= header_bytes {
            let offset = self.offset - header_bytes;
            self.offset += length;
            return Some(Piece::File { file: Arc::clone(&self.file), offset, length });
        }
        let length = length.min(header_bytes - self.offset);
        let start = self.offset as usize;
        self.offset += length;
        Some(Piece::Memory(self.header.slice(start..start + length as usize)))
    }
}

/// The bundles that a store's repositories offer.
#[derive(Debug, Default)]
pub(crate) struct Bundles(RwLock<HashMap<u64, Arc<Bundle>>>);

impl Bundles {
    /// The bundle that a repository offers. Reads no disk.
    pub(crate) fn of(&self, repository: u64) -> Option<Arc<Bundle>> {
        self.0.read().get(&repository).cloned()
    }

    /// How many repositories offer one.
    pub(crate) fn count(&self) -> usize {
        self.0.read().len()
    }

    /// Offers none until it is looked at again.
    pub(crate) fn forget(&self, repository: u64) {
        self.0.write().remove(&repository);
    }

    pub(crate) fn set(&self, repository: u64, bundle: Arc<Bundle>) {
        self.0.write().insert(repository, bundle);
    }

    /// Offers a bundle from now on, and says whether it does: while the pack was made, a branch may have been deleted.
    pub(crate) async fn offer(
        &self,
        repository: &Repository,
        record: BundleRecord,
    ) -> Result<bool, GitError> {
        let Some(made) = Bundle::if_needed(repository, record, BundleRecord::write).await? else {
            return self.withdraw(repository).await.map(|()| false);
        };
        let bundle = made.map_err(|error| GitError::Io { operation: "record a bundle", error })?;
        self.set(repository.id(), Arc::new(bundle));
        Ok(true)
    }

    /// Offers no bundle any more.
    pub(crate) async fn withdraw(&self, repository: &Repository) -> Result<(), GitError> {
        self.forget(repository.id());
        let path = record_path(repository.path());
        let removed = blocking(move || remove_if_there(&path));
        removed.await.map_err(|error| GitError::Io { operation: "withdraw a bundle", error })
    }

    /// Brings what is offered in line with what is there: the record, its pack, and references that still need all
    /// that is in it. When that cannot be told, nothing is offered.
    pub(crate) async fn check(&self, repository: &Repository) -> Result<(), GitError> {
        let checked = self.compare(repository).await;
        if checked.is_err() {
            self.forget(repository.id());
        }
        checked
    }

    async fn compare(&self, repository: &Repository) -> Result<(), GitError> {
        if let Some(offered) = self.of(repository.id())
            && offered.is_there(repository).await
        {
            let needed = offered.needed.lock().clone();
            return match needed.look_again(repository, offered.tips()).await? {
                Some(needed) => {
                    *offered.needed.lock() = needed;
                    Ok(())
                }
                None => self.withdraw(repository).await,
            };
        }
        let path = repository.path().to_owned();
        // In this order: should the record be replaced meanwhile, it is read again the next time.
        let read = blocking(move || Ok(signs_of_record(&path).ok().zip(BundleRecord::read(&path)))).await;
        let read = read.map_err(|error| GitError::Io { operation: READ_RECORD, error })?;
        let Some((signs, record)) = read else { return self.withdraw(repository).await };
        match Bundle::if_needed(repository, record, move |_, _| Ok(signs)).await? {
            Some(Ok(bundle)) => {
                self.set(repository.id(), Arc::new(bundle));
                Ok(())
            }
            Some(Err(_)) | None => self.withdraw(repository).await,
        }
    }
}

/// What is recorded of a repository's bundle, whether or not it is offered.
pub(crate) async fn bundle_record(repository: &Repository) -> Result<Option<BundleRecord>, GitError> {
    let path = repository.path().to_owned();
    let record = blocking(move || Ok(BundleRecord::read(&path))).await;
    record.map_err(|error| GitError::Io { operation: READ_RECORD, error })
}

/// Makes our own folder in a repository, but not the repository: that may have been deleted meanwhile.
pub(crate) fn make_own_folder(repository: &Path) -> io::Result<()> {
    match std::fs::create_dir(repository.join(OWN_FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|()| sync_folder(repository)),
    }
}

fn signs_of_record(repository: &Path) -> io::Result<FileSigns> {
    std::fs::metadata(record_path(repository)).map(|file| FileSigns::of(&file))
}

fn record_path(repository: &Path) -> PathBuf {
    repository.join(OWN_FOLDER).join(RECORD_FILE)
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
