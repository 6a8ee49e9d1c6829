//! Reading references and `HEAD` from the files of a repository, without a process.
//!
//! Loose references are read before `packed-refs`, as `git` does: packing writes the packed file first and removes
//! the loose ones then, so that in this order no reference can slip through between the two.
//!
//! Whatever is not plainly in order (a damaged file, a name `git` would refuse, another way of storing references)
//! is [`NotUnderstood`], and `git` is asked instead: what is damage, and what is merely skipped, is its decision. It is
//! not asked about what the system does not let us read: `git` would call that a broken reference.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use heliostat_git_wire::{INTERNAL_NAMESPACE, ObjectFormat, ObjectId, fault_of};

use super::layers::{LayeredState, ReadRefs, read_layers};
use crate::process::is_about_content;

/// How many symbolic references may follow each other, as in `git`.
const MAX_SYMBOLIC_DEPTH: usize = 5;

/// What the first line of `packed-refs` starts with.
pub(super) const PACKED_HEADER: &[u8] = b"# pack-refs with:";

const UNREADABLE_FOLDER: &str = "a folder of references cannot be read";

/// These files cannot be read here with certainty; the text says why, for people who look into it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotUnderstood(pub(crate) &'static str);

/// Why the files say nothing.
#[derive(Debug)]
pub(crate) enum NotRead {
    NotUnderstood(NotUnderstood),
    /// `git` would take it, but it never writes such a file: this is what a power failure leaves.
    Damaged(&'static str),
    /// The system does not let us read this file now.
    Refused(PathBuf, io::Error),
}

impl From<NotUnderstood> for NotRead {
    fn from(reason: NotUnderstood) -> Self {
        Self::NotUnderstood(reason)
    }
}

impl NotRead {
    /// What a failure to read this file means.
    pub(super) fn of(file: &Path, error: io::Error, reason: &'static str) -> Self {
        if is_about_content(&error) {
            Self::NotUnderstood(NotUnderstood(reason))
        } else {
            Self::Refused(file.to_owned(), error)
        }
    }
}

/// Everything about the references of a repository at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StoredRefs {
    pub(crate) format: ObjectFormat,
    pub(crate) head: StoredHead,
    /// In the order of their names, each once, without our internal ones.
    pub(crate) refs: Vec<StoredRef>,
    /// Whether some commits lack their parents.
    pub(crate) is_shallow: bool,
}

/// One reference. Its name need not be text, but `git` accepts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRef {
    pub(crate) name: Vec<u8>,
    pub(crate) object: ObjectId,
    /// The reference that this one stands for, when it is a symbolic one.
    pub(crate) symbolic_target: Option<Box<[u8]>>,
    pub(crate) peeled: Peeled,
}

/// What a reference to an annotated tag leads to in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peeled {
    /// Only the object can tell.
    Unknown,
    /// It is no annotated tag.
    NoTag,
    /// This object.
    To(ObjectId),
}

/// What `HEAD` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoredHead {
    /// The reference that it stands for in the end, which need not exist.
    Symbolic(Vec<u8>),
    Detached(ObjectId),
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Reading {
    /// All of them.
    Whole(StoredRefs),
    /// What leads to them from an earlier state; symbolic ones are not among them.
    Layered { state: LayeredState, head: StoredHead, is_shallow: bool },
}

/// Reads all references, or what has changed since they were read. Blocks.
pub(crate) fn read_refs(repository: &Path, known: Option<&ReadRefs>) -> Result<Reading, NotRead> {
    let format = read_format(repository)?;
    let head = read_one(&repository.join("HEAD"), format)?.ok_or(NotUnderstood("there is no HEAD"))?;
    look_for_objects(repository)?;
    let loose = read_loose(repository, format)?;
    let is_shallow = || fs::metadata(repository.join("shallow")).is_ok_and(|file| file.len() > 0);
    if let Some(head) = StoredHead::of_plain(&head)
        && let Some(state) = read_layers(repository, format, &loose, known)?
    {
        return Ok(Reading::Layered { state, head, is_shallow: is_shallow() });
    }
    let packed = read_packed(repository, format)?;
    let merged = merge(loose, packed);
    let head = match head {
        Target::Object(object) => StoredHead::Detached(object),
        Target::Reference(name) => StoredHead::Symbolic(resolve(&merged, name)?.0),
    };
    let is_shallow = is_shallow();
    Ok(Reading::Whole(StoredRefs { format, head, refs: resolve_all(merged)?, is_shallow }))
}

