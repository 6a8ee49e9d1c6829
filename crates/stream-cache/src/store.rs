//! The files of the cache.
//!
//! ```text
//! entries/<group>/<digest>         whole answers; the name is the key
//! growing/<number>                 answers in the making; gone with the process that made them, or with their group
//! removed/<group>-<number>         folders of forgotten groups that are being deleted
//! ```
//!
//! An entry gets its name by renaming, so it is whole or not there. A crash of the machine can leave a named file
//! whose bytes never reached the disk; the checksum finds that out, and so nothing here waits for the disk.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::footer::{FOOTER_BYTES, Footer};
use crate::key::{CacheKey, folder_of};
use crate::room::check_room;

/// Most files that stay open between readers; opening one takes longer than all else that a hit takes.
const MAX_KEPT_OPEN: usize = 128;

/// No other user of the machine may read what some users may not.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// What the smallest file takes of a usual disk, in bytes.
pub(crate) const DISK_BLOCK_BYTES: u64 = 4096;

/// How often an entry is placed again after its group's folder was taken away under it.
const PLACING_ATTEMPTS: usize = 3;

/// Writes a part of a file. A way in for tests, whose disks fill up when it matters.
pub(crate) trait FileWriter: Debug + Send + Sync {
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;
}

/// Writes to the real disk, as far as it is not for others.
#[derive(Debug)]
pub(crate) struct DiskWriter;

impl FileWriter for DiskWriter {
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        check_room(file, bytes.len())?;
        file.write_all_at(bytes, offset)
    }
}

/// Where the files are.
#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
    writer: Arc<dyn FileWriter>,
    /// Makes the names of files in the making differ.
    sequence: AtomicU64,
    /// Entries whose files stay open, the one that was opened first in front.
    kept_open: Mutex<VecDeque<Weak<Stored>>>,
}

/// An entry on disk.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) footer: Footer,
    path: PathBuf,
    /// What the file looked like when its answer was known to be right; `None` until it was checked.
    known_good: Mutex<Option<Stamp>>,
    open: Mutex<OpenFile>,
}

/// A file that those share who read it at the same time.
#[derive(Debug, Default)]
struct OpenFile {
    shared: Weak<File>,
    /// Keeps it open between readers. Goes with the entry, so that an evicted file does not hold on to the disk.
    kept: Option<Arc<File>>,
}

/// Changes when a file is written to.
type Stamp = (u64, SystemTime);

