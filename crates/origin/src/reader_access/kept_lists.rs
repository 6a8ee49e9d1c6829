//! The lists that readers were shown, on the disk: a file for each, named by what it tells, so that there is one for all who
//! were shown the same. They are read when the origin says nothing and memory does not have them, as after a restart.
//!
//! A file comes by a rename, and is believed only if it tells what its name says: one that a power failure has cut is as good as
//! none. How many there may be, how much they take and how much is written at a time is limited; a reader whose list is not
//! kept is known by the hash of the branches and tags alone.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use heliostat_foreign::{Listing, RepositoryPath};
use heliostat_git::{
    ObjectFormat, RemoteCapabilities, blocking, entries, make_folder_durably, remove_if_there, write_note,
};
use heliostat_git_wire::LsRefs;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::listings::{ListName, Shown, name_of};

/// In the data folder; only its owner can read it.
const LISTS_FOLDER: &str = "origin-lists";

/// What a file begins with.
const FIRST_LINE: &[u8] = b"heliostat list of references 1";

/// Most lists that are kept.
const MAX_LISTS: usize = 50_000;

/// Most bytes that they take, up to the last one.
const MAX_LISTS_BYTES: u64 = 1024 * 1024 * 1024;

/// Longer lists are not kept.
const MAX_KEPT_REFS: usize = 1_000_000;

/// Bytes that are written between two pauses, up to the last list. What is beyond waits for the next ones: long lists that change
/// all the time must not take the disk from those who read.
const BYTES_PER_ROUND: u64 = 16 * 1024 * 1024;

/// A short list counts as so many bytes: it is a file of its own, and a refusal waits for the end of what is being written.
const LEAST_BYTES_WRITTEN: u64 = 16 * 1024;

/// Lists that are read at once; each is in memory as it lies there and as it is read.
const LOADS_AT_ONCE: usize = 2;

/// What has become of a list that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is on the disk.
    Here,
    /// It has to wait.
    Later,
    /// It is not kept.
    Not,
}

/// When a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// When those before it have left room.
    InTurn,
    /// Now or never: this process ends.
    Last,
}

/// How much of the room for lists is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// All that there is.
    Whole,
    /// Less, so that others find room.
    ForOthers,
}

/// The lists that are on the disk.
pub(crate) struct KeptLists {
    folder: PathBuf,
    state: Mutex<State>,
    loads: Semaphore,
}

struct State {
    /// By name, what each takes.
    sizes: HashMap<ListName, u64>,
    /// What all of them take.
    bytes: u64,
    /// What was written since the last pause, less what was to be written in the pauses before it.
    written: u64,
}

impl State {
    fn of(sizes: HashMap<ListName, u64>) -> Self {
        Self { bytes: sizes.values().sum(), sizes, written: 0 }
    }

    fn is_full(&self) -> bool {
        self.sizes.len() >= MAX_LISTS || self.bytes >= MAX_LISTS_BYTES
    }

    /// Forgets all but these, of which those stay that come first and find room: a long one that finds none takes it from no
    /// shorter one behind it. Returns the others.
    fn leave_only(&mut self, wanted: &[ListName], room: Room) -> Vec<ListName> {
        let (max_lists, max_bytes) = match room {
            Room::Whole => (MAX_LISTS, MAX_LISTS_BYTES),
            Room::ForOthers => (MAX_LISTS / 4 * 3, MAX_LISTS_BYTES / 4 * 3),
        };
        let (mut stay, mut bytes) = (HashSet::new(), 0_u64);
        for name in wanted {
            let Some(size) = self.sizes.get(name).copied() else { continue };
            if stay.len() >= max_lists {
                break;
            }
            if bytes + size > max_bytes {
                continue;
            }
            if stay.insert(*name) {
                bytes += size;
            }
        }
        let gone = self.sizes.keys().filter(|name| !stay.contains(*name)).copied().collect();
        self.sizes.retain(|name, _| stay.contains(name));
        self.bytes = bytes;
        gone
    }
}

