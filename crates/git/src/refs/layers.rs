//! References of a repository that has many, by what has changed since they were read last.
//!
//! `packed-refs` holds nearly all of them and is seldom replaced; what changes lies in files of its own, of which there
//! are few. So the state now is the one before, with what these files say now, and with what the packed file says of
//! those that are gone. Of a packed file that was replaced, only lines that differ are taken in, and the state now is what
//! it says, with what the other files say.
//!
//! All of it is read from the disk each time but for a packed file by all signs the same, as `git` does it.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use heliostat_git_wire::{
    Advertised, ObjectFormat, ObjectId, PeelInfo, RefChangedTo, RefSnapshot, SnapshotRef, fault_of,
};

use super::files::{
    NotRead, PACKED_HEADER, Peeled, Raw, Target, has_trait, is_internal, object_of, parse_packed,
};
use crate::disk::FileSigns;

/// Smaller files are read and written as a whole each time: that is as quick.
pub(crate) const LARGE_PACKED_BYTES: u64 = 64 * 1024;

/// A file that was written later than this before it was read may be replaced by one that looks the same: file systems
/// keep time in coarse steps.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// References that were read, and what it takes to find out what has changed since.
#[derive(Debug, Clone)]
pub(crate) struct ReadRefs {
    pub(crate) snapshot: RefSnapshot,
    /// `None` where they are read as a whole each time.
    pub(crate) layers: Option<Arc<Layers>>,
}

/// Where the references of a snapshot were found.
#[derive(Debug)]
pub(crate) struct Layers {
    /// What the packed file said. No lists are made of it.
    packed: RefSnapshot,
    /// `None` when another file may look the same.
    signs: Option<FileSigns>,
    format: ObjectFormat,
    /// Which had files of their own, in order.
    loose: Vec<Vec<u8>>,
}

/// A state of the references that is to be made from an earlier one.
#[derive(Debug)]
pub(crate) struct LayeredState {
    earlier: RefSnapshot,
    /// Names of which something may have changed since.
    touched: BTreeSet<Vec<u8>>,
    packed: RefSnapshot,
    signs: Option<FileSigns>,
    format: ObjectFormat,
    loose: Vec<(Vec<u8>, ObjectId, Peeled)>,
}

impl ReadRefs {
    /// References that are read as a whole each time.
    pub(crate) fn whole(snapshot: RefSnapshot) -> Self {
        Self { snapshot, layers: None }
    }

    /// Whether the packed file may have named this reference when it was read.
    pub(crate) fn may_be_packed(&self, name: &[u8]) -> bool {
        self.layers.as_ref().is_none_or(|layers| layers.packed.find(name).is_some())
    }

    /// Bytes of memory that they take; never less.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let layers = self.layers.as_ref().map_or(0, |layers| {
            let names: usize = layers.loose.iter().map(|name| name.len() + size_of::<Vec<u8>>()).sum();
            layers.packed.ref_bytes_beside(&self.snapshot) + (size_of::<Layers>() + names) as u64
        });
        self.snapshot.memory_bytes() + layers
    }
}

/// The state that the loose references and the packed file lead to; `None` where the whole has to be read. The loose
/// ones were read before. Blocks.
pub(super) fn read_layers(
    repository: &Path,
    format: ObjectFormat,
    loose: &[Raw],
    known: Option<&ReadRefs>,
) -> Result<Option<LayeredState>, NotRead> {
    let own = loose.iter().map(|raw| match &raw.target {
        Target::Object(object) => Some((raw.name.clone(), object.clone(), raw.peeled.clone())),
        Target::Reference(_) => None,
    });
    let Some(own) = own.collect::<Option<Vec<_>>>() else { return Ok(None) };
    let known = known.and_then(|known| Some((&known.snapshot, known.layers.as_deref()?)));
    let known = known.filter(|(_, layers)| layers.format == format);
    let packed = read_packed_layer(&repository.join("packed-refs"), format, known.map(|(_, layers)| layers));
    let Some((packed, signs)) = packed? else { return Ok(None) };
    let mut touched: BTreeSet<_> = own.iter().map(|(name, ..)| name.clone()).collect();
    let as_before = known.filter(|(_, layers)| RefSnapshot::moves(&layers.packed, &packed).is_empty());
    let earlier = match as_before {
        Some((snapshot, layers)) => {
            touched.extend(layers.loose.iter().cloned());
            snapshot.clone()
        }
        // What was packed since would lie in memory twice; from here on it is shared again.
        None => packed.clone(),
    };
    Ok(Some(LayeredState { earlier, touched, packed, signs, format, loose: own }))
}

