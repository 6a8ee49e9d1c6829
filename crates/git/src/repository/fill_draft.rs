//! A draft that is filled with all of a small repository at once, without a process.
//!
//! Nothing is taken on trust: every object is named by its content, the references must lead to all that is there and
//! need nothing else, and what was written is read back. What fails here is left to `git`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use heliostat_git_wire::{ContentHash, ObjectFormat, PackFault, RefSnapshot, WholePack};
use thiserror::Error;

use crate::disk::{READ_ONLY_MODE, blocking};
use crate::process::GitError;
use crate::refs::{LookedAt, rewrite_packed};
use crate::repository::{RepositoryDraft, RepositoryStore};

/// Why a draft was not filled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FillError {
    /// The pack is not exactly what the references need, or is for `git` to judge.
    #[error(transparent)]
    Pack(#[from] PackFault),
    /// The references on disk are not those that were to be written.
    #[error("the references on disk have the hash {found} instead of {planned}")]
    NotAsPlanned {
        /// The hash of what is there.
        found: ContentHash,
        /// The hash of what was to be there.
        planned: ContentHash,
    },
    /// The file system failed.
    #[error("cannot write the repository")]
    Io(#[from] io::Error),
    /// What was written cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl RepositoryDraft {
    /// Fills an empty draft with these references, and with the pack of all that they lead to; there is none where there
    /// are no references.
    pub async fn fill(
        &self,
        pack: Option<Vec<u8>>,
        refs: &RefSnapshot,
        format: ObjectFormat,
    ) -> Result<(), FillError> {
        let (path, planned) = (self.repository().path().to_owned(), refs.clone());
        blocking(move || Ok(write(&path, pack.as_deref(), &planned, format))).await??;
        let shown = self.repository().refs().await?;
        if shown.content_hash() != refs.content_hash() {
            let (found, planned) = (shown.content_hash().clone(), refs.content_hash().clone());
            return Err(FillError::NotAsPlanned { found, planned });
        }
        Ok(())
    }
}

impl RepositoryStore {
    /// Makes all that was written so far, by any writer, survive a power failure: one flush for many drafts.
    pub async fn flush(&self) -> io::Result<()> {
        let root = self.root().to_owned();
        blocking(move || Ok(rustix::fs::syncfs(File::open(root)?)?)).await
    }
}

fn write(
    repository: &Path,
    pack: Option<&[u8]>,
    refs: &RefSnapshot,
    format: ObjectFormat,
) -> Result<(), FillError> {
    let Some(pack) = pack else {
        return match refs.all().next() {
            Some((_, object)) => Err(PackFault::Missing(object.to_string()).into()),
            None => Ok(()),
        };
    };
    let whole = WholePack::read(pack, format)?;
    whole.require_exactly(refs.all().map(|(_, object)| object))?;
    let packs = repository.join("objects/pack");
    let stem = whole.file_stem();
    // The index last: what has none is no pack.
    write_read_only(&packs.join(format!("{stem}.pack")), pack)?;
    write_read_only(&packs.join(format!("{stem}.idx")), &whole.index())?;

    let others = refs.all().filter(|(name, _)| !name.starts_with(b"refs/heads/"));
    let objects: LookedAt = others.map(|(_, object)| (object.clone(), whole.peeled(object))).collect();
    let moves = RefSnapshot::moves(&RefSnapshot::empty(), refs);
    let packed = rewrite_packed(b"", &moves, &objects).expect("nothing is there that could be in the way");
    Ok(std::fs::write(repository.join("packed-refs"), packed)?)
}

fn write_read_only(file: &Path, content: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(READ_ONLY_MODE).open(file)?.write_all(content)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use heliostat_git_wire::RefName;

    use super::*;
    use crate::fixture::Workshop;
    use crate::repository::{Origin, Repository, TrashReason};

    const MAX_BYTES: usize = 1024 * 1024;

    async fn draft_of(store: &RepositoryStore, format: ObjectFormat) -> RepositoryDraft {
        store.draft(7, &RefName::branch("main").expect("valid"), format).await.expect("made")
    }

    async fn everything(repository: &Repository) -> (RefSnapshot, ObjectFormat, Vec<u8>) {
        let refs = repository.refs().await.expect("readable");
        let format = refs.object_format().expect("known");
        let pack = repository.pack_everything(format, MAX_BYTES).await.expect("readable");
        (refs, format, pack.expect("it is small"))
    }

    fn run(repository: &Repository, workshop: &Workshop, arguments: &[&str]) -> String {
        workshop.run(repository.path(), arguments)
    }

    /// The index that `git` makes of the only pack.
    fn index_by_git(workshop: &Workshop, repository: &Repository) -> (Vec<u8>, Vec<u8>) {
        let packs = repository.path().join("objects/pack");
        let files = packs.read_dir().expect("listable").map(|entry| entry.expect("readable").path());
        let (indices, packs): (Vec<_>, Vec<_>) =
            files.partition(|file| file.extension().is_some_and(|ending| ending == "idx"));
        let ([index], [pack]) = (&indices[..], &packs[..]) else { panic!("{indices:?} {packs:?}") };
        let of_git = workshop.path("of-git.idx");
        let (to, from) = (of_git.display().to_string(), pack.display().to_string());
        run(repository, workshop, &["index-pack", "--strict", "-o", &to, &from]);
        (fs::read(index).expect("readable"), fs::read(of_git).expect("readable"))
    }

    #[tokio::test]
    async fn a_repository_is_given_and_taken_as_a_whole() {
        for (name, format) in [("one", ObjectFormat::Sha1), ("two", ObjectFormat::Sha256)] {
            let workshop = Workshop::new().await;
            let source = workshop.bare_with_format(name, format).await;
            run(
                &source,
                &workshop,
                &["-c", "user.name=A", "-c", "user.email=a@b", "tag", "-a", "v1", "-m", "v1", "main"],
            );
            run(&source, &workshop, &["tag", "light", "main"]);
            for packed in [false, true] {
                if packed {
                    run(&source, &workshop, &["repack", "-q", "-a", "-d"]);
                    workshop.commit(&source, "second");
                }
                let (refs, format, pack) = everything(&source).await;
                let store = workshop.store();
                let draft = draft_of(&store, format).await;
                draft.fill(Some(pack), &refs, format).await.expect("filled");
                store.flush().await.expect("flushed");
                let (ours, of_git) = index_by_git(&workshop, draft.repository());
                assert_eq!(ours, of_git);
                fs::remove_file(workshop.path("of-git.idx")).expect("removed");
                let put = draft.put_in_place(TrashReason::Damaged, Origin::default()).await.expect("put");
                put.examine().await.expect("whole");
                let taken = put.refs().await.expect("readable");
                assert_eq!(taken.content_hash(), refs.content_hash());
                assert_eq!(taken.peeled("refs/tags/v1"), refs.peeled("refs/tags/v1"));
                assert!(taken.peeled("refs/tags/v1").is_some() && taken.peeled("refs/tags/light").is_none());
            }
        }
    }

    #[tokio::test]
    async fn what_is_not_exactly_what_references_need_is_not_taken() {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_commits("one", &["main", "other"]).await;
        let (refs, format, pack) = everything(&source).await;
        run(&source, &workshop, &["update-ref", "-d", "refs/heads/other"]);
        let fewer = source.refs().await.expect("readable");
        let store = workshop.store();
        let refused = async |pack: Option<Vec<u8>>, refs: &RefSnapshot| {
            let draft = draft_of(&store, format).await;
            match draft.fill(pack, refs, format).await {
                Err(FillError::Pack(fault)) => fault,
                filled => panic!("{filled:?}"),
            }
        };
        assert!(matches!(refused(Some(pack.clone()), &fewer).await, PackFault::Unreached(_)));
        assert!(matches!(refused(None, &refs).await, PackFault::Missing(_)));
        let cut = pack[..pack.len() - 1].to_vec();
        assert!(matches!(refused(Some(cut), &refs).await, PackFault::Malformed(_)));
        let empty = draft_of(&store, format).await;
        empty.fill(None, &RefSnapshot::empty(), format).await.expect("there is nothing to do");

        assert_eq!(source.pack_everything(format, 10).await.expect("readable"), None, "too large");
        fs::write(source.path().join("objects/info/alternates"), "/elsewhere\n").expect("written");
        assert_eq!(source.pack_everything(format, MAX_BYTES).await.expect("readable"), None);
    }
}
