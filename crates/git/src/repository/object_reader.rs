//! Reading objects without a process: single ones, where starting `git` would cost more than what it reads.
//!
//! Only objects of the repository itself are found, and only small ones: what is not found here may still be there for `git`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flate2::bufread::ZlibDecoder;
use heliostat_git_wire::{ObjectFormat, ObjectId, ObjectKind, apply_delta};

use super::pack_index::PackIndex;
use crate::disk::entries;

/// Larger objects are not read.
pub(super) const MAX_OBJECT_BYTES: usize = 8 * 1024 * 1024;

/// Deltas upon deltas that are followed; `git` makes chains of 50, and of 250 when it takes its time.
const MAX_CHAIN: usize = 300;

/// The longest head of a loose object: its kind and its size.
const MAX_LOOSE_HEAD_BYTES: u64 = 64;

/// How much of a pack is read at once.
const READ_BYTES: usize = 4 * 1024;

/// An object: what it is and what it holds.
pub(super) type ReadObject = (ObjectKind, Vec<u8>);

/// Reads the objects of one repository. Packs that come later than it are not seen by it.
pub(super) struct ObjectReader {
    objects: PathBuf,
    packs: Vec<Pack>,
}

struct Pack {
    index: PackIndex,
    pack: File,
}

/// What stands at a place of a pack.
enum Entry {
    Whole(ReadObject),
    Delta { base: Base, delta: Vec<u8> },
}

enum Base {
    Place(u64),
    Object(ObjectId),
}

