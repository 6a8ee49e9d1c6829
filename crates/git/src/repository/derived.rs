//! Files that git makes from others and uses when they are there: the index over all packs, the commit graph, bitmaps,
//! and the order of a pack's objects.
//!
//! One that is cut makes a git end that reads it, or at least complain, although nothing is lost. It is removed then: git works without it,
//! and housekeeping makes a new one.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::disk::{entries, read_note, remove_if_there};
use crate::repository::PackIndex;

/// The index over all packs, below the folder of packs.
const COMMON_INDEX: &str = "multi-pack-index";

/// The commit graph as one file, and as a list of several, below the folder `info`.
const COMMIT_GRAPH: &str = "commit-graph";
const COMMIT_GRAPHS: &str = "commit-graphs";
const COMMIT_GRAPH_CHAIN: &str = "commit-graph-chain";

/// Longest list of commit graphs; git merges them long before there are so many.
const MAX_CHAIN_BYTES: u64 = 64 * 1024;

/// A line of the table of contents of such a file: a name and a place.
const CHUNK_LINE_BYTES: u64 = 12;

/// How a bitmap and the order of a pack's objects begin.
const BITMAP_MAGIC: [u8; 4] = *b"BITM";
const REVERSE_INDEX_MAGIC: [u8; 4] = *b"RIDX";

/// What the order of a pack's objects has besides four bytes for each and two checksums.
const REVERSE_INDEX_START_BYTES: u64 = 12;

/// How much of a file is read at once.
const READ_BYTES: usize = 128 * 1024;

/// What kind of file it is: how it begins, and where its table of contents is.
struct Kind {
    magic: [u8; 4],
    table_at: u64,
}

const OF_PACKS: Kind = Kind { magic: *b"MIDX", table_at: 12 };
const OF_COMMITS: Kind = Kind { magic: *b"CGPH", table_at: 8 };

/// How closely they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scrutiny {
    /// How they begin and how long they are; bitmaps in full, because a git ends that reads a bad one.
    Shape,
    /// Every byte.
    Checksum,
}

/// Removes those that are not whole from this folder of objects. Blocks.
pub(super) fn discard_broken(objects: &Path, hash_bytes: u64, scrutiny: Scrutiny) -> io::Result<()> {
    let is_whole = |file: &Path, kind: &Kind| {
        Ok::<_, io::Error>(has_its_shape(file, kind, hash_bytes)? && scrutiny.finds_whole(file, hash_bytes)?)
    };
    let packs = objects.join("pack");
    let common = packs.join(COMMON_INDEX);
    if !is_whole(&common, &OF_PACKS)? {
        tell(&common);
        remove_if_there(&common)?;
        remove_all(&packs, &format!("{COMMON_INDEX}-"))?;
    }
    for entry in entries(&packs)? {
        let file = entry?.path();
        let is_whole = match file.extension().and_then(|end| end.to_str()) {
            Some("bitmap") => is_whole_bitmap(&file, hash_bytes),
            Some("rev") => is_whole_reverse_index(&file, hash_bytes)
                .and_then(|is_whole| Ok(is_whole && scrutiny.finds_whole(&file, hash_bytes)?)),
            _ => Ok(true),
        };
        match is_whole {
            Ok(true) => {}
            // Housekeeping has removed it, or its pack.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(false) => {
                tell(&file);
                remove_if_there(&file)?;
            }
            Err(error) => return Err(error),
        }
    }
    let info = objects.join("info");
    let graph = info.join(COMMIT_GRAPH);
    if !is_whole(&graph, &OF_COMMITS)? {
        tell(&graph);
        remove_if_there(&graph)?;
    }
    let graphs = info.join(COMMIT_GRAPHS);
    let chain = graphs.join(COMMIT_GRAPH_CHAIN);
    if !is_whole_chain(&chain, hash_bytes)? {
        tell(&chain);
        remove_if_there(&chain)?;
    }
    for entry in entries(&graphs)? {
        let file = entry?.path();
        if file.extension().is_some_and(|end| end == "graph") && !is_whole(&file, &OF_COMMITS)? {
            tell(&file);
            // Without the list none of them is read.
            remove_if_there(&chain)?;
            remove_if_there(&file)?;
        }
    }
    Ok(())
}