impl KeptLists {
    /// Looks which lists an earlier process has kept in the data folder.
    pub(crate) async fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join(LISTS_FOLDER);
        let place = folder.clone();
        let sizes = blocking(move || sizes_in(&place)).await?;
        let state = Mutex::new(State::of(sizes));
        Ok(Self { folder, state, loads: Semaphore::new(LOADS_AT_ONCE) })
    }

    /// As much may be written as between two pauses.
    pub(super) fn begin_round(&self) {
        let mut state = self.state.lock();
        state.written = state.written.saturating_sub(BYTES_PER_ROUND);
    }

    /// Whether there is no room for one more.
    pub(super) fn are_full(&self) -> bool {
        self.state.lock().is_full()
    }

    fn has(&self, name: &ListName) -> bool {
        self.state.lock().sizes.contains_key(name)
    }

    /// Keeps a list with this name, if what it tells is still in memory. The caller keeps one after the other.
    pub(super) async fn keep(&self, name: ListName, shown: Option<&Arc<Shown>>, pace: Pace) -> Kept {
        if self.has(&name) {
            return Kept::Here;
        }
        let Some(shown) = shown else { return Kept::Not };
        if shown.listing.refs().count_of(&LsRefs::default()) > MAX_KEPT_REFS {
            return Kept::Not;
        }
        let (has_turn, is_full) = {
            let state = self.state.lock();
            (state.written < BYTES_PER_ROUND, state.is_full())
        };
        match pace {
            Pace::InTurn if is_full || !has_turn => return Kept::Later,
            Pace::Last if is_full => return Kept::Not,
            Pace::InTurn | Pace::Last => {}
        }
        let (place, list) = (self.place_of(&name), Arc::clone(shown));
        match blocking(move || write(&place, &list.listing)).await {
            Ok(bytes) => {
                let mut state = self.state.lock();
                state.sizes.insert(name, bytes);
                state.bytes += bytes;
                state.written += bytes.max(LEAST_BYTES_WRITTEN);
                Kept::Here
            }
            Err(error) => {
                tracing::warn!(%error, "cannot keep on the disk what a reader was shown");
                Kept::Not
            }
        }
    }

    /// Reads a list, unless `is_there` finds that another one has read it meanwhile.
    pub(super) async fn load<T>(
        &self,
        name: &ListName,
        is_there: impl Fn() -> Option<T>,
        take: impl FnOnce(Listing) -> T,
    ) -> Option<T> {
        if !self.has(name) {
            return None;
        }
        let _place = self.loads.acquire().await.ok()?;
        if let Some(found) = is_there() {
            return Some(found);
        }
        let (place, wanted) = (self.place_of(name), *name);
        let read = blocking(move || {
            let listing = decoded(&std::fs::read(&place)?);
            Ok(listing.filter(|listing| name_of(listing) == wanted))
        });
        match read.await {
            Ok(Some(listing)) => Some(take(listing)),
            Ok(None) => {
                tracing::warn!(list = hex::encode(name), "a list on the disk is not what its name says");
                self.remove(name).await;
                None
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read from the disk what a reader was shown");
                if error.kind() == io::ErrorKind::NotFound {
                    self.remove(name).await;
                }
                None
            }
        }
    }

    /// Removes all lists but these, and of these the last ones if there is no room for all.
    pub(super) async fn keep_only(&self, wanted: &[ListName], room: Room) {
        let gone = self.state.lock().leave_only(wanted, room);
        self.remove_files(&gone).await;
    }

    async fn remove(&self, name: &ListName) {
        {
            let mut state = self.state.lock();
            let bytes = state.sizes.remove(name).unwrap_or_default();
            state.bytes = state.bytes.saturating_sub(bytes);
        }
        self.remove_files(std::slice::from_ref(name)).await;
    }

    /// What is not removed is found at the next start.
    async fn remove_files(&self, names: &[ListName]) {
        if names.is_empty() {
            return;
        }
        let places: Vec<_> = names.iter().map(|name| self.place_of(name)).collect();
        if let Err(error) = blocking(move || places.iter().try_for_each(|place| remove_if_there(place))).await
        {
            tracing::warn!(%error, "cannot remove lists that readers were shown");
        }
    }

    fn place_of(&self, name: &ListName) -> PathBuf {
        self.folder.join(hex::encode(name))
    }
}

/// The lists in a folder, and what each takes. What else is there was left by a process that was killed.
fn sizes_in(folder: &Path) -> io::Result<HashMap<ListName, u64>> {
    let mut sizes = HashMap::new();
    for entry in entries(folder)? {
        let entry = entry?;
        match entry.file_name().to_str().and_then(list_name) {
            Some(name) => {
                sizes.insert(name, entry.metadata()?.len());
            }
            None => {
                remove_if_there(&entry.path()).ok();
            }
        }
    }
    Ok(sizes)
}