impl Store {
    /// Makes the folders and removes what earlier processes left half-made.
    pub(crate) fn open(root: &Path, writer: Arc<dyn FileWriter>) -> io::Result<Self> {
        let (root, sequence, kept_open) = (root.to_owned(), AtomicU64::new(0), Mutex::default());
        let store = Self { root, writer, sequence, kept_open };
        create_folder(&store.root)?;
        fs::set_permissions(&store.root, Permissions::from_mode(FOLDER_MODE))?;
        create_folder(&store.entries())?;
        for folder in [store.growing(), store.removed()] {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => create_folder(&folder)?,
            }
        }
        Ok(store)
    }

    /// The folder that holds everything.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn entries(&self) -> PathBuf {
        self.root.join("entries")
    }

    fn growing(&self) -> PathBuf {
        self.root.join("growing")
    }

    fn removed(&self) -> PathBuf {
        self.root.join("removed")
    }

    fn next_name(&self) -> String {
        self.sequence.fetch_add(1, Ordering::Relaxed).to_string()
    }

    /// Where the entry with this key lies.
    pub(crate) fn path_of(&self, key: &CacheKey) -> PathBuf {
        self.entries().join(key.path())
    }

    /// Begins a file.
    pub(crate) fn begin(&self) -> io::Result<GrowingFile> {
        let path = self.growing().join(self.next_name());
        let create =
            || OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&path);
        let file = match create() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_folder(&self.growing())?;
                create()
            }
            opened => opened,
        };
        let (file, hasher) = (Arc::new(file?), crc32fast::Hasher::new());
        Ok(GrowingFile { path, file, length: 0, hasher, writer: Arc::clone(&self.writer) })
    }

    /// Makes an entry of a file that ends with a footer.
    pub(crate) fn place(&self, growing: &GrowingFile, footer: Footer) -> io::Result<Stored> {
        let path = self.path_of(&footer.key);
        let known_good = Mutex::new(Some(stamp(&growing.file)?));
        let mut attempts = 0;
        loop {
            attempts += 1;
            create_folder(path.parent().unwrap_or(&self.root))?;
            match fs::rename(&growing.path, &path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempts < PLACING_ATTEMPTS => {}
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        Ok(Stored { footer, path, known_good, open: Mutex::default() })
    }

    /// The entry with this key as an earlier process left it; unchecked.
    pub(crate) fn find(&self, key: &CacheKey) -> Option<Stored> {
        let path = self.path_of(key);
        let footer = Footer::read(&File::open(&path).ok()?).ok().flatten();
        match footer.filter(|footer| footer.key == *key) {
            Some(footer) => {
                Some(Stored { footer, path, known_good: Mutex::default(), open: Mutex::default() })
            }
            None => {
                remove(&path);
                None
            }
        }
    }

    /// Hands every entry of earlier processes to `take`, until that says to stop. What is no entry is removed.
    pub(crate) fn scan(&self, mut take: impl FnMut(Stored) -> bool) -> io::Result<()> {
        for folder in fs::read_dir(self.entries())? {
            let folder = folder?;
            // A folder may be forgotten while we look.
            let Ok(files) = fs::read_dir(folder.path()) else {
                continue;
            };
            for file in files {
                let Ok(file) = file else {
                    break;
                };
                let key = CacheKey::of_path(
                    &folder.file_name().to_string_lossy(),
                    &file.file_name().to_string_lossy(),
                );
                let Some(key) = key else {
                    remove(&file.path());
                    continue;
                };
                if let Some(stored) = self.find(&key)
                    && !take(stored)
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The file of an entry, if its answer is known to be right. Some system calls, no reading.
    pub(crate) fn open_entry(&self, stored: &Arc<Stored>) -> Option<Arc<File>> {
        let known_good = (*stored.known_good.lock())?;
        let mut open = stored.open.lock();
        let file = match open.shared.upgrade() {
            Some(file) => file,
            None => Arc::new(File::open(&stored.path).ok()?),
        };
        if stamp(&file).ok() != Some(known_good) {
            *open = OpenFile::default();
            return None;
        }
        open.shared = Arc::downgrade(&file);
        if open.kept.is_none() {
            open.kept = Some(Arc::clone(&file));
            drop(open);
            self.keep_open(stored);
        }
        Some(file)
    }

    /// Notes that an entry's file is open, and closes the one that has been for longest when there are too many.
    fn keep_open(&self, stored: &Arc<Stored>) {
        let mut kept_open = self.kept_open.lock();
        kept_open.push_back(Arc::downgrade(stored));
        let closing = if kept_open.len() > MAX_KEPT_OPEN { kept_open.pop_front() } else { None };
        drop(kept_open);
        if let Some(stored) = closing.and_then(|stored| stored.upgrade()) {
            stored.open.lock().kept = None;
        }
    }

    /// Takes all entries of a group away at once, if there are any; what it returns is to be deleted when there is time.
    pub(crate) fn detach(&self, group: u64) -> io::Result<Option<PathBuf>> {
        let folder = self.entries().join(folder_of(group));
        let removed = self.removed().join(format!("{}-{}", folder_of(group), self.next_name()));
        match fs::rename(&folder, &removed) {
            Ok(()) => Ok(Some(removed)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Err(_) if !folder.exists() => Ok(None),
            Err(_) => {
                create_folder(&self.removed())?;
                fs::rename(&folder, &removed)?;
                Ok(Some(removed))
            }
        }
    }

    /// Removes all entries of a group, also those that were taken away before and are not deleted yet, and these files of
    /// answers in the making. Those files go first: none of them becomes an entry after the entries are gone.
    pub(crate) fn remove_group(&self, group: u64, growing: &[PathBuf]) -> io::Result<()> {
        for path in growing {
            match fs::remove_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        self.detach(group)?;
        let folders = match fs::read_dir(self.removed()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed?,
        };
        let beginning = format!("{}-", folder_of(group));
        for folder in folders {
            let folder = folder?;
            if !folder.file_name().to_string_lossy().starts_with(&beginning) {
                continue;
            }
            match fs::remove_dir_all(folder.path()) {
                // Another thread may be deleting it as well.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.path().exists() => {}
                removed => removed?,
            }
        }
        Ok(())
    }
}

impl Stored {
    /// What it takes of the disk: whole blocks.
    pub(crate) fn bytes(&self) -> u64 {
        (self.footer.length + FOOTER_BYTES as u64).next_multiple_of(DISK_BLOCK_BYTES)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the whole answer to see that it is right; `None` when it is not, or when `stop` said to stop.
    pub(crate) fn check(&self, stop: impl Fn() -> bool) -> io::Result<Option<Arc<File>>> {
        let file = File::open(&self.path)?;
        let before = stamp(&file)?;
        let right = Footer::read(&file)? == Some(self.footer) && self.footer.fits(&file, stop)?;
        if !right {
            return Ok(None);
        }
        let file = Arc::new(file);
        *self.known_good.lock() = Some(before);
        *self.open.lock() = OpenFile { shared: Arc::downgrade(&file), kept: None };
        Ok(Some(file))
    }
}

/// A file that is being written. It is removed when this is dropped, unless it became an entry.
#[derive(Debug)]
pub(crate) struct GrowingFile {
    path: PathBuf,
    file: Arc<File>,
    length: u64,
    hasher: crc32fast::Hasher,
    writer: Arc<dyn FileWriter>,
}

impl GrowingFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Adds pieces of the answer, all or, as far as readers can see, none of them.
    pub(crate) fn append(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        // In one write, from which the page cache makes one large folio where it can.
        let joined;
        let bytes = match pieces {
            [piece] => piece.as_ref(),
            pieces => {
                joined = pieces.concat();
                joined.as_slice()
            }
        };
        self.writer.write(&self.file, bytes, self.length)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Adds the end.
    pub(crate) fn seal(&self, key: CacheKey, cost: Duration) -> io::Result<Footer> {
        let footer = Footer { key, length: self.length, cost, checksum: self.hasher.clone().finalize() };
        self.writer.write(&self.file, &footer.encode(), self.length)?;
        Ok(footer)
    }
}

impl Drop for GrowingFile {
    fn drop(&mut self) {
        // After placing there is nothing left under this name.
        let path = std::mem::take(&mut self.path);
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove(&path))),
            Err(_) => remove(&path),
        }
    }
}

/// Removes a file that may be gone.
pub(crate) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a file of the response cache cannot be removed");
    }
}

/// Removes files that may be gone, without standing in the way of others.
pub(crate) async fn remove_all(paths: Vec<PathBuf>) {
    if !paths.is_empty() {
        tokio::task::spawn_blocking(move || paths.iter().for_each(|path| remove(path))).await.ok();
    }
}

fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
}

fn stamp(file: &File) -> io::Result<Stamp> {
    let metadata = file.metadata()?;
    if metadata.nlink() == 0 {
        // The operator wants the disk back; our open file must not hold on to it.
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok((metadata.len(), metadata.modified()?))
}