impl StoredHead {
    /// What `HEAD` says where no reference is a symbolic one.
    fn of_plain(head: &Target) -> Option<Self> {
        match head {
            Target::Object(object) => Some(Self::Detached(object.clone())),
            Target::Reference(name) => (!is_internal(name)).then(|| Self::Symbolic(name.clone())),
        }
    }
}

/// Reads only `HEAD`, when no reference needs to be followed for it. Blocks.
pub(crate) fn read_head(repository: &Path) -> Result<StoredHead, NotRead> {
    let format = read_format(repository)?;
    look_for_objects(repository)?;
    match read_one(&repository.join("HEAD"), format)?.ok_or(NotUnderstood("there is no HEAD"))? {
        Target::Object(object) => Ok(StoredHead::Detached(object)),
        Target::Reference(name) => {
            let file = repository.join(os_str(&name));
            match read_one(&file, format) {
                Ok(Some(Target::Reference(_))) => {
                    Err(NotUnderstood("HEAD names a symbolic reference").into())
                }
                _ => Ok(StoredHead::Symbolic(name)),
            }
        }
    }
}

fn look_for_objects(repository: &Path) -> Result<(), NotRead> {
    let folder = repository.join("objects");
    match fs::metadata(&folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(NotUnderstood("there is no folder of objects").into()),
        Err(error) => Err(NotRead::of(&folder, error, "there is no folder of objects")),
    }
}

/// Which hash names the objects. The configuration of our repositories is written by `git init`; anything else in it
/// that would change where references lie is not understood.
pub(crate) fn read_format(repository: &Path) -> Result<ObjectFormat, NotRead> {
    let file = repository.join("config");
    let config = fs::read_to_string(&file)
        .map_err(|error| NotRead::of(&file, error, "the configuration cannot be read"))?;
    let mut format = ObjectFormat::Sha1;
    let mut in_extensions = false;
    for line in config.lines().map(|line| line.trim().to_ascii_lowercase()) {
        if line.ends_with('\\') || line.starts_with("[include") {
            return Err(NotUnderstood("the configuration needs a full reader").into());
        }
        if line.starts_with('[') {
            in_extensions = line.starts_with("[extensions");
            if in_extensions && line != "[extensions]" {
                return Err(NotUnderstood("the extensions need a full reader").into());
            }
        } else if in_extensions && !line.is_empty() && !line.starts_with(['#', ';']) {
            let (key, value) = line.split_once('=').unwrap_or((&line, "true"));
            match (key.trim(), value.trim()) {
                ("objectformat", "sha1") => format = ObjectFormat::Sha1,
                ("objectformat", "sha256") => format = ObjectFormat::Sha256,
                ("refstorage", "files") | ("partialclone" | "preciousobjects", _) => {}
                _ => return Err(NotUnderstood("there is an extension that may change references").into()),
            }
        }
    }
    Ok(format)
}

/// What one file or line says.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Object(ObjectId),
    Reference(Vec<u8>),
}

/// A reference before symbolic ones are followed.
pub(super) struct Raw {
    pub(super) name: Vec<u8>,
    pub(super) target: Target,
    pub(super) peeled: Peeled,
}

/// Reads a loose reference; `None` when there is no such file.
fn read_one(file: &Path, format: ObjectFormat) -> Result<Option<Target>, NotRead> {
    let content = match fs::read(file) {
        Err(error) if is_absence(&error) => return Ok(None),
        content => content.map_err(|error| NotRead::of(file, error, "a reference cannot be read"))?,
    };
    if let Some(name) = content.strip_prefix(b"ref:") {
        let name = name.trim_ascii();
        return match fault_of(name) {
            None => Ok(Some(Target::Reference(name.to_owned()))),
            Some(_) => Err(NotUnderstood("a symbolic reference names none").into()),
        };
    }
    let (hex, rest) = content.split_at_checked(format.hex_len()).unwrap_or((&content, b""));
    match ObjectId::from_hex(hex) {
        Some(object) if !object.is_zero() && rest.first().is_none_or(u8::is_ascii_whitespace) => {
            Ok(Some(Target::Object(object)))
        }
        _ => Err(NotUnderstood("a reference is damaged").into()),
    }
}