impl ObjectReader {
    /// Opens the packs of a repository.
    pub(super) fn open(repository: &Path) -> io::Result<Self> {
        let objects = repository.join("objects");
        let mut packs = Vec::new();
        for entry in entries(&objects.join("pack"))? {
            let index = entry?.path();
            if index.extension().is_some_and(|extension| extension == "idx") {
                // One that is just being replaced is not needed: its objects are in the one that takes its place.
                let opened = PackIndex::open(&index)
                    .and_then(|index_file| Ok((index_file, File::open(index.with_extension("pack"))?)));
                match opened {
                    Ok((index, pack)) => packs.push(Pack { index, pack }),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Self { objects, packs })
    }

    /// Reads an object; `None` when it is not here, or too large.
    pub(super) fn read(&self, object: &ObjectId) -> io::Result<Option<ReadObject>> {
        self.read_within(object, MAX_CHAIN)
    }

    /// Whether the object is here.
    pub(super) fn holds(&self, object: &ObjectId) -> io::Result<bool> {
        for Pack { index, .. } in &self.packs {
            if index.holds(object)? {
                return Ok(true);
            }
        }
        match std::fs::metadata(self.loose(object)) {
            Ok(file) => Ok(file.len() > 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn loose(&self, object: &ObjectId) -> PathBuf {
        let (folder, name) = object.as_str().split_at(2);
        self.objects.join(folder).join(name)
    }

    fn read_within(&self, object: &ObjectId, chain: usize) -> io::Result<Option<ReadObject>> {
        for pack in &self.packs {
            if let Some(place) = pack.index.place_of(object)? {
                return self.read_packed(pack, place, object.format(), chain);
            }
        }
        match File::open(self.loose(object)) {
            Ok(file) => read_loose(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_packed(
        &self,
        pack: &Pack,
        place: u64,
        format: ObjectFormat,
        mut chain: usize,
    ) -> io::Result<Option<ReadObject>> {
        let (mut next, mut deltas) = (place, Vec::new());
        let (kind, mut content) = loop {
            match read_entry(&pack.pack, next, format)? {
                None => return Ok(None),
                Some(Entry::Whole(object)) => break object,
                Some(Entry::Delta { base, delta }) => {
                    deltas.push(delta);
                    chain = match chain.checked_sub(1) {
                        Some(chain) => chain,
                        None => return Ok(None),
                    };
                    match base {
                        Base::Place(place) => next = place,
                        Base::Object(base) => match self.read_within(&base, chain)? {
                            Some(object) => break object,
                            None => return Ok(None),
                        },
                    }
                }
            }
        };
        for delta in deltas.into_iter().rev() {
            content = apply_delta(&content, &delta, MAX_OBJECT_BYTES)
                .ok_or_else(|| invalid("a delta of a pack does not fit"))?;
        }
        Ok(Some((kind, content)))
    }
}

fn read_loose(file: File) -> io::Result<Option<ReadObject>> {
    let mut content = BufReader::new(ZlibDecoder::new(BufReader::new(file)));
    let mut head = Vec::new();
    content.by_ref().take(MAX_LOOSE_HEAD_BYTES).read_until(0, &mut head)?;
    let head = head.strip_suffix(&[0]).and_then(|head| std::str::from_utf8(head).ok());
    let (kind, length) =
        head.and_then(|head| head.split_once(' ')).ok_or_else(|| invalid("a loose object has no head"))?;
    let kind = ObjectKind::named(kind.as_bytes()).ok_or_else(|| invalid("a loose object has no kind"))?;
    let length: usize = length.parse().map_err(|_| invalid("a loose object has no length"))?;
    Ok(read_exactly(content, length)?.map(|content| (kind, content)))
}

/// `None` when the entry is too large.
fn read_entry(pack: &File, place: u64, format: ObjectFormat) -> io::Result<Option<Entry>> {
    let mut reader = BufReader::with_capacity(READ_BYTES, FromPlace { file: pack, place });
    let mut byte = read_byte(&mut reader)?;
    let number = (byte >> 4) & 7;
    let (mut length, mut shift) = (u64::from(byte & 0xf), 4);
    while byte & 0x80 != 0 {
        if shift > u64::BITS - 8 {
            return Err(invalid("an entry of a pack has an impossible length"));
        }
        byte = read_byte(&mut reader)?;
        length |= u64::from(byte & 0x7f) << shift;
        shift += 7;
    }
    let base = match number {
        6 => {
            byte = read_byte(&mut reader)?;
            let mut distance = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 && distance < place {
                byte = read_byte(&mut reader)?;
                distance = ((distance + 1) << 7) | u64::from(byte & 0x7f);
            }
            let base = place.checked_sub(distance).filter(|base| *base < place);
            Some(Base::Place(base.ok_or_else(|| invalid("a delta of a pack has no base"))?))
        }
        7 => {
            let mut name = vec![0; format.hex_len() / 2];
            reader.read_exact(&mut name)?;
            Some(Base::Object(ObjectId::from_raw(&name).expect("as long as a name")))
        }
        _ => None,
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let Some(content) = read_exactly(ZlibDecoder::new(reader), length)? else { return Ok(None) };
    match base {
        Some(base) => Ok(Some(Entry::Delta { base, delta: content })),
        None => {
            let kind = ObjectKind::numbered(number);
            let kind = kind.ok_or_else(|| invalid("an entry of a pack has an unknown kind"))?;
            Ok(Some(Entry::Whole((kind, content))))
        }
    }
}

/// `None` when it is to be more than is read here.
fn read_exactly(content: impl Read, length: usize) -> io::Result<Option<Vec<u8>>> {
    if length > MAX_OBJECT_BYTES {
        return Ok(None);
    }
    let mut read = Vec::with_capacity(length);
    content.take(length as u64 + 1).read_to_end(&mut read)?;
    if read.len() == length {
        Ok(Some(read))
    } else {
        Err(invalid("an object has another length than it says"))
    }
}

fn read_byte(reader: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    reader.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// A file from this place on.
struct FromPlace<'a> {
    file: &'a File,
    place: u64,
}

impl Read for FromPlace<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.place)?;
        self.place += read as u64;
        Ok(read)
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::object_name;

    use super::*;
    use crate::fixture::Workshop;
    use crate::repository::Repository;

    /// All objects, as `git` lists them, are read as they are named.
    fn check_all(workshop: &Workshop, repository: &Repository, format: ObjectFormat) -> usize {
        let listed =
            workshop.run(repository.path(), &["rev-list", "--objects", "--no-object-names", "--all"]);
        let reader = ObjectReader::open(repository.path()).expect("opened");
        for name in listed.lines() {
            let object = ObjectId::parse(name).expect("a name");
            let (kind, content) = reader.read(&object).expect("readable").expect("here");
            assert_eq!(object_name(kind, &content, format), object);
            assert!(reader.holds(&object).expect("readable"));
        }
        let absent = ObjectId::parse("12".repeat(format.hex_len() / 2)).expect("hex");
        assert!(
            reader.read(&absent).expect("readable").is_none() && !reader.holds(&absent).expect("readable")
        );
        listed.lines().count()
    }

    #[tokio::test]
    async fn loose_and_packed_objects_are_read_in_both_formats() {
        let workshop = Workshop::new().await;
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            let repository = workshop.bare_with_format(format.as_str(), format).await;
            let path = repository.path();
            // Files that are alike become deltas.
            let script = "for n in 1 2 3 4 5 6; do \
                blob=$( (seq 1000; echo $n) | git hash-object -w --stdin); \
                tree=$(printf '100644 blob %s\\tfile\\n' $blob | git mktree); \
                git update-ref refs/heads/b$n $(git commit-tree -m $n $tree); done; \
                git tag -a -m tag v1 main";
            workshop.shell(path, script);
            let loose = check_all(&workshop, &repository, format);
            workshop.run(path, &["repack", "-adfq", "--depth=50"]);
            assert_eq!(check_all(&workshop, &repository, format), loose);
            workshop.commit(&repository, "main");
            assert_eq!(check_all(&workshop, &repository, format), loose + 3);
        }
    }
}