/// The name of a list as text is read.
pub(super) fn list_name(text: &str) -> Option<ListName> {
    let mut name = ListName::default();
    hex::decode_to_slice(text, &mut name).ok().map(|()| name)
}

/// Returns what it takes.
fn write(place: &Path, listing: &Listing) -> io::Result<u64> {
    if let Some(folder) = place.parent().filter(|folder| !folder.is_dir()) {
        make_folder_durably(folder)?;
    }
    let content = encoded(listing);
    write_note(place, &content)?;
    Ok(content.len() as u64)
}

/// Lines with what is known of the list as a whole, then the list as clients are told of it.
fn encoded(listing: &Listing) -> Vec<u8> {
    let format = listing.object_format().as_str().as_bytes();
    let moved_to = listing.moved_to().map_or("", RepositoryPath::as_str).as_bytes();
    let list = listing.refs().list(&LsRefs::default().in_full());
    [FIRST_LINE, format, moved_to, &list[..]].join(&b'\n')
}

fn decoded(content: &[u8]) -> Option<Listing> {
    let mut parts = content.splitn(4, |byte| *byte == b'\n');
    let mut part = || parts.next();
    if part()? != FIRST_LINE {
        return None;
    }
    let (format, moved_to, list) = (part()?, part()?, part()?);
    let formats = [ObjectFormat::Sha1, ObjectFormat::Sha256];
    let format = formats.into_iter().find(|known| known.as_str().as_bytes() == format)?;
    let moved_to = match moved_to {
        b"" => None,
        // As it stands it is decoded: only what begins an escape is written as one.
        path => Some(RepositoryPath::parse(&std::str::from_utf8(path).ok()?.replace('%', "%25")).ok()?),
    };
    let refs = RemoteCapabilities::of_kept_list(format).read_refs_as_shown(list).ok()?;
    Some(Listing::new(refs, format, moved_to))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use heliostat_git::{Head, ObjectId, RefSnapshot};
    use heliostat_git_wire::{Advertised, PeelInfo, SnapshotRef};

    use super::*;

    fn object(digit: char) -> ObjectId {
        ObjectId::parse(digit.to_string().repeat(40)).expect("hex")
    }

    /// A list with many kinds of references and this `HEAD`.
    fn listing(head: Option<Head>, moved_to: Option<&str>) -> Listing {
        let tag = PeelInfo { peeled: Some(object('2')), symbolic_target: None };
        let alias = PeelInfo { peeled: None, symbolic_target: Some(Box::from(&b"refs/heads/main"[..])) };
        let refs = vec![
            SnapshotRef::new(b"refs/heads/alias".to_vec(), object('1'), alias),
            SnapshotRef::new(b"refs/heads/b\xe4r".to_vec(), object('1'), PeelInfo::default()),
            SnapshotRef::new(b"refs/heads/main".to_vec(), object('1'), PeelInfo::default()),
            SnapshotRef::new(b"refs/pull/1/head".to_vec(), object('4'), PeelInfo::default()),
            SnapshotRef::new(b"refs/tags/v1".to_vec(), object('3'), tag),
        ];
        let format = ObjectFormat::Sha1;
        let refs = RefSnapshot::new(refs, Advertised { head, format: Some(format), ..Advertised::default() });
        Listing::new(refs, format, moved_to.map(|path| RepositoryPath::parse(path).expect("a path")))
    }

    fn symbolic(object: Option<ObjectId>) -> Option<Head> {
        Some(Head::Symbolic { target: Box::from(&b"refs/heads/main"[..]), object })
    }

    fn all() -> Vec<Listing> {
        vec![
            listing(None, None),
            listing(symbolic(Some(object('1'))), None),
            listing(symbolic(None), None),
            listing(Some(Head::Detached(object('5'))), None),
            listing(symbolic(Some(object('1'))), Some("/acme/50%25%20t%C3%B6ol.git")),
            Listing::new(RefSnapshot::empty(), ObjectFormat::Sha256, None),
        ]
    }

    fn shown(listing: &Listing) -> (ListName, Arc<Shown>) {
        let shown = Shown { listing: listing.clone(), branches: RefSnapshot::empty() };
        (name_of(listing), Arc::new(shown))
    }

    #[test]
    fn a_list_is_read_as_it_was_and_one_that_was_cut_is_none() {
        let everything = LsRefs::default().in_full();
        let mut names = HashSet::new();
        for listing in all() {
            let content = encoded(&listing);
            let read = decoded(&content).expect("a list");
            assert_eq!(name_of(&read), name_of(&listing));
            assert_eq!(read.refs().list(&everything), listing.refs().list(&everything));
            assert_eq!(
                (read.refs().head(), read.moved_to(), read.object_format()),
                (listing.refs().head(), listing.moved_to(), listing.object_format())
            );
            for length in 0..content.len() {
                assert!(decoded(&content[..length]).is_none(), "cut after {length} bytes");
            }
            assert!(names.insert(name_of(&listing)), "each is another one");
        }
    }

    #[tokio::test]
    async fn lists_are_kept_until_no_reader_needs_them() {
        let data = tempfile::tempdir().expect("a folder");
        let lists = KeptLists::open(data.path()).await.expect("nothing is there");
        let all: Vec<_> = all().iter().map(shown).collect();
        for (name, list) in &all {
            assert_eq!(lists.keep(*name, None, Pace::InTurn).await, Kept::Not);
            for _ in 0..2 {
                assert_eq!(lists.keep(*name, Some(list), Pace::InTurn).await, Kept::Here);
            }
        }
        let folder = data.path().join(LISTS_FOLDER);
        std::fs::write(folder.join(".tmp"), "half of a list").expect("written");
        let lists = KeptLists::open(data.path()).await.expect("some are there");
        let load = async |name: &ListName| lists.load(name, || None, |listing| name_of(&listing)).await;
        for (name, _) in &all {
            assert_eq!(load(name).await, Some(*name));
        }
        let [(first, _), (second, _), (third, _), ..] = &all[..] else { panic!("there are more") };
        std::fs::copy(lists.place_of(first), lists.place_of(second)).expect("copied");
        assert_eq!(load(second).await, None, "it tells something else");
        lists.keep_only(&[*third, *second], Room::Whole).await;
        assert_eq!((load(first).await, load(third).await), (None, Some(*third)));
        let files = std::fs::read_dir(&folder).expect("there").count();
        assert_eq!(files, 1);
        for (place, expected) in [(folder, 0o700), (lists.place_of(third), 0o600)] {
            let mode = std::fs::metadata(&place).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, expected, "{}", place.display());
        }
    }

    #[test]
    fn those_stay_that_are_wanted_first_and_find_room() {
        let names: Vec<ListName> = (0..4).map(|number| [number; 32]).collect();
        let half = MAX_LISTS_BYTES / 2;
        let mut state = State::of(names.iter().map(|name| (*name, half)).collect());
        assert!(state.is_full());
        let mut gone = state.leave_only(&names[1..], Room::Whole);
        gone.sort_unstable();
        assert_eq!(gone, [names[0], names[3]]);
        assert_eq!(state.bytes, 2 * half);
        assert_eq!(state.leave_only(&names, Room::ForOthers), [names[2]]);
        assert!(!state.is_full());

        let sizes = [half, half, 1, 1];
        let mut state = State::of(names.iter().copied().zip(sizes).collect());
        assert_eq!(state.leave_only(&names, Room::ForOthers), [names[1]], "the short ones find room");
        assert_eq!(state.bytes, half + 2);
    }

    #[tokio::test]
    async fn what_is_beyond_a_round_waits_unless_there_is_no_other() {
        let data = tempfile::tempdir().expect("a folder");
        let lists = KeptLists::open(data.path()).await.expect("nothing is there");
        lists.state.lock().written = 2 * BYTES_PER_ROUND;
        let (name, list) = shown(&listing(None, None));
        let keep = async |pace| lists.keep(name, Some(&list), pace).await;
        lists.begin_round();
        assert_eq!(keep(Pace::InTurn).await, Kept::Later);
        assert_eq!(keep(Pace::Last).await, Kept::Here);
        assert_eq!(lists.state.lock().written, BYTES_PER_ROUND + LEAST_BYTES_WRITTEN, "it is a short one");
        assert_eq!(keep(Pace::InTurn).await, Kept::Here);
    }
}
