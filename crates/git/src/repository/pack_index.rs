//! Reading git's two kinds of index: of one pack, and of all packs together.
//!
//! Only what decisions need: how many objects a pack holds and where in it one of them is, which packs the
//! common index covers, and whether it knows every object of a pack. The last is the proof that must be there before
//! a pack is removed.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use heliostat_git_wire::ObjectId;

/// `\377tOc`, version 2.
const PACK_INDEX_START: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];

/// Size of the table that counts objects by their first byte.
const FANOUT_BYTES: u64 = 256 * 4;

/// Where the object names of a pack's index begin.
const PACK_NAMES_AT: u64 = 8 + FANOUT_BYTES;

/// Size of what an index has of each object after the names: a checksum, a place in the pack, and the place again in
/// full where it is far from the start.
const CHECKSUM_BYTES: u64 = 4;
const PLACE_BYTES: u64 = 4;
const FAR_PLACE_BYTES: u64 = 8;

/// Says that a place is the number of a far one.
const IS_FAR: u32 = 1 << 31;

/// Size of the fixed start of the common index.
const COMMON_START_BYTES: usize = 12;

/// Size of a line in the common index's table of contents.
const CHUNK_LINE_BYTES: usize = 12;

/// More chunks than git has ever written.
const MAX_CHUNKS: usize = 64;

/// Most that the names of all packs may take.
const MAX_NAMES_BYTES: u64 = 64 * 1024 * 1024;

/// How many bytes of an index are read at once.
const READ_BYTES: usize = 128 * 1024;

/// The index over several packs.
#[derive(Debug)]
pub struct CommonIndex {
    /// The names of its packs, such as `pack-1234`, in the order of the index.
    pub packs: Vec<String>,
    /// Its checksum, which names its bitmap.
    pub checksum: String,
    file: File,
    hash_bytes: usize,
    names_at: u64,
    count: u64,
}

/// The index of one pack.
#[derive(Debug)]
pub struct PackIndex {
    file: File,
    count: u32,
}

impl PackIndex {
    /// Opens it.
    pub fn open(index: &Path) -> io::Result<Self> {
        let file = File::open(index)?;
        let mut start = [0; 8];
        file.read_exact_at(&mut start, 0)?;
        if start != PACK_INDEX_START {
            return Err(invalid("an index of a pack has an unknown format"));
        }
        let count = read_number(&file, PACK_NAMES_AT - 4)?;
        Ok(Self { file, count })
    }

    /// How many objects the pack holds.
    pub fn objects(&self) -> u32 {
        self.count
    }

    /// Whether the pack holds this object. Reads the file in a few places.
    pub fn holds(&self, object: &ObjectId) -> io::Result<bool> {
        Ok(self.number_of(object)?.is_some())
    }

    /// Where in the pack this object begins; `None` when the pack does not hold it.
    pub(super) fn place_of(&self, object: &ObjectId) -> io::Result<Option<u64>> {
        let Some(number) = self.number_of(object)? else { return Ok(None) };
        let (name_bytes, count) = (object.format().hex_len() as u64 / 2, u64::from(self.count));
        let places_at = PACK_NAMES_AT + count * (name_bytes + CHECKSUM_BYTES);
        let place = read_number(&self.file, places_at + PLACE_BYTES * number)?;
        if place & IS_FAR == 0 {
            return Ok(Some(place.into()));
        }
        let far_at = places_at + PLACE_BYTES * count + FAR_PLACE_BYTES * u64::from(place & !IS_FAR);
        let mut far = [0; 8];
        self.file.read_exact_at(&mut far, far_at)?;
        Ok(Some(u64::from_be_bytes(far)))
    }

    /// Which of the pack's names, counted from 0, is this one.
    fn number_of(&self, object: &ObjectId) -> io::Result<Option<u64>> {
        let wanted = hex::decode(object.as_bytes()).map_err(io::Error::other)?;
        let place = PACK_NAMES_AT - FANOUT_BYTES + 4 * u64::from(wanted[0]);
        let end = read_number(&self.file, place)?.min(self.count);
        let start = match wanted[0] {
            0 => 0,
            _ => read_number(&self.file, place - 4)?,
        };
        find(&self.file, PACK_NAMES_AT, start.into()..end.into(), &wanted)
    }
}

/// Which of the names with these numbers is this one; they lie sorted at this place of a file.
fn find(file: &File, names_at: u64, mut numbers: Range<u64>, wanted: &[u8]) -> io::Result<Option<u64>> {
    let mut name = vec![0; wanted.len()];
    while !numbers.is_empty() {
        let middle = numbers.start.midpoint(numbers.end);
        file.read_exact_at(&mut name, names_at + middle * wanted.len() as u64)?;
        match name[..].cmp(wanted) {
            std::cmp::Ordering::Less => numbers.start = middle + 1,
            std::cmp::Ordering::Equal => return Ok(Some(middle)),
            std::cmp::Ordering::Greater => numbers.end = middle,
        }
    }
    Ok(None)
}

