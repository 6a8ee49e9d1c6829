//! Work on files: where it may block, and so that it survives a power failure.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use tokio::task::spawn_blocking;

/// What is synced at once: a journal takes it together.
const PARALLEL_SYNCS: usize = 8;
/// What is synced faster than this had been written out before, as most journals do with all that they hold.
const QUICK_SYNC: Duration = Duration::from_micros(500);

/// The mode of objects, packs and their indices: they are never written to, and only their owner reads them.
pub(crate) const READ_ONLY_MODE: u32 = 0o400;

/// Databases hold shared secrets, and repositories what not everybody may read.
const OWN_FOLDER_MODE: u32 = 0o700;

/// By what a file is known to be the same, as `git` decides it of its index and of `packed-refs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSigns {
    place: (u64, u64),
    bytes: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl FileSigns {
    /// Those of the file that this is about.
    pub fn of(file: &Metadata) -> Self {
        Self {
            place: (file.dev(), file.ino()),
            bytes: file.len(),
            written: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

/// Runs file system work where it may block.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    // Behind a pointer, so that the task is compiled once for each kind of result, and not for each work.
    let work: Box<dyn FnOnce() -> io::Result<T> + Send> = Box::new(work);
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Makes renames and new files in this folder survive a power failure.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes a file that only its owner can read, so that after a power failure it holds either this or what it held
/// before. Its folder must be there.
pub fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("a file lies in a folder"))?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder)
}

/// Syncs all of these: where the first has brought the others along, one after the other, which costs little then, and else
/// several at once.
pub(crate) fn sync_each<T: Sync>(items: &[T], sync: impl Fn(&T) -> io::Result<()> + Sync) -> io::Result<()> {
    let (mut left, mut is_quick) = (items, true);
    while is_quick && let Some((item, others)) = left.split_first() {
        let began = Instant::now();
        sync(item)?;
        is_quick = left.len() == items.len() || began.elapsed() < QUICK_SYNC;
        left = others;
    }
    sync_at_once(left, &sync)
}

fn sync_at_once<T: Sync>(items: &[T], sync: &(impl Fn(&T) -> io::Result<()> + Sync)) -> io::Result<()> {
    let share = items.len().div_ceil(PARALLEL_SYNCS).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            items.chunks(share).map(|share| scope.spawn(move || share.iter().try_for_each(sync))).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err(io::Error::other("a thread that syncs has panicked")))
        })
    })
}

/// The beginning of a small file, at most so many bytes; `None` where there is none.
pub(crate) fn read_note(path: &Path, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(max_bytes).read_to_end(&mut content)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(content))
}

/// Replaces a file that only its owner can read in one step, unless this is what it holds. A power failure may bring back what
/// it held before, or leave less of one that is new.
pub fn write_note(path: &Path, content: &[u8]) -> io::Result<()> {
    let longest = u64::try_from(content.len()).unwrap_or(u64::MAX).saturating_add(1);
    if read_note(path, longest)?.as_deref() == Some(content) {
        return Ok(());
    }
    let folder = path.parent().ok_or_else(|| io::Error::other("a file lies in a folder"))?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}

/// A new file that is to take the place of another one, as git does it: it is the lock on that one, and there is at most
/// one. It goes when it is dropped.
pub(crate) struct LockFile {
    place: PathBuf,
    lock: PathBuf,
    file: File,
    is_there: bool,
}

impl LockFile {
    pub(crate) fn create(place: &Path) -> io::Result<Self> {
        let name = place.file_name().map(|name| format!("{}.lock", name.to_string_lossy()));
        let lock = place.with_file_name(name.unwrap_or_default());
        let file = File::create_new(&lock)?;
        Ok(Self { place: place.to_owned(), lock, file, is_there: true })
    }

    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    pub(crate) fn put_in_place(mut self) -> io::Result<()> {
        std::fs::rename(&self.lock, &self.place)?;
        // From here on a file of this name is another writer's lock.
        self.is_there = false;
        Ok(())
    }

