//! From what lies on disk to a snapshot: the files when they are plainly in order, `git` when they are not, and one
//! look at objects that may be annotated tags.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use heliostat_git_wire::{
    Advertised, Head, INTERNAL_NAMESPACE, ObjectFormat, ObjectId, PeelInfo, PeeledObject, RefSnapshot,
    SnapshotRef,
};

use crate::disk::blocking;
use crate::process::{Git, GitError, is_about_damage};
use crate::refs::{NotRead, Peeled, ReadRefs, Reading, StoredHead, StoredRef, StoredRefs, read_refs};

const OPERATION: &str = "list references";

pub(crate) type LookedAt = HashMap<ObjectId, PeeledObject>;

/// What is known before references are read.
#[derive(Debug, Default)]
pub(crate) struct Known<'a> {
    /// What was read last.
    pub(crate) last: Option<&'a ReadRefs>,
    /// What they are most likely now.
    pub(crate) expected: Option<&'a RefSnapshot>,
    /// What objects are that references name now.
    pub(crate) objects: Option<&'a LookedAt>,
}

/// Reads the references from disk now. What is known about objects need not be found out again.
pub(crate) async fn load_refs(git: &Git, repository: &Path, known: &Known<'_>) -> Result<ReadRefs, GitError> {
    let io_error = |error| GitError::Io { operation: OPERATION, error };
    let (path, last) = (repository.to_owned(), known.last.cloned());
    let found = blocking(move || Ok(read_refs(&path, last.as_ref()))).await;
    let reading = match found.map_err(io_error)? {
        Ok(reading) => reading,
        Err(NotRead::Refused(file, error)) => return Err(GitError::refused(OPERATION, &file, &error)),
        Err(NotRead::Damaged(detail)) => {
            let (path, detail) = (repository.to_owned(), detail.to_owned());
            return Err(GitError::Corrupt { operation: OPERATION, path, detail });
        }
        Err(NotRead::NotUnderstood(reason)) => {
            tracing::debug!(reason = reason.0, repository.path = %repository.display(), "asking git for references");
            Reading::Whole(ask_git(git, repository).await?)
        }
    };
    let of_last = known.last.map(|last| &last.snapshot.advertised().looked_at);
    let objects: Vec<&LookedAt> = known.objects.into_iter().chain(of_last).collect();
    let looked_at = look_at_objects(git, repository, reading.not_told().into_iter(), &objects).await?;
    let last = known.last.map(|last| last.snapshot.clone());
    let alike = known.expected.cloned().into_iter().chain(last);
    let built = blocking(move || {
        let read = build(reading, looked_at);
        for other in alike {
            if read.snapshot.has_refs_of(&other) {
                break;
            }
        }
        // Taken over from there or not, it is known from here on: computing it takes a while.
        read.snapshot.content_hash();
        Ok(read)
    });
    built.await.map_err(io_error)
}

impl Reading {
    /// Objects of which only they can tell whether they are annotated tags.
    fn not_told(&self) -> Vec<&ObjectId> {
        match self {
            Self::Whole(stored) => {
                let unknown = stored.refs.iter().filter(|found| found.peeled == Peeled::Unknown);
                unknown.map(|found| &found.object).collect()
            }
            Self::Layered { state, .. } => state.not_told().collect(),
        }
    }
}

async fn ask_git(git: &Git, repository: &Path) -> Result<StoredRefs, GitError> {
    let format = "--format=%(objectname) %(refname)%00%(symref)";
    let listing = git.command(OPERATION).repository(repository).args(["for-each-ref", format]).run().await?;
    // Git skips a reference it cannot read with a warning, and succeeds; to us the repository is damaged then.
    if is_about_damage(&listing.stderr) {
        let (path, detail) = (repository.to_owned(), listing.stderr.trim().to_owned());
        return Err(GitError::Corrupt { operation: OPERATION, path, detail });
    }
    let refs =
        parse_listing(&listing.stdout).ok_or_else(|| GitError::unexpected(OPERATION, &listing.stdout))?;
    let head = ask_git_for_head(git, repository).await?;
    let format = object_format(git, repository).await?;
    let is_shallow = tokio::fs::metadata(repository.join("shallow")).await.is_ok_and(|file| file.len() > 0);
    Ok(StoredRefs { format, head, refs, is_shallow })
}

pub(crate) async fn ask_git_for_head(git: &Git, repository: &Path) -> Result<StoredHead, GitError> {
    let operation = "read HEAD";
    let ended = git
        .command(operation)
        .repository(repository)
        .args(["symbolic-ref", "--quiet", "HEAD"])
        .run_to_end()
        .await?;
    match ended.status.code() {
        Some(0) => Ok(StoredHead::Symbolic(ended.stdout.trim_ascii_end().to_owned())),
        Some(1) => {
            let args = ["rev-parse", "--verify", "--quiet", "HEAD"];
            let answer = git.command(operation).repository(repository).args(args).run().await?;
            let object = ObjectId::from_hex(answer.stdout.trim_ascii_end());
            object.map(StoredHead::Detached).ok_or_else(|| GitError::unexpected(operation, &answer.stdout))
        }
        _ => {
            let status = ended.status.to_string();
            Err(GitError::from_failure(operation, Some(repository), &status, &ended.stderr))
        }
    }
}