fn read_number(file: &File, at: u64) -> io::Result<u32> {
    let mut number = [0; 4];
    file.read_exact_at(&mut number, at)?;
    Ok(u32::from_be_bytes(number))
}

impl CommonIndex {
    /// Reads the one in this folder of packs; `None` when there is none.
    pub fn open(folder: &Path) -> io::Result<Option<Self>> {
        let mut file = match File::open(folder.join("multi-pack-index")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut start = [0; COMMON_START_BYTES];
        file.read_exact(&mut start)?;
        let hash_bytes = match (&start[..5], start[5]) {
            ([b'M', b'I', b'D', b'X', 1], 1) => 20,
            ([b'M', b'I', b'D', b'X', 1], 2) => 32,
            _ => return Err(invalid("the index over all packs has an unknown format")),
        };
        let chunks = usize::from(start[6]).min(MAX_CHUNKS);
        let mut contents = vec![0; (chunks + 1) * CHUNK_LINE_BYTES];
        file.read_exact(&mut contents)?;
        let lines: Vec<_> = contents.chunks_exact(CHUNK_LINE_BYTES).map(chunk_line).collect();
        let chunk = |name: &[u8; 4]| {
            let found = lines.windows(2).find(|pair| &pair[0].0 == name);
            let found = found.map(|pair| (pair[0].1, pair[1].1.saturating_sub(pair[0].1)));
            found.ok_or_else(|| invalid("the index over all packs is incomplete"))
        };
        let (names_at, names_bytes) = chunk(b"OIDL")?;
        let packs = read_pack_names(&mut file, chunk(b"PNAM")?)?;
        file.seek(SeekFrom::End(-(hash_bytes as i64)))?;
        let mut checksum = vec![0; hash_bytes];
        file.read_exact(&mut checksum)?;
        let count = names_bytes / hash_bytes as u64;
        Ok(Some(Self { packs, checksum: hex::encode(checksum), file, hash_bytes, names_at, count }))
    }

    /// How many objects it knows.
    pub fn objects(&self) -> u64 {
        self.count
    }

    /// Whether it has a bitmap.
    pub fn has_bitmap(&self, folder: &Path) -> bool {
        folder.join(format!("multi-pack-index-{}.bitmap", self.checksum)).is_file()
    }

    /// Whether it knows every object of the pack with this index.
    pub fn knows_all_of(&self, index: &Path) -> io::Result<bool> {
        let PackIndex { mut file, count } = PackIndex::open(index)?;
        // Most packs are new, which one object tells.
        let mut probe = vec![0; self.hash_bytes];
        if count > 0 {
            file.read_exact_at(&mut probe, PACK_NAMES_AT)?;
            if find(&self.file, self.names_at, 0..self.count, &probe)?.is_none() {
                return Ok(false);
            }
        }
        file.seek(SeekFrom::Start(PACK_NAMES_AT))?;
        let mut wanted = names(file, count.into());
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.names_at))?;
        let mut known = names(file, self.count);
        // Both are sorted.
        let (mut want, mut have) = (vec![0; self.hash_bytes], vec![0; self.hash_bytes]);
        while wanted.next_into(&mut want)? {
            loop {
                if !known.next_into(&mut have)? {
                    return Ok(false);
                }
                match have.cmp(&want) {
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal => break,
                    std::cmp::Ordering::Greater => return Ok(false),
                }
            }
        }
        Ok(true)
    }
}

/// Object names one after the other.
struct Names<R> {
    reader: BufReader<R>,
    left: u64,
}

fn names<R: Read>(reader: R, count: u64) -> Names<R> {
    Names { reader: BufReader::with_capacity(READ_BYTES, reader), left: count }
}

impl<R: Read> Names<R> {
    fn next_into(&mut self, name: &mut [u8]) -> io::Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        self.reader.read_exact(name).map(|()| true)
    }
}

fn chunk_line(line: &[u8]) -> ([u8; 4], u64) {
    let (name, offset) = line.split_at(4);
    let name = name.try_into().expect("four bytes");
    (name, u64::from_be_bytes(offset.try_into().expect("eight bytes")))
}

fn read_pack_names(file: &mut File, (at, length): (u64, u64)) -> io::Result<Vec<String>> {
    if length > MAX_NAMES_BYTES {
        return Err(invalid("the index over all packs names too many"));
    }
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let stem = |name: &[u8]| {
        let text = String::from_utf8_lossy(name).into_owned();
        text.strip_suffix(".idx").or(text.strip_suffix(".pack")).map(str::to_owned).unwrap_or(text)
    };
    Ok(names.map(stem).collect())
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
