//! What references named before they were moved or deleted: remembered for a while, because builds may still ask for
//! it, and because it tells when something in the repository is needed no longer.
//!
//! It is noted before references move: before the end of a push, a change over REST, and another state of a mirror. So a
//! process that ends right afterwards has noted it. What others have moved is noted when the references are read. The note is
//! synced together with the objects of a change, where these are.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heliostat_git_wire::{ObjectId, PushCommand, RefSnapshot, SnapshotRef};
use parking_lot::Mutex;

use crate::disk::{blocking, read_note, write_note};
use crate::repository::Repository;

/// The file in a repository's folder, which git leaves alone: a line for each with seconds since 1970, what was named,
/// and the name of the reference.
pub(super) const LEFT_TIPS_FILE: &str = "heliostat-left-tips";

/// Beyond this, half of the notes are dropped, the older ones: some ten thousand.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Within this time, the same note is about the same change.
const SAME_CHANGE: Duration = Duration::from_mins(1);

/// How much of the file is looked at for such notes, at its end.
const MAX_BYTES_LOOKED_AT: u64 = 64 * 1024;

/// Something that a reference no longer names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeftTip {
    /// When that was found, in seconds since 1970.
    pub left_at: u64,
    /// What it named.
    pub object: ObjectId,
    /// Its full name, which need not be text.
    pub reference: Vec<u8>,
}

impl LeftTip {
    /// Whether it was left no longer ago than this. One from the future was noted before the clock was turned back.
    pub fn is_younger_than(&self, age: Duration) -> bool {
        seconds_now().saturating_sub(self.left_at) < age.as_secs()
    }

    fn line(&self) -> Vec<u8> {
        [format!("{} {} ", self.left_at, self.object).as_bytes(), &self.reference, b"\n"].concat()
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let mut parts = line.strip_suffix(b"\n")?.splitn(3, |byte| *byte == b' ');
        let (left_at, object, reference) = (parts.next()?, parts.next()?, parts.next()?);
        let left_at = std::str::from_utf8(left_at).ok()?.parse().ok()?;
        Some(Self { left_at, object: ObjectId::from_hex(object)?, reference: reference.to_owned() })
    }
}

/// What references of one repository named before, in the file that remembers it.
#[derive(Debug)]
pub struct LeftTips {
    repository: PathBuf,
    /// Held by one that writes the file.
    writing: Arc<Mutex<()>>,
}

impl LeftTips {
    /// In this folder, and written under this lock.
    pub(super) fn new(repository: PathBuf, writing: Arc<Mutex<()>>) -> Self {
        Self { repository, writing }
    }

    /// All of them, as far as they were noted.
    pub async fn all(self) -> io::Result<Vec<LeftTip>> {
        blocking(move || read(&self.repository)).await
    }

    /// Forgets these.
    pub async fn forget(self, forgotten: Vec<LeftTip>) -> io::Result<()> {
        let forgotten: HashSet<_> = forgotten.into_iter().collect();
        blocking(move || {
            let _writing = self.writing.lock();
            let mut tips = read(&self.repository)?;
            tips.retain(|tip| !forgotten.contains(tip));
            write(&self.repository, &tips)
        })
        .await
    }

    /// Notes what references of `before` named that they do not name in `after`.
    pub(super) async fn note_moves(self, before: &RefSnapshot, after: &RefSnapshot) {
        let left = RefSnapshot::moves(before, after).into_iter();
        self.note(left.filter_map(|moved| Some((moved.step.from?, moved.name))).collect()).await;
    }

    /// Notes that references named these until now: each object with the name of its reference.
    pub(super) async fn note(self, left: Vec<(ObjectId, Vec<u8>)>) {
        if left.is_empty() {
            return;
        }
        let left_at = seconds_now();
        let (path, writing) = (self.repository.clone(), self.writing);
        let noted = blocking(move || {
            let _writing = writing.lock();
            let file = path.join(LEFT_TIPS_FILE);
            let mut open = File::options().read(true).append(true).create(true).mode(0o600).open(&file)?;
            let known = noted_just_now(&mut open)?;
            let news = left.into_iter().filter(|left| !known.contains(left));
            let lines = news
                .map(|(object, reference)| LeftTip { left_at, object, reference }.line())
                .collect::<Vec<_>>();
            open.write_all(&lines.concat())?;
            if open.metadata()?.len() > MAX_FILE_BYTES {
                let tips = read(&path)?;
                write(&path, &tips[tips.len() / 2..])?;
            }
            Ok(())
        });
        if let Err(error) = noted.await {
            tracing::warn!(%error, repository.path = %self.repository.display(), "cannot note what references named before");
        }
    }
}

impl Repository {
    /// Notes what references name that a push is about to move or to delete. What its client says that they name counts only
    /// where it is so: what was noted may be asked for.
    pub(crate) async fn note_before_push(&self, commands: &[PushCommand]) {
        let is_change = |command: &&PushCommand| !command.from.is_zero() && command.from != command.to;
        let moved: Vec<_> = commands.iter().filter(is_change).collect();
        if moved.is_empty() {
            return;
        }
        // Git fails in the same way, and says so.
        let Ok(here) = self.snapshot().await else { return };
        let is_so =
            |command: &&PushCommand| here.find(&command.name).map(SnapshotRef::object) == Some(&command.from);
        let left = moved.into_iter().filter(is_so);
        self.left_tips()
            .note(left.map(|command| (command.from.clone(), command.name.clone())).collect())
            .await;
    }