impl LayeredState {
    /// Objects of which only they can tell whether they are annotated tags.
    pub(crate) fn not_told(&self) -> impl Iterator<Item = &ObjectId> {
        let unknown = self.loose.iter().filter(|(name, object, peeled)| {
            *peeled == Peeled::Unknown && self.packed_with(name, object).is_none()
        });
        unknown.map(|(_, object, _)| object)
    }

    /// The reference as the packed file has it, if it says the same.
    fn packed_with(&self, name: &[u8], object: &ObjectId) -> Option<&SnapshotRef> {
        self.packed.find(name).filter(|found| found.object() == object)
    }

    /// What has changed since the earlier state, in the order of the names. `peel` tells what a tag leads to.
    pub(crate) fn changes(&self, peel: impl Fn(&ObjectId) -> Option<ObjectId>) -> Vec<RefChangedTo> {
        let now = |name: &[u8]| match self.loose.binary_search_by(|(other, ..)| other[..].cmp(name)) {
            Err(_) => self.packed.find(name).cloned(),
            Ok(index) => {
                let (_, object, peeled) = &self.loose[index];
                let as_packed = self.packed_with(name, object).cloned();
                Some(as_packed.unwrap_or_else(|| {
                    let peeled = if *peeled == Peeled::NoTag { None } else { peel(object) };
                    let info = PeelInfo { peeled, symbolic_target: None };
                    SnapshotRef::new(name.to_owned(), object.clone(), info)
                }))
            }
        };
        let changes = self.touched.iter().map(|name| (name.clone(), now(name)));
        let is_news = |(name, now): &RefChangedTo| {
            let said = |found: &SnapshotRef| (found.object().clone(), found.peeled().cloned());
            self.earlier.find(name).map(said) != now.as_ref().map(said)
        };
        changes.filter(is_news).collect()
    }

    /// The earlier state.
    pub(crate) fn earlier(&self) -> &RefSnapshot {
        &self.earlier
    }

    /// Which hash names objects.
    pub(crate) fn format(&self) -> ObjectFormat {
        self.format
    }

    /// What the next reading is told.
    pub(crate) fn into_layers(self) -> Layers {
        let Self { packed, signs, format, loose, .. } = self;
        Layers { packed, signs, format, loose: loose.into_iter().map(|(name, ..)| name).collect() }
    }
}

/// What the packed file says, and its signs if it may be known by them again; `None` for a small one, and one that leaves
/// questions open.
fn read_packed_layer(
    place: &Path,
    format: ObjectFormat,
    known: Option<&Layers>,
) -> Result<Option<(RefSnapshot, Option<FileSigns>)>, NotRead> {
    let unreadable = |error: io::Error| NotRead::of(place, error, "packed-refs cannot be read");
    let mut file = match File::open(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(unreadable)?,
    };
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.len() < LARGE_PACKED_BYTES {
        return Ok(None);
    }
    let signs = FileSigns::of(&metadata);
    if let Some(known) = known.filter(|known| known.signs == Some(signs)) {
        return Ok(Some((known.packed.clone(), Some(signs))));
    }
    let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.read_to_end(&mut content).map_err(unreadable)?;
    let changed = known.and_then(|known| {
        let changes = changes_of_packed(&content, format, &known.packed)?;
        Some(known.packed.with_changes(changes, Advertised::default()))
    });
    let packed = match changed {
        Some(packed) => packed,
        None => {
            let Some(refs) = told_refs(parse_packed(&content, format)?) else { return Ok(None) };
            RefSnapshot::new(refs, Advertised::default())
        }
    };
    Ok(Some((packed, is_settled(&metadata).then_some(signs))))
}