fn tell(file: &Path) {
    tracing::warn!(file = %file.display(), "a file that git can make anew is damaged and removed");
}

fn remove_all(folder: &Path, prefix: &str) -> io::Result<()> {
    for entry in entries(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)) {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

impl Scrutiny {
    /// Whether nothing is wrong as far as is looked; what is not there is whole.
    fn finds_whole(self, file: &Path, hash_bytes: u64) -> io::Result<bool> {
        if self == Self::Shape {
            return Ok(true);
        }
        match File::open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            file => has_its_checksum(file?, hash_bytes),
        }
    }
}

/// Whether it begins as a bitmap and has the checksum at its end.
fn is_whole_bitmap(file: &Path, hash_bytes: u64) -> io::Result<bool> {
    let file = File::open(file)?;
    let mut start = [0; 4];
    if file.metadata()?.len() < start.len() as u64 {
        return Ok(false);
    }
    file.read_exact_at(&mut start, 0)?;
    Ok(start == BITMAP_MAGIC && has_its_checksum(file, hash_bytes)?)
}

/// Whether it ends with the checksum of all that stands before.
fn has_its_checksum(file: File, hash_bytes: u64) -> io::Result<bool> {
    let Some(content) = file.metadata()?.len().checked_sub(hash_bytes) else { return Ok(false) };
    let mut checksum = vec![0; hash_bytes as usize];
    file.read_exact_at(&mut checksum, content)?;
    let content = file.take(content);
    let computed = if hash_bytes == 20 { digest::<Sha1>(content)? } else { digest::<Sha256>(content)? };
    Ok(computed == checksum)
}

fn digest<D: Digest>(mut content: impl Read) -> io::Result<Vec<u8>> {
    let (mut hasher, mut piece) = (D::new(), vec![0; READ_BYTES]);
    loop {
        match content.read(&mut piece)? {
            0 => return Ok(hasher.finalize().to_vec()),
            count => hasher.update(&piece[..count]),
        }
    }
}

/// Whether it is as long as the index of its pack says.
fn is_whole_reverse_index(file: &Path, hash_bytes: u64) -> io::Result<bool> {
    let index = file.with_extension("idx");
    let objects = match PackIndex::open(&index) {
        Ok(index) => u64::from(index.objects()),
        // One over several packs, or the index itself is at fault: that is told of it.
        Err(_) => return Ok(true),
    };
    let file = File::open(file)?;
    let length = file.metadata()?.len();
    if length != REVERSE_INDEX_START_BYTES + 4 * objects + 2 * hash_bytes {
        return Ok(false);
    }
    let mut start = [0; 4];
    file.read_exact_at(&mut start, 0)?;
    Ok(start == REVERSE_INDEX_MAGIC)
}

/// Whether it is a list of names; one that is not there is whole. Git never syncs it.
fn is_whole_chain(file: &Path, hash_bytes: u64) -> io::Result<bool> {
    let Some(text) = read_note(file, MAX_CHAIN_BYTES)? else { return Ok(true) };
    let is_name = |line: &[u8]| {
        line.split_last().is_some_and(|(end, name)| {
            *end == b'\n' && name.len() as u64 == 2 * hash_bytes && name.iter().all(u8::is_ascii_hexdigit)
        })
    };
    Ok(!text.is_empty() && text.split_inclusive(|byte| *byte == b'\n').all(is_name))
}