    /// Notes what references of `before` named that they do not name now, unless that is noted when they are read: where
    /// they are not held in memory, nothing tells that they have changed.
    pub(crate) async fn note_left_since(&self, before: &RefSnapshot) {
        if self.cache().last_known(self.id()).is_some() {
            return;
        }
        match self.refs().await {
            Ok(after) => self.left_tips().note_moves(before, &after).await,
            Err(error) => tracing::debug!(%error, "cannot tell what references named before"),
        }
    }
}

/// What was noted a moment ago: who changes references notes what they named, and who reads them afterwards finds the
/// same.
fn noted_just_now(file: &mut File) -> io::Result<HashSet<(ObjectId, Vec<u8>)>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_BYTES_LOOKED_AT)))?;
    let mut end = Vec::new();
    file.take(MAX_BYTES_LOOKED_AT).read_to_end(&mut end)?;
    let tips = end.split_inclusive(|byte| *byte == b'\n').filter_map(LeftTip::parse);
    let young = tips.filter(|tip| tip.is_younger_than(SAME_CHANGE));
    Ok(young.map(|tip| (tip.object, tip.reference)).collect())
}

/// A line that was cut is none.
fn read(repository: &Path) -> io::Result<Vec<LeftTip>> {
    let text = read_note(&repository.join(LEFT_TIPS_FILE), 2 * MAX_FILE_BYTES)?.unwrap_or_default();
    Ok(text.split_inclusive(|byte| *byte == b'\n').filter_map(LeftTip::parse).collect())
}

fn write(repository: &Path, tips: &[LeftTip]) -> io::Result<()> {
    let lines: Vec<_> = tips.iter().map(LeftTip::line).collect();
    write_note(&repository.join(LEFT_TIPS_FILE), &lines.concat())
}

pub(super) fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::RefName;

    use super::*;
    use crate::fixture::Workshop;
    use crate::refs::RefUpdate;
    use crate::repository::RepositoryStore;

    #[tokio::test]
    async fn what_references_named_is_noted_when_they_are_read_again() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "topic"]).await;
        let first = workshop.run(repository.path(), &["rev-parse", "main"]);
        repository.refs().await.expect("readable");
        assert_eq!(repository.left_tips().all().await.expect("readable"), []);
        workshop.commit(&repository, "main");
        workshop.run(repository.path(), &["update-ref", "-d", "refs/heads/topic"]);
        for _ in 0..2 {
            repository.refs().await.expect("readable");
        }
        let left = repository.left_tips().all().await.expect("readable");
        let names: Vec<_> = left.iter().map(|tip| String::from_utf8_lossy(&tip.reference)).collect();
        assert_eq!(names, ["refs/heads/main", "refs/heads/topic"]);
        assert_eq!(left[0].object.as_str(), first.trim());
        assert!(left[0].is_younger_than(Duration::from_hours(1)) && !left[0].is_younger_than(Duration::ZERO));
        // Nothing is made of a line that was cut.
        let file = repository.path().join(LEFT_TIPS_FILE);
        let noted = std::fs::read(&file).expect("readable");
        std::fs::write(&file, &noted[..noted.len() - 1]).expect("cut");
        assert_eq!(repository.left_tips().all().await.expect("readable"), left[..1]);
        std::fs::write(&file, &noted).expect("whole again");
        repository.left_tips().forget(left[..1].to_vec()).await.expect("written");
        assert_eq!(repository.left_tips().all().await.expect("readable"), left[1..]);
    }

    #[tokio::test]
    async fn notes_are_bounded_and_the_older_ones_go() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let name = |index: usize| RefName::branch(&format!("{index:0>200}")).expect("valid");
        let object = |digit: &str| ObjectId::parse(digit.repeat(40)).expect("hex");
        let state =
            |digit: &str| RefSnapshot::from_entries((0..9_000).map(|index| (name(index), object(digit))));
        for (before, after) in [("1", "2"), ("2", "3"), ("3", "4")] {
            repository.left_tips().note_moves(&state(before), &state(after)).await;
        }
        let file = std::fs::metadata(repository.path().join(LEFT_TIPS_FILE)).expect("there");
        assert!(file.len() <= MAX_FILE_BYTES);
        let left = repository.left_tips().all().await.expect("readable");
        assert!(left.last().is_some_and(|tip| tip.object == object("3")) && left.len() >= 9_000);
    }

    #[tokio::test]
    async fn what_is_changed_here_is_noted_also_where_references_are_not_held_in_memory() {
        let workshop = Workshop::new().await;
        let main = RefName::branch("main").expect("valid");
        for memory_bytes in [0, crate::refs::DEFAULT_REF_MEMORY_BYTES] {
            let root = workshop.path(&format!("store-{memory_bytes}"));
            let store = RepositoryStore::new(workshop.git.clone(), root, memory_bytes).expect("a store");
            let repository = store.create(1, &main).await.expect("created");
            let first = workshop.commit(&repository, "main");
            let second = workshop.run(repository.path(), &["commit-tree", "-m", "other", "main^{tree}"]);
            let second = ObjectId::parse(second.trim()).expect("an object");
            repository.refs().await.expect("readable");
            let update = RefUpdate::update(main.clone(), second, None);
            repository.update_refs(&[update]).await.expect("updated");
            repository.refs().await.expect("readable");
            let left = repository.left_tips().all().await.expect("readable");
            let left: Vec<_> = left.iter().map(|tip| tip.object.as_str()).collect();
            assert_eq!(left, [first.trim()], "with {memory_bytes} bytes");
        }
    }
}