/// All files below `refs/`, in the order of their names.
fn read_loose(repository: &Path, format: ObjectFormat) -> Result<Vec<Raw>, NotRead> {
    let mut found = Vec::new();
    let mut folders = vec![(repository.join("refs"), b"refs/".to_vec())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            // Git removes folders that have become empty.
            Err(error) if is_absence(&error) && prefix != b"refs/" => continue,
            entries => entries.map_err(|error| NotRead::of(&folder, error, UNREADABLE_FOLDER))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| NotRead::of(&folder, error, UNREADABLE_FOLDER))?;
            let part = std::os::unix::ffi::OsStringExt::into_vec(entry.file_name());
            let kind = entry.file_type();
            let kind =
                kind.map_err(|error| NotRead::of(&entry.path(), error, "a reference cannot be looked at"))?;
            // What git skips: its own temporary files and locks.
            if part.starts_with(b".") || part.ends_with(b".lock") {
                continue;
            }
            let mut name = [&prefix[..], &part].concat();
            if is_internal(&name) {
                continue;
            }
            if kind.is_dir() {
                name.push(b'/');
                folders.push((entry.path(), name));
            } else if !kind.is_file() {
                return Err(NotUnderstood("a reference is no file").into());
            } else if fault_of(&name).is_some() {
                return Err(NotUnderstood("a file below refs/ has a name that no reference has").into());
            } else if let Some(target) = read_one(&entry.path(), format)? {
                let peeled = peeled_by_place(&name);
                found.push(Raw { name, target, peeled });
            }
        }
    }
    found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The lines of `packed-refs`, in the order of their names.
fn read_packed(repository: &Path, format: ObjectFormat) -> Result<Vec<Raw>, NotRead> {
    let file = repository.join("packed-refs");
    match fs::read(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(NotRead::of(&file, error, "packed-refs cannot be read")),
        Ok(content) if content.is_empty() => Err(NotRead::Damaged("packed-refs is empty")),
        Ok(content) => Ok(parse_packed(&content, format)?),
    }
}

pub(super) fn parse_packed(content: &[u8], format: ObjectFormat) -> Result<Vec<Raw>, NotUnderstood> {
    let hex_len = format.hex_len();
    let (traits, body) = match content.strip_prefix(PACKED_HEADER) {
        None => (&b""[..], content),
        Some(rest) => {
            rest.split_at(rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1))
        }
    };
    let (all_peeled, tags_peeled) = (has_trait(traits, b"fully-peeled"), has_trait(traits, b"peeled"));
    let Some(body) = body.strip_suffix(b"\n").or(body.is_empty().then_some(body)) else {
        return Err(NotUnderstood("packed-refs ends within a line"));
    };
    let mut found: Vec<Raw> = Vec::with_capacity(body.len() / (hex_len + 24));
    // A peeled line belongs to the reference before it, which may have been an internal one that is not kept.
    let mut last_is_kept = false;
    for line in body.split(|byte| *byte == b'\n').filter(|_| !body.is_empty()) {
        if let Some(hex) = line.strip_prefix(b"^") {
            let object = object_of(hex, format)?;
            if let Some(last) = found.last_mut().filter(|_| last_is_kept) {
                last.peeled = Peeled::To(object);
            }
            continue;
        }
        let Some((hex, [b' ', name @ ..])) = line.split_at_checked(hex_len) else {
            return Err(NotUnderstood("packed-refs has a damaged line"));
        };
        let object = object_of(hex, format)?;
        if fault_of(name).is_some() {
            return Err(NotUnderstood("packed-refs has a name that no reference has"));
        }
        last_is_kept = !is_internal(name);
        if last_is_kept {
            let is_known = all_peeled || (tags_peeled && name.starts_with(b"refs/tags/"));
            let peeled = if is_known { Peeled::NoTag } else { peeled_by_place(name) };
            found.push(Raw { name: name.to_owned(), target: Target::Object(object), peeled });
        }
    }
    if !found.is_sorted_by(|one, next| one.name < next.name) {
        found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        if !found.is_sorted_by(|one, next| one.name < next.name) {
            return Err(NotUnderstood("packed-refs has a name twice"));
        }
    }
    Ok(found)
}