/// Whether it ends where its table of contents says; one that is not there is whole.
fn has_its_shape(file: &Path, kind: &Kind, hash_bytes: u64) -> io::Result<bool> {
    let file = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        file => file?,
    };
    match end_of_chunks(&file, kind) {
        Ok(Some(end)) => Ok(file.metadata()?.len() == end.saturating_add(hash_bytes)),
        Ok(None) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// What the last line of the table says; `None` when the file begins in another way.
fn end_of_chunks(file: &File, kind: &Kind) -> io::Result<Option<u64>> {
    let mut start = [0; 8];
    file.read_exact_at(&mut start, 0)?;
    if start[..4] != kind.magic {
        return Ok(None);
    }
    let last_line = kind.table_at + u64::from(start[6]) * CHUNK_LINE_BYTES;
    let mut end = [0; 8];
    file.read_exact_at(&mut end, last_line + 4)?;
    Ok(Some(u64::from_be_bytes(end)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn what_is_cut_goes_and_what_is_whole_stays() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "topic"]).await;
        let make = |args: &[&str]| workshop.run(repository.path(), args);
        make(&["repack", "-adq"]);
        make(&["multi-pack-index", "write", "--bitmap"]);
        make(&["commit-graph", "write", "--reachable"]);
        make(&["commit-graph", "write", "--reachable", "--split"]);
        let objects = repository.path().join("objects");
        let graphs = objects.join("info/commit-graphs");
        let listed = |folder: &Path| -> Vec<_> {
            entries(folder).expect("listable").flatten().map(|entry| entry.path()).collect()
        };
        let graph =
            listed(&graphs).into_iter().find(|file| file.extension().is_some_and(|end| end == "graph"));
        let mut files = vec![objects.join("pack/multi-pack-index")];
        files.extend([objects.join("info/commit-graph"), graph.unwrap_or_default()]);
        let of_kind = |kind: &'static str| {
            let is_so = move |file: &std::path::PathBuf| {
                let of_one_pack = !file.to_string_lossy().contains(COMMON_INDEX);
                of_one_pack && file.extension().is_some_and(|end| end == kind)
            };
            listed(&objects.join("pack")).into_iter().filter(is_so)
        };
        files.extend(of_kind("bitmap").chain(of_kind("rev")));
        files.retain(|file| file.is_file());
        assert!(files.len() >= 4, "{files:?}");
        discard_broken(&objects, 20, Scrutiny::Shape).expect("readable");
        assert!(files.iter().all(|file| file.exists()), "{files:?}");
        for file in &files {
            let content = fs::read(file).expect("readable");
            for length in [0, 6, content.len() / 2, content.len() - 1] {
                fs::remove_file(file).ok();
                fs::write(file, &content[..length]).expect("cut");
                discard_broken(&objects, 20, Scrutiny::Shape).expect("readable");
                assert!(!file.exists(), "{file:?} of {length} bytes");
            }
        }
        make(&["multi-pack-index", "write"]);
        make(&["commit-graph", "write", "--reachable"]);
        for file in ["pack/multi-pack-index", "info/commit-graph"].map(|name| objects.join(name)) {
            let mut content = fs::read(&file).expect("readable");
            let middle = content.len() / 2;
            content[middle] ^= 1;
            fs::remove_file(&file).expect("removable");
            fs::write(&file, content).expect("writable");
            discard_broken(&objects, 20, Scrutiny::Shape).expect("readable");
            assert!(file.exists(), "{file:?} has its shape");
            discard_broken(&objects, 20, Scrutiny::Checksum).expect("readable");
            assert!(!file.exists(), "{file:?} with another bit");
        }
        make(&["commit-graph", "write", "--reachable", "--split"]);
        let chain = graphs.join(COMMIT_GRAPH_CHAIN);
        discard_broken(&objects, 20, Scrutiny::Checksum).expect("readable");
        assert!(chain.exists(), "it is whole");
        for torn in ["", "\0\0\0", "0123\n"] {
            fs::remove_file(&chain).ok();
            fs::write(&chain, torn).expect("writable");
            discard_broken(&objects, 20, Scrutiny::Shape).expect("readable");
            assert!(!chain.exists(), "{torn:?} is no list");
        }
        assert!(
            !listed(&objects.join("pack")).iter().any(|file| file.to_string_lossy().contains("multi-pack"))
        );
        repository.examine().await.expect("nothing is lost");
    }
}