/// What these objects are, of which only the object itself can tell.
pub(crate) async fn look_at_objects(
    git: &Git,
    repository: &Path,
    objects: impl Iterator<Item = &ObjectId>,
    known: &[&LookedAt],
) -> Result<LookedAt, GitError> {
    let (mut looked_at, mut unknown) = (LookedAt::new(), BTreeSet::new());
    for object in objects {
        // An object that was missing may have arrived.
        let mut found = known.iter().filter_map(|known| known.get(object));
        match found.find(|found| **found != PeeledObject::Missing) {
            Some(peeled) => drop(looked_at.insert(object.clone(), peeled.clone())),
            None => drop(unknown.insert(object)),
        }
    }
    if unknown.is_empty() {
        return Ok(looked_at);
    }
    let input: Vec<u8> = unknown.iter().flat_map(|object| [object.as_bytes(), b"^{}\n"].concat()).collect();
    let format = "--batch-check=%(objectname)";
    let answer =
        git.command(OPERATION).repository(repository).args(["cat-file", format]).input(input).run().await?;
    let mut lines = answer.stdout.split(|byte| *byte == b'\n');
    for object in unknown {
        let line = lines.next().unwrap_or_default();
        let peeled = match ObjectId::from_hex(line) {
            Some(peeled) if peeled == *object => PeeledObject::NoTag,
            Some(peeled) => PeeledObject::To(peeled),
            None if line.ends_with(b" missing") => PeeledObject::Missing,
            None => return Err(GitError::unexpected(OPERATION, &answer.stdout)),
        };
        looked_at.insert(object.clone(), peeled);
    }
    Ok(looked_at)
}

/// Which hash names the objects of a repository.
pub(crate) async fn object_format(git: &Git, repository: &Path) -> Result<ObjectFormat, GitError> {
    let operation = "read the object format";
    let command = git.command(operation).repository(repository);
    let answer = command.args(["rev-parse", "--show-object-format"]).run().await?;
    match answer.stdout.trim_ascii_end() {
        b"sha1" => Ok(ObjectFormat::Sha1),
        b"sha256" => Ok(ObjectFormat::Sha256),
        _ => Err(GitError::unexpected(operation, &answer.stdout)),
    }
}

/// Reads lines of `<object> <name> NUL <target of a symbolic reference>`.
fn parse_listing(listing: &[u8]) -> Option<Vec<StoredRef>> {
    let mut refs = Vec::new();
    for line in listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let nul = line.iter().position(|byte| *byte == 0)?;
        let (entry, target) = (&line[..nul], &line[nul + 1..]);
        let space = entry.iter().position(|byte| *byte == b' ')?;
        let (object, name) = (ObjectId::from_hex(&entry[..space])?, entry[space + 1..].to_owned());
        if !name.starts_with(INTERNAL_NAMESPACE.as_bytes()) {
            let symbolic_target = (!target.is_empty()).then(|| target.into());
            refs.push(StoredRef { name, object, symbolic_target, peeled: Peeled::Unknown });
        }
    }
    Some(refs)
}

fn build(reading: Reading, looked_at: LookedAt) -> ReadRefs {
    let peel = |object: &ObjectId| match looked_at.get(object) {
        Some(PeeledObject::To(peeled)) => Some(peeled.clone()),
        Some(PeeledObject::NoTag | PeeledObject::Missing) | None => None,
    };
    match reading {
        Reading::Whole(StoredRefs { format, head, refs, is_shallow }) => {
            let head = Some(head_of(head, |name| {
                let found = refs.binary_search_by(|reference| reference.name[..].cmp(name));
                found.ok().map(|index| refs[index].object.clone())
            }));
            let refs = refs.into_iter().map(|StoredRef { name, object, symbolic_target, peeled }| {
                let peeled = match peeled {
                    Peeled::NoTag => None,
                    Peeled::To(peeled) => Some(peeled),
                    Peeled::Unknown => peel(&object),
                };
                SnapshotRef::new(name, object, PeelInfo { peeled, symbolic_target })
            });
            let refs: Vec<_> = refs.collect();
            let advertised = Advertised { head, format: Some(format), is_shallow, looked_at };
            ReadRefs::whole(RefSnapshot::new(refs, advertised))
        }
        Reading::Layered { state, head, is_shallow } => {
            let changes = state.changes(peel);
            let object_of = |name: &[u8]| match changes.binary_search_by(|(other, _)| other[..].cmp(name)) {
                Ok(index) => changes[index].1.as_ref().map(|found| found.object().clone()),
                Err(_) => state.earlier().find(name).map(|found| found.object().clone()),
            };
            let head = Some(head_of(head, object_of));
            let advertised = Advertised { head, format: Some(state.format()), is_shallow, looked_at };
            let snapshot = state.earlier().with_changes(changes, advertised);
            ReadRefs { snapshot, layers: Some(Arc::new(state.into_layers())) }
        }
    }
}

fn head_of(head: StoredHead, object_of: impl FnOnce(&[u8]) -> Option<ObjectId>) -> Head {
    match head {
        StoredHead::Detached(object) => Head::Detached(object),
        StoredHead::Symbolic(target) => {
            let object = object_of(&target);
            Head::Symbolic { target: target.into(), object }
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