/// Whether the first line promises this of the others.
pub(super) fn has_trait(traits: &[u8], name: &[u8]) -> bool {
    traits.trim_ascii().split(|byte| *byte == b' ').any(|word| word == name)
}

pub(super) fn object_of(hex: &[u8], format: ObjectFormat) -> Result<ObjectId, NotUnderstood> {
    let object = ObjectId::from_hex(hex).filter(|object| object.format() == format && !object.is_zero());
    object.ok_or(NotUnderstood("packed-refs has a damaged line"))
}

/// Both in the order of their names; of two with one name the loose one counts.
fn merge(loose: Vec<Raw>, packed: Vec<Raw>) -> Vec<Raw> {
    if loose.is_empty() {
        return packed;
    }
    let mut merged = Vec::with_capacity(loose.len() + packed.len());
    let (mut loose, mut packed) = (loose.into_iter().peekable(), packed.into_iter().peekable());
    loop {
        let next = match (loose.peek(), packed.peek()) {
            (None, None) => return merged,
            (Some(one), Some(other)) if one.name == other.name => {
                let (mut one, other) = (loose.next(), packed.next());
                if let (Some(one), Some(other)) = (&mut one, other)
                    && matches!((&one.target, &other.target), (Target::Object(a), Target::Object(b)) if a == b)
                {
                    one.peeled = other.peeled;
                }
                one
            }
            (Some(one), Some(other)) if one.name > other.name => packed.next(),
            (None, Some(_)) => packed.next(),
            (Some(_), _) => loose.next(),
        };
        merged.extend(next);
    }
}

/// Follows symbolic references; those that lead nowhere are left out, as `git` does.
fn resolve_all(raw: Vec<Raw>) -> Result<Vec<StoredRef>, NotUnderstood> {
    let symbolic = raw.iter().filter_map(|reference| match &reference.target {
        Target::Reference(target) => Some(resolve(&raw, target.clone())),
        Target::Object(_) => None,
    });
    let mut followed = symbolic.collect::<Result<Vec<_>, _>>()?.into_iter();
    let mut resolved = Vec::with_capacity(raw.len());
    for Raw { name, target, peeled } in raw {
        match target {
            Target::Object(object) => {
                resolved.push(StoredRef { name, object, symbolic_target: None, peeled });
            }
            Target::Reference(_) => {
                if let Some((target, Some((object, peeled)))) = followed.next() {
                    let symbolic_target = Some(target.into());
                    resolved.push(StoredRef { name, object, symbolic_target, peeled });
                }
            }
        }
    }
    Ok(resolved)
}

type Found = Option<(ObjectId, Peeled)>;

/// The reference at the end of a chain of symbolic ones, and what it holds if it exists.
fn resolve(raw: &[Raw], mut name: Vec<u8>) -> Result<(Vec<u8>, Found), NotUnderstood> {
    // The one that led here was the first.
    for _ in 1..MAX_SYMBOLIC_DEPTH {
        if is_internal(&name) {
            return Err(NotUnderstood("a symbolic reference names an internal one"));
        }
        match raw.binary_search_by(|reference| reference.name.cmp(&name)) {
            Err(_) => return Ok((name, None)),
            Ok(index) => match &raw[index].target {
                Target::Object(object) => {
                    return Ok((name, Some((object.clone(), raw[index].peeled.clone()))));
                }
                Target::Reference(next) => name.clone_from(next),
            },
        }
    }
    Err(NotUnderstood("symbolic references go round in circles"))
}

/// Git lets a branch be nothing but a commit.
fn peeled_by_place(name: &[u8]) -> Peeled {
    if name.starts_with(b"refs/heads/") { Peeled::NoTag } else { Peeled::Unknown }
}

/// Our own references, which no client sees.
pub(super) fn is_internal(name: &[u8]) -> bool {
    let namespace = INTERNAL_NAMESPACE.as_bytes();
    name.starts_with(namespace) || namespace.strip_suffix(b"/") == Some(name)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

fn os_str(bytes: &[u8]) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}