/// The references of a file that tells of each what it is.
fn told_refs(packed: Vec<Raw>) -> Option<Vec<SnapshotRef>> {
    let told = packed.into_iter().map(|Raw { name, target, peeled }| {
        let Target::Object(object) = target else { return None };
        let peeled = match peeled {
            Peeled::Unknown => return None,
            Peeled::NoTag => None,
            Peeled::To(peeled) => Some(peeled),
        };
        Some(SnapshotRef::new(name, object, PeelInfo { peeled, symbolic_target: None }))
    });
    told.collect()
}

/// What a packed file says that is not among these references; `None` for a file that `git` writes otherwise.
fn changes_of_packed(content: &[u8], format: ObjectFormat, known: &RefSnapshot) -> Option<Vec<RefChangedTo>> {
    let header_end = content.iter().position(|byte| *byte == b'\n')? + 1;
    let (header, mut rest) = content.split_at(header_end);
    let traits = header.strip_prefix(PACKED_HEADER)?;
    if !has_trait(traits, b"fully-peeled") || !has_trait(traits, b"sorted") {
        return None;
    }
    let mut changes = Vec::new();
    let mut known = known.refs().peekable();
    let mut last: &[u8] = b"";
    while !rest.is_empty() {
        if let Some(after) = known.peek().and_then(|found| after_lines_of(rest, found)) {
            rest = after;
            last = known.next().map_or(last, SnapshotRef::name);
            continue;
        }
        let (name, object, peeled) = take_packed(&mut rest, format)?;
        if name <= last || fault_of(name).is_some() {
            return None;
        }
        last = name;
        if is_internal(name) {
            continue;
        }
        while let Some(gone) = known.next_if(|found| found.name() < name) {
            changes.push((gone.name().to_owned(), None));
        }
        known.next_if(|found| found.name() == name);
        let info = PeelInfo { peeled, symbolic_target: None };
        changes.push((name.to_owned(), Some(SnapshotRef::new(name.to_owned(), object, info))));
    }
    changes.extend(known.map(|gone| (gone.name().to_owned(), None)));
    Some(changes)
}

/// What follows if the file begins with what is known of this reference.
fn after_lines_of<'a>(rest: &'a [u8], found: &SnapshotRef) -> Option<&'a [u8]> {
    let rest = rest.strip_prefix(found.object().as_bytes())?.strip_prefix(b" ")?;
    let rest = rest.strip_prefix(found.name())?.strip_prefix(b"\n")?;
    match found.peeled() {
        Some(peeled) => rest.strip_prefix(b"^")?.strip_prefix(peeled.as_bytes())?.strip_prefix(b"\n"),
        None => Some(rest).filter(|rest| rest.first() != Some(&b'^')),
    }
}

/// Takes a reference from the beginning of the file, with what it leads to in the end.
fn take_packed<'a>(
    rest: &mut &'a [u8],
    format: ObjectFormat,
) -> Option<(&'a [u8], ObjectId, Option<ObjectId>)> {
    let line = take_line(rest)?;
    let (hex, name) = line.split_at_checked(format.hex_len())?;
    let object = object_of(hex, format).ok()?;
    let mut peeled = None;
    if rest.first() == Some(&b'^') {
        peeled = Some(object_of(&take_line(rest)?[1..], format).ok()?);
    }
    Some((name.strip_prefix(b" ")?, object, peeled))
}

fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let content = *rest;
    let end = content.iter().position(|byte| *byte == b'\n')?;
    *rest = &content[end + 1..];
    Some(&content[..end])
}

/// Whether no other file can look the same.
fn is_settled(file: &Metadata) -> bool {
    let written = file.modified().ok();
    let age = written.and_then(|written| SystemTime::now().duration_since(written).ok());
    age.is_some_and(|age| age > SETTLED_AFTER)
}
