//! The list of references that another server sends, in version 2 of the protocol.
//!
//! Read strictly: a reference that is missing from the list is deleted by whoever follows that server. Anything that is
//! not exactly a whole list is an error, and no other version or protocol is tried in its place.

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
    #[error("{0} bytes follow its end")]
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
    /// Reads the answer to `GET info/refs?service=git-upload-pack`.
    pub fn read(answer: &[u8]) -> Result<Self, RemoteListError> {
        let mut packets = Packets(answer);
        let mut line = packets.line("the version of the protocol")?;
        if let Some(service) = line.strip_prefix(b"# service=") {
            if service != GitService::UploadPack.name().as_bytes() {
                return Err(RemoteListError::OtherService(RequestError::quoted(service)));
            }
            if packets.line_or_flush("a flush after the service")?.is_some() {
                return Err(RemoteListError::UnexpectedPacket("a flush after the service"));
            }
            line = packets.line("the version of the protocol")?;
        }
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
                    found.object_format = match value {
                        b"sha1" => ObjectFormat::Sha1,
                        b"sha256" => ObjectFormat::Sha256,
                        _ => return Err(RemoteListError::UnknownObjectFormat(RequestError::quoted(value))),
                    };
                }
                _ => {}
            }
        }
        Err(RemoteListError::LimitExceeded { limited: "capabilities", limit: MAX_CAPABILITIES })
    }

    /// The body of `POST git-upload-pack` that asks for every reference.
    pub fn ls_refs_request(&self) -> Vec<u8> {
        let mut request = Vec::new();
        push_packet(&mut request, &[b"command=ls-refs\n"]);
        if self.names_format {
            let format = self.object_format.as_str().as_bytes();
            push_packet(&mut request, &[b"object-format=", format, b"\n"]);
        }
        request.extend_from_slice(b"0001");
        push_packet(&mut request, &[b"symrefs\n"]);
        if self.unborn {
            push_packet(&mut request, &[b"unborn\n"]);
        }
        push_flush(&mut request);
        request
    }

    /// Reads the answer to that request: all references but those in our internal namespace, and what `HEAD` names if
    /// that is told.
    pub fn read_refs(&self, answer: &[u8]) -> Result<RefSnapshot, RemoteListError> {
        let mut packets = Packets(answer);
        let (mut head, mut listed) = (None, Vec::new());
        while let Some(line) = packets.line_or_flush("a reference or a flush")? {
            match self.read_line(line)? {
                Listed::Head(_) if head.is_some() => {
                    return Err(RemoteListError::Conflict("HEAD".to_owned()));
                }
                Listed::Head(found) => head = Some(found),
                Listed::Internal => {}
                Listed::Reference(..) if listed.len() == MAX_LISTED_REFS => {
                    return Err(RemoteListError::LimitExceeded {
                        limited: "references",
                        limit: MAX_LISTED_REFS,
                    });
                }
                Listed::Reference(name, object) => listed.push((name, object)),
            }
        }
        packets.at_end()?;
        self.snapshot(head, listed)
    }

    fn read_line<'a>(&self, line: &'a [u8]) -> Result<Listed<'a>, RemoteListError> {
        let wrong = |problem| RemoteListError::Line { line: RequestError::quoted(line), problem };
        let mut words = line.split(|byte| *byte == b' ');
        let object = words.next().unwrap_or_default();
        let name = words.next().ok_or_else(|| wrong("it has no name"))?;
        let mut target = None;
        for word in words {
            if let Some(found) = word.strip_prefix(b"symref-target:") {
                target = Some(found);
            } else if !word.starts_with(b"peeled:") {
                return Err(wrong("it has an attribute that is not known"));
            }
        }
        if object == b"unborn" {
            let target =
                target.filter(|_| name == b"HEAD").ok_or_else(|| wrong("only HEAD can be unborn"))?;
            return Ok(Listed::Head(Head::Symbolic { target: target.into(), object: None }));
        }
        let object = ObjectId::from_hex(object)
            .filter(|object| object.format() == self.object_format && !object.is_zero())
            .ok_or_else(|| wrong("it does not begin with the name of an object"))?;
        if name == b"HEAD" {
            return Ok(Listed::Head(match target {
                Some(target) => Head::Symbolic { target: target.into(), object: Some(object) },
                None => Head::Detached(object),
            }));
        }
        match fault_of(name) {
            Some(fault) => Err(wrong(fault)),
            None if name.starts_with(INTERNAL_NAMESPACE.as_bytes()) => Ok(Listed::Internal),
            None => Ok(Listed::Reference(name, object)),
        }
    }

    fn snapshot(
        &self,
        head: Option<Head>,
        mut listed: Vec<(&[u8], ObjectId)>,
    ) -> Result<RefSnapshot, RemoteListError> {
        listed.sort_unstable_by_key(|(name, _)| *name);
        if let Some(name) = first_conflict(&listed) {
            return Err(RemoteListError::Conflict(RequestError::quoted(name)));
        }
        let refs = listed
            .into_iter()
            .map(|(name, object)| SnapshotRef::new(name.to_owned(), object, PeelInfo::default()));
        let format = Some(self.object_format);
        Ok(RefSnapshot::new(refs.collect(), Advertised { head, format, ..Advertised::default() }))
    }
}

/// What one line tells.
enum Listed<'a> {
    Head(Head),
    /// A reference of the other server's own.
    Internal,
    Reference(&'a [u8], ObjectId),
}

/// The first name, in a sorted list, that is there twice or is a folder of another one.
fn first_conflict<'a>(listed: &[(&'a [u8], ObjectId)]) -> Option<&'a [u8]> {
    let is_listed = |name: &[u8]| listed.binary_search_by_key(&name, |(listed, _)| *listed).is_ok();
    let twice = listed.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0);
    twice.or_else(|| {
        let has_folder = |name: &[u8]| {
            let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(index, _)| index);
            // The first two parts are "refs/" and a folder that is no reference.
            slashes.skip(1).any(|slash| is_listed(&name[..slash]))
        };
        listed.iter().map(|(name, _)| *name).find(|name| has_folder(name))
    })
}

/// What has not been read yet of an answer.
struct Packets<'a>(&'a [u8]);

impl<'a> Packets<'a> {
    /// The next line, without the line break at its end; `None` for a flush.
    fn line_or_flush(&mut self, expected: &'static str) -> Result<Option<&'a [u8]>, RemoteListError> {
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

    fn line(&mut self, expected: &'static str) -> Result<&'a [u8], RemoteListError> {
        self.line_or_flush(expected)?.ok_or(RemoteListError::UnexpectedPacket(expected))
    }

    fn at_end(&self) -> Result<(), RemoteListError> {
        match self.0.len() {
            0 => Ok(()),
            length => Err(RemoteListError::Trailing(length)),
        }
    }
}

#[cfg(test)]
#[path = "remote_list_tests.rs"]
mod tests;
