//! The list of references that another server sends, in version 2 of the protocol.
//!
//! Read strictly: a reference that is missing from the list is deleted by all who follow that server. Anything that is
//! not exactly a whole list is an error, and no other version or protocol is tried in its place.
//!
//! A list is asked for in two ways: what references name, which is all that a mirror needs to follow; or as clients are
//! shown it, with what tags lead to and what symbolic references stand for.

use thiserror::Error;

use crate::names::{INTERNAL_NAMESPACE, ObjectFormat, ObjectId, fault_of};
use crate::packets::{
    GitService, PacketLine, PacketLineError, RequestError, decode_packet, push_flush, push_packet,
};
use crate::refs::{Advertised, Head, MAX_LISTED_REFS, PeelInfo, RefSnapshot, SnapshotRef};

/// Most capabilities that a server may announce; git has ten.
const MAX_CAPABILITIES: usize = 1_024;

/// Why what a server sent is not its list of references.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RemoteListError {
    /// The framing is broken.
    #[error(transparent)]
    Framing(#[from] PacketLineError),
    /// It ends before it is complete.
    #[error("it ends where {0} was expected")]
    Truncated(&'static str),
    /// A packet stands where another one belongs.
    #[error("there is another packet where {0} was expected")]
    UnexpectedPacket(&'static str),
    /// It says why it does not answer.
    #[error("it says: {0}")]
    Refused(String),
    /// It speaks of another service.
    #[error("it answers for another service: {0:?}")]
    OtherService(String),
    /// It does not speak version 2.
    #[error("it does not speak version 2 of the protocol, but says {0:?}")]
    OtherVersion(String),
    /// It lacks something that is needed.
    #[error("it does not offer the capability {0}")]
    Lacks(&'static str),
    /// It names objects by a hash that is not known here.
    #[error("it names objects by {0:?}, which is not known here")]
    UnknownObjectFormat(String),
    /// A line is none of a list.
    #[error("the line {line:?} is no reference: {problem}")]
    Line {
        /// The line.
        line: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Two references cannot be at once.
    #[error("it lists {0:?} twice, or together with a name below it")]
    Conflict(String),
    /// Something comes after the end.
    #[error("something follows its end, of the length {0}")]
    Trailing(usize),
    /// There is more than can be handled.
    #[error("it has more than {limit} {limited}")]
    LimitExceeded {
        /// What there is too much of.
        limited: &'static str,
        /// How much is allowed.
        limit: usize,
    },
}

/// What a server offers to those who list its references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteCapabilities {
    /// How it names objects.
    pub object_format: ObjectFormat,
    /// Whether it has said so itself, and may be told the same.
    names_format: bool,
    /// Whether it tells what `HEAD` names even when that does not exist yet.
    unborn: bool,
}

impl RemoteCapabilities {
    /// Those with which a list was written down that is read again.
    pub fn of_kept_list(object_format: ObjectFormat) -> Self {
        Self { object_format, names_format: true, unborn: true }
    }

    /// Reads the answer to `GET info/refs?service=git-upload-pack`.
    pub fn read(answer: &[u8]) -> Result<Self, RemoteListError> {
        let mut packets = Packets(answer);
        packets.skip_service()?;
        let line = packets.line("the version of the protocol")?;
        if line != b"version 2" {
            return Err(RemoteListError::OtherVersion(RequestError::quoted(line)));
        }
        let mut found = Self { object_format: ObjectFormat::Sha1, names_format: false, unborn: false };
        let (mut lists, mut fetches) = (false, false);
        for _ in 0..=MAX_CAPABILITIES {
            let Some(line) = packets.line_or_flush("a capability or a flush")? else {
                packets.at_end()?;
                return match (lists, fetches) {
                    (true, true) => Ok(found),
                    (false, _) => Err(RemoteListError::Lacks("ls-refs")),
                    (true, false) => Err(RemoteListError::Lacks("fetch")),
                };
            };
            let (name, value) = match line.iter().position(|byte| *byte == b'=') {
                Some(index) => (&line[..index], &line[index + 1..]),
                None => (line, &b""[..]),
            };
            match name {
                b"ls-refs" => {
                    lists = true;
                    found.unborn = value.split(|byte| *byte == b' ').any(|word| word == b"unborn");
                }
                b"fetch" => fetches = true,
                b"object-format" => {
                    found.names_format = true;
                    found.object_format = ObjectFormat::named(value)
                        .ok_or_else(|| RemoteListError::UnknownObjectFormat(RequestError::quoted(value)))?;
                }
                _ => {}
            }
        }
        Err(RemoteListError::LimitExceeded { limited: "capabilities", limit: MAX_CAPABILITIES })
    }

    /// The body of `POST git-upload-pack` that asks for every reference.
    pub fn ls_refs_request(&self) -> Vec<u8> {
        self.request(Detail::Objects, &[])
    }

    /// The same that asks for all that clients are shown of them, and for those only that begin so, if there are such
    /// beginnings. A server may answer more.
    pub fn ls_refs_request_as_shown(&self, prefixes: &[Vec<u8>]) -> Vec<u8> {
        self.request(Detail::AsShown, prefixes)
    }

    fn request(&self, detail: Detail, prefixes: &[Vec<u8>]) -> Vec<u8> {
        let mut request = Vec::new();
        push_packet(&mut request, &[b"command=ls-refs\n"]);
        if self.names_format {
            let format = self.object_format.as_str().as_bytes();
            push_packet(&mut request, &[b"object-format=", format, b"\n"]);
        }
        request.extend_from_slice(b"0001");
        push_packet(&mut request, &[b"symrefs\n"]);
        if detail == Detail::AsShown {
            push_packet(&mut request, &[b"peel\n"]);
        }
        if self.unborn {
            push_packet(&mut request, &[b"unborn\n"]);
        }
        for prefix in prefixes {
            push_packet(&mut request, &[b"ref-prefix ", &prefix[..], b"\n"]);
        }
        push_flush(&mut request);
        request
    }

    /// Reads the answer to that request: all references but those in our internal namespace, and what `HEAD` names if
    /// that is told.
    pub fn read_refs(&self, answer: &[u8]) -> Result<RefSnapshot, RemoteListError> {
        self.read_list(answer, Detail::Objects)
    }

    /// Reads the answer to the request for all that clients are shown. A reference is left out whose name `git` refuses:
    /// its clients leave it out too.
    pub fn read_refs_as_shown(&self, answer: &[u8]) -> Result<RefSnapshot, RemoteListError> {
        self.read_list(answer, Detail::AsShown)
    }

    fn read_list(&self, answer: &[u8], detail: Detail) -> Result<RefSnapshot, RemoteListError> {
        let mut packets = Packets(answer);
        let (mut head, mut listed) = (None, ListedRefs::default());
        while let Some(line) = packets.line_or_flush("a reference or a flush")? {
            match self.read_line(line, detail)? {
                Listed::Head(_) if head.is_some() => {
                    return Err(RemoteListError::Conflict("HEAD".to_owned()));
                }
                Listed::Head(found) => head = Some(found),
                Listed::LeftOut => {}
                Listed::Reference(found) => listed.push(found)?,
            }
        }
        packets.at_end()?;
        listed.snapshot(head, self.object_format)
    }

    fn read_line(&self, line: &[u8], detail: Detail) -> Result<Listed, RemoteListError> {
        let wrong = |problem| RemoteListError::Line { line: RequestError::quoted(line), problem };
        let mut words = line.split(|byte| *byte == b' ');
        let object = words.next().unwrap_or_default();
        let name = words.next().ok_or_else(|| wrong("it has no name"))?;
        let (mut target, mut peeled) = (None, None);
        for word in words {
            if let Some(found) = word.strip_prefix(b"symref-target:") {
                target = Some(found);
            } else if let Some(found) = word.strip_prefix(b"peeled:") {
                peeled = Some(found);
            } else {
                return Err(wrong("it has an attribute that is not known"));
            }
        }
        if object == b"unborn" {
            let target =
                target.filter(|_| name == b"HEAD").ok_or_else(|| wrong("only HEAD can be unborn"))?;
            return Ok(Listed::Head(Head::Symbolic { target: target.into(), object: None }));
        }
        let named = |object: &[u8]| object_of(object, self.object_format);
        let object = named(object).ok_or_else(|| wrong("it does not begin with the name of an object"))?;
        if name == b"HEAD" {
            return Ok(Listed::Head(match target {
                Some(target) => Head::Symbolic { target: target.into(), object: Some(object) },
                None => Head::Detached(object),
            }));
        }
        let info = match detail {
            Detail::Objects => PeelInfo::default(),
            Detail::AsShown => {
                let peeled = peeled.map(|peeled| {
                    named(peeled).ok_or_else(|| wrong("what it leads to is not the name of an object"))
                });
                PeelInfo { peeled: peeled.transpose()?, symbolic_target: target.map(Into::into) }
            }
        };
        match fault_of(name) {
            Some(fault) if detail == Detail::Objects => Err(wrong(fault)),
            None if !name.starts_with(INTERNAL_NAMESPACE.as_bytes()) => {
                Ok(Listed::Reference(SnapshotRef::new(name.to_owned(), object, info)))
            }
            _ => Ok(Listed::LeftOut),
        }
    }
}

/// What is asked about each reference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// What it names.
    Objects,
    /// What it leads to and stands for, too.
    AsShown,
}

/// What one line tells.
enum Listed {
    Head(Head),
    /// A reference of the other server's own, or one that no mirror takes.
    LeftOut,
    Reference(SnapshotRef),
}

/// The references that were read so far.
#[derive(Default)]
pub(super) struct ListedRefs(Vec<SnapshotRef>);

impl ListedRefs {
    pub(super) fn push(&mut self, found: SnapshotRef) -> Result<(), RemoteListError> {
        if self.0.len() == MAX_LISTED_REFS {
            return Err(RemoteListError::LimitExceeded { limited: "references", limit: MAX_LISTED_REFS });
        }
        self.0.push(found);
        Ok(())
    }

    /// All of them together, which the other server has at once.
    pub(super) fn snapshot(
        mut self,
        head: Option<Head>,
        format: ObjectFormat,
    ) -> Result<RefSnapshot, RemoteListError> {
        self.0.sort_unstable_by(|one, other| one.name().cmp(other.name()));
        if let Some(name) = first_conflict(&self.0) {
            return Err(RemoteListError::Conflict(RequestError::quoted(name)));
        }
        Ok(RefSnapshot::new(self.0, Advertised { head, format: Some(format), ..Advertised::default() }))
    }
}

/// The object that this names by the hash of the repository.
pub(super) fn object_of(hex: &[u8], format: ObjectFormat) -> Option<ObjectId> {
    ObjectId::from_hex(hex).filter(|object| object.format() == format && !object.is_zero())
}

/// The first name, in a sorted list, that is there twice or is a folder of another one.
fn first_conflict(listed: &[SnapshotRef]) -> Option<&[u8]> {
    let is_listed = |name: &[u8]| listed.binary_search_by(|listed| listed.name().cmp(name)).is_ok();
    let twice = listed.windows(2).find(|pair| pair[0].name() == pair[1].name());
    twice.map(|pair| pair[0].name()).or_else(|| {
        let has_folder = |name: &[u8]| {
            let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(index, _)| index);
            // The first two parts are "refs/" and a folder that is no reference.
            slashes.skip(1).any(|slash| is_listed(&name[..slash]))
        };
        listed.iter().map(SnapshotRef::name).find(|name| has_folder(name))
    })
}

/// What has not been read yet of an answer.
pub(super) struct Packets<'a>(pub(super) &'a [u8]);

