//! From what lies on disk to a snapshot: the files when they are plainly in order, `git` when they are not, and one
//! look at objects that may be annotated tags.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use heliostat_git_wire::{
    Advertised, ContentHasher, Head, INTERNAL_NAMESPACE, NonUtf8Ref, ObjectFormat, ObjectId, PeelInfo,
    PeeledObject, RefName, RefSnapshot, RenderedLists,
};

use crate::disk::blocking;
use crate::process::{Git, GitError, is_about_damage};
use crate::refs::{NotRead, Peeled, StoredHead, StoredRef, StoredRefs, read_refs};

const OPERATION: &str = "list references";

/// What a line of a list has besides the names of an object and of a reference.
const LINE_OVERHEAD_BYTES: usize = 32;

pub(crate) type LookedAt = HashMap<ObjectId, PeeledObject>;

/// Reads the references from disk now. What other snapshots know about objects need not be found out again.
pub(crate) async fn load_refs(
    git: &Git,
    repository: &Path,
    known: Option<&RefSnapshot>,
) -> Result<RefSnapshot, GitError> {
    let path = repository.to_owned();
    let found = blocking(move || Ok(read_refs(&path))).await;
    let stored = match found.map_err(|error| GitError::Io { operation: OPERATION, error })? {
        Ok(stored) => stored,
        Err(NotRead::Refused(file, error)) => return Err(GitError::refused(OPERATION, &file, &error)),
        Err(NotRead::Damaged(detail)) => {
            let (path, detail) = (repository.to_owned(), detail.to_owned());
            return Err(GitError::Corrupt { operation: OPERATION, path, detail });
        }
        Err(NotRead::NotUnderstood(reason)) => {
            tracing::debug!(reason = reason.0, repository.path = %repository.display(), "asking git for references");
            ask_git(git, repository).await?
        }
    };
    let not_told = stored.refs.iter().filter(|found| found.peeled == Peeled::Unknown);
    let looked_at = look_at_objects(git, repository, not_told.map(|found| &found.object), known).await?;
    blocking(move || Ok(build(stored, looked_at)))
        .await
        .map_err(|error| GitError::Io { operation: OPERATION, error })
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
    known: Option<&RefSnapshot>,
) -> Result<LookedAt, GitError> {
    let known = known.map(|snapshot| &snapshot.advertised().looked_at);
    let (mut looked_at, mut unknown) = (LookedAt::new(), BTreeSet::new());
    for object in objects {
        // An object that was missing may have arrived.
        match known.and_then(|known| known.get(object)).filter(|found| **found != PeeledObject::Missing) {
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

fn build(stored: StoredRefs, looked_at: LookedAt) -> RefSnapshot {
    let StoredRefs { format, head, refs, is_shallow } = stored;
    let head = Some(head_of(head, &refs));
    let mut hasher = ContentHasher::default();
    let mut entries = Vec::with_capacity(refs.len());
    let (mut peel_info, mut non_utf8) = (Vec::new(), Vec::new());
    let mut list_bytes = 4 * LINE_OVERHEAD_BYTES;
    for StoredRef { name, object, symbolic_target, peeled } in refs {
        hasher.reference(object.as_bytes(), &name);
        let peeled = match peeled {
            Peeled::NoTag => None,
            Peeled::To(peeled) => Some(peeled),
            Peeled::Unknown => match looked_at.get(&object) {
                Some(PeeledObject::To(peeled)) => Some(peeled.clone()),
                Some(PeeledObject::NoTag | PeeledObject::Missing) | None => None,
            },
        };
        // A tag takes a second line, with its name once more, in the lists for older clients.
        let target_bytes = symbolic_target.as_ref().map_or(0, |target| target.len());
        let line_bytes = format.hex_len() + name.len() + LINE_OVERHEAD_BYTES;
        list_bytes += if peeled.is_some() { 2 * line_bytes } else { line_bytes } + target_bytes;
        let info = PeelInfo { index: entries.len(), peeled, symbolic_target };
        let has_info = info.peeled.is_some() || info.symbolic_target.is_some();
        match RefName::from_stored(name) {
            Ok(name) => {
                entries.push((name, object));
                peel_info.extend(has_info.then_some(info));
            }
            Err(name) => non_utf8.push(NonUtf8Ref { name, object, info }),
        }
    }
    entries.shrink_to_fit();
    // One list for clients of today, one for older ones.
    let rendered = RenderedLists::new(2 * list_bytes as u64);
    let format = Some(format);
    let advertised = Advertised { head, format, is_shallow, peel_info, non_utf8, looked_at, rendered };
    RefSnapshot::new(entries, hasher.finish(), advertised)
}

fn head_of(head: StoredHead, refs: &[StoredRef]) -> Head {
    match head {
        StoredHead::Detached(object) => Head::Detached(object),
        StoredHead::Symbolic(target) => {
            let found = refs.binary_search_by(|reference| reference.name.cmp(&target));
            let object = found.ok().map(|index| refs[index].object.clone());
            Head::Symbolic { target: target.into(), object }
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
