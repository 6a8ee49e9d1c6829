//! The command `object-info` of protocol version 2: the sizes of objects, without the objects. Lines end as
//! `gitprotocol-v2` says; `git` itself leaves the line breaks out, and reads both.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::names::{ObjectFormat, ObjectId};
use crate::packets::{Command, PacketLine, PacketReader, RequestError, push_flush, push_packet};

/// Most objects that one request may ask about.
const MAX_OBJECTS: usize = 100_000;

/// What a client wants to know about which objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfoRequest {
    wants_size: bool,
    /// In the order in which they are answered; one may stand here more than once.
    objects: Vec<ObjectId>,
}

impl ObjectInfoRequest {
    /// Reads the arguments of the command.
    pub fn parse(command: &Command<'_>) -> Result<Self, RequestError> {
        let mut request = Self { wants_size: false, objects: Vec::new() };
        for argument in command.arguments() {
            let Some(name) = argument.strip_prefix(b"oid ") else {
                if argument != b"size" {
                    let argument = RequestError::quoted(argument);
                    return Err(RequestError::UnknownArgument { command: "object-info", argument });
                }
                request.wants_size = true;
                continue;
            };
            if request.objects.len() == MAX_OBJECTS {
                let limit = MAX_OBJECTS as u64;
                return Err(RequestError::LimitExceeded { limited: "objects to inform about", limit });
            }
            let object = std::str::from_utf8(name).ok().and_then(|name| ObjectId::parse(name).ok());
            let object = object.filter(|object| object.format() == command.object_format());
            let invalid = || RequestError::InvalidObjectId(RequestError::quoted(name));
            request.objects.push(object.ok_or_else(invalid)?);
        }
        Ok(request)
    }

    /// The objects whose sizes are needed for the answer, in its order.
    pub fn sized_objects(&self) -> &[ObjectId] {
        if self.wants_size { &self.objects } else { &[] }
    }

    /// The answer to these sizes, one for each object asked about; `None` for an object that is not here, whose name
    /// is then followed by a space and no size.
    pub fn answer(&self, sizes: &[Option<u64>]) -> Bytes {
        let mut output = Vec::new();
        if self.wants_size && !self.objects.is_empty() {
            push_packet(&mut output, &[b"size\n"]);
        }
        for (index, object) in self.objects.iter().enumerate() {
            let size = match sizes.get(index).copied().flatten() {
                _ if !self.wants_size => String::new(),
                None => " ".to_owned(),
                Some(size) => format!(" {size}"),
            };
            push_packet(&mut output, &[object.as_str().as_bytes(), size.as_bytes(), b"\n"]);
        }
        push_flush(&mut output);
        output.into()
    }

    /// The body of `POST git-upload-pack` that asks another server for the sizes of these, of which there is at least one.
    pub fn question(objects: &BTreeSet<ObjectId>) -> Vec<u8> {
        let mut request = Vec::new();
        push_packet(&mut request, &[b"command=object-info\n"]);
        // Servers from before there were two hashes do not know the word.
        if let Some(ObjectFormat::Sha256) = objects.first().map(ObjectId::format) {
            push_packet(&mut request, &[b"object-format=sha256\n"]);
        }
        request.extend_from_slice(b"0001");
        push_packet(&mut request, &[b"size\n"]);
        for object in objects {
            push_packet(&mut request, &[b"oid ", object.as_bytes(), b"\n"]);
        }
        push_flush(&mut request);
        request
    }

    /// The sizes in the answer to such a question; `None` if it is none.
    pub fn sizes_in(answer: &[u8]) -> Option<BTreeMap<ObjectId, u64>> {
        let mut packets = PacketReader::new(answer);
        let PacketLine::Data(b"size") = packets.next().ok()?? else { return None };
        let mut sizes = BTreeMap::new();
        loop {
            let line = match packets.next().ok()?? {
                PacketLine::Data(line) => std::str::from_utf8(line).ok()?,
                PacketLine::Flush => return Some(sizes),
                PacketLine::Delimiter | PacketLine::ResponseEnd => return None,
            };
            let (object, size) = line.split_once(' ').unwrap_or((line, ""));
            let object = ObjectId::parse(object).ok()?;
            if !size.is_empty() {
                sizes.insert(object, size.parse().ok()?);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::ObjectFormat;
    use crate::packets::spelled;

    fn parse(format: ObjectFormat, arguments: &[String]) -> Result<ObjectInfoRequest, RequestError> {
        let mut lines =
            vec!["command=object-info".to_owned(), format!("object-format={format}"), "|".to_owned()];
        lines.extend_from_slice(arguments);
        lines.push(".".to_owned());
        ObjectInfoRequest::parse(&Command::read(&spelled(&lines))?.expect("a command"))
    }

    #[test]
    fn another_server_is_asked_and_its_answer_read() {
        let [here, absent] = ["12", "34"].map(|pair| ObjectId::parse(pair.repeat(20)).expect("hex"));
        let objects = BTreeSet::from([here.clone(), absent.clone()]);
        let question = ObjectInfoRequest::question(&objects);
        let command = Command::read(&question).expect("framed").expect("a command");
        let request = ObjectInfoRequest::parse(&command).expect("what is offered");
        assert!(request.sized_objects().iter().eq(&objects));
        let answer = request.answer(&[Some(5), None]);
        assert_eq!(ObjectInfoRequest::sizes_in(&answer), Some(BTreeMap::from([(here.clone(), 5)])));
        // As git writes it.
        let answer = format!("0008size002f{here} 12002d{absent} 0000").into_bytes();
        assert_eq!(ObjectInfoRequest::sizes_in(&answer), Some(BTreeMap::from([(here, 12)])));
        for length in 0..answer.len() {
            assert_eq!(ObjectInfoRequest::sizes_in(&answer[..length]), None, "cut to {length} bytes");
        }
        for other in [&b"0000"[..], b"", b"<html>", b"0009size\n", b"0009size\n0006x\n0000", b"000aERR no"] {
            assert_eq!(ObjectInfoRequest::sizes_in(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_was_not_offered_is_refused() {
        for argument in ["type", "oid 12", "oid", "oid main", &format!("oid {}", "1".repeat(64))] {
            let refused = parse(ObjectFormat::Sha1, &[argument.to_owned()]);
            assert!(refused.is_err(), "{argument}");
        }
        let many = vec![format!("oid {}", "1".repeat(40)); MAX_OBJECTS + 1];
        let refused = parse(ObjectFormat::Sha1, &many);
        assert!(matches!(refused, Err(RequestError::LimitExceeded { .. })), "{refused:?}");
    }
}