impl<'a> Packets<'a> {
    /// The next line, without the line break at its end; `None` for a flush.
    pub(super) fn line_or_flush(
        &mut self,
        expected: &'static str,
    ) -> Result<Option<&'a [u8]>, RemoteListError> {
        let (packet, length) = decode_packet(self.0)?.ok_or(RemoteListError::Truncated(expected))?;
        self.0 = &self.0[length..];
        match packet {
            PacketLine::Flush => Ok(None),
            PacketLine::Delimiter | PacketLine::ResponseEnd => {
                Err(RemoteListError::UnexpectedPacket(expected))
            }
            PacketLine::Data(line) => match line.strip_prefix(b"ERR ") {
                Some(reason) => Err(RemoteListError::Refused(RequestError::quoted(reason.trim_ascii()))),
                None => Ok(Some(line.strip_suffix(b"\n").unwrap_or(line))),
            },
        }
    }

    pub(super) fn line(&mut self, expected: &'static str) -> Result<&'a [u8], RemoteListError> {
        self.line_or_flush(expected)?.ok_or(RemoteListError::UnexpectedPacket(expected))
    }

    /// Over HTTP an answer may say first which service it is of.
    pub(super) fn skip_service(&mut self) -> Result<(), RemoteListError> {
        let begin = self.0;
        // Nothing but a line can tell of a service.
        let first = self.line_or_flush("the service or the version of the protocol")?;
        let Some(service) = first.and_then(|line| line.strip_prefix(b"# service=")) else {
            self.0 = begin;
            return Ok(());
        };
        if service != GitService::UploadPack.name().as_bytes() {
            return Err(RemoteListError::OtherService(RequestError::quoted(service)));
        }
        match self.line_or_flush("a flush after the service")? {
            None => Ok(()),
            Some(_) => Err(RemoteListError::UnexpectedPacket("a flush after the service")),
        }
    }

    pub(super) fn at_end(&self) -> Result<(), RemoteListError> {
        match self.0.len() {
            0 => Ok(()),
            length => Err(RemoteListError::Trailing(length)),
        }
    }
}

#[cfg(test)]
#[path = "remote_list_tests.rs"]
mod tests;
