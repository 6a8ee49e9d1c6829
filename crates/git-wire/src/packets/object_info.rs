//! The command `object-info` of protocol version 2: the sizes of objects, without the objects. Lines end as
//! `gitprotocol-v2` says; `git` itself leaves the line breaks out, and reads both.

use bytes::Bytes;

use crate::names::ObjectId;
use crate::packets::{Command, RequestError, push_flush, push_packet};

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