    /// Removes what it is the lock on.
    pub(crate) fn remove_locked(self) -> io::Result<()> {
        std::fs::remove_file(&self.place)
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if self.is_there {
            std::fs::remove_file(&self.lock).ok();
        }
    }
}

/// Puts a new file in the place of another one. If it is synced, it holds what is written also after a power failure.
pub(crate) fn replace_under_lock<E: From<io::Error>>(
    place: &Path,
    is_synced: bool,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let mut lock = LockFile::create(place)?;
    write(lock.file())?;
    if is_synced {
        lock.file().sync_all()?;
    }
    lock.put_in_place()?;
    if is_synced {
        place.parent().map_or(Ok(()), sync_folder)?;
    }
    Ok(())
}

/// Makes a folder that is only its owner's, with those above it that are missing, so that they survive a power failure.
pub fn make_folder_durably(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let missing: Vec<_> = path.ancestors().take_while(|folder| !folder.is_dir()).collect();
    std::fs::DirBuilder::new().recursive(true).mode(OWN_FOLDER_MODE).create(&path)?;
    missing.into_iter().filter_map(Path::parent).try_for_each(sync_folder)
}

/// Makes a folder with everything in it survive a power failure. Its name in the folder above is not part of that.
pub fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in entries(folder)? {
        let entry = entry?;
        match entry.file_type()? {
            kind if kind.is_dir() => sync_tree(&entry.path())?,
            kind if kind.is_file() => File::open(entry.path())?.sync_all()?,
            _ => {}
        }
    }
    sync_folder(folder)
}

/// The time since a file was last written to; `None` when it is not there.
pub fn age_of(file: &Path) -> Option<Duration> {
    let modified = std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok()?;
    Some(SystemTime::now().duration_since(modified).unwrap_or_default())
}

/// What is in a folder. Git removes folders that have become empty, so one that is gone is an empty one.
pub fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<std::fs::DirEntry>> + use<>> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        entries => Ok(Some(entries?).into_iter().flatten()),
    }
}

/// Whatever is not a folder, in a folder and in all below it; read as far as it is asked for.
pub fn files_below(folder: PathBuf) -> impl Iterator<Item = io::Result<std::fs::DirEntry>> {
    let mut folders = vec![folder];
    let mut open = None;
    std::iter::from_fn(move || {
        loop {
            let Some(reading) = &mut open else {
                match entries(&folders.pop()?) {
                    Ok(reading) => open = Some(reading),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            match reading.next().map(|entry| entry.and_then(|entry| Ok((entry.file_type()?, entry)))) {
                None => open = None,
                Some(Ok((kind, entry))) if kind.is_dir() => folders.push(entry.path()),
                Some(found) => return Some(found.map(|(_, entry)| entry)),
            }
        }
    })
}

/// Removes a file; one that is gone is removed.
pub fn remove_if_there(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_its_owners() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("file");
        for content in ["first", "second"] {
            write_durably(&file, content.as_bytes()).expect("written");
            assert_eq!(std::fs::read_to_string(&file).expect("readable"), content);
        }
        assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(folder.path().read_dir().expect("listable").count(), 1);
        assert!(write_durably(&folder.path().join("missing/file"), b"").is_err());
    }

    #[test]
    fn files_are_found_at_every_depth_and_none_where_nothing_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        make_folder_durably(&folder.path().join("a/b")).expect("made");
        for name in ["one", "a/two", "a/b/three"] {
            write_durably(&folder.path().join(name), b"").expect("written");
        }
        let names = |place: PathBuf| {
            let mut names: Vec<_> =
                files_below(place).map(|file| file.expect("readable").file_name()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(folder.path().to_owned()), ["one", "three", "two"]);
        assert!(names(folder.path().join("missing")).is_empty());
    }

    #[test]
    fn folders_are_made_where_they_are_missing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let deep = folder.path().join("a/b/c");
        for _ in 0..2 {
            make_folder_durably(&deep).expect("made");
            assert!(deep.is_dir());
        }
        write_durably(&deep.join("file"), b"x").expect("written");
        sync_tree(folder.path()).expect("synced");
        assert!(make_folder_durably(&deep.join("file")).is_err());
    }
}
