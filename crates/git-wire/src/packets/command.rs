//! A request of protocol version 2: which command, in which object format, with which arguments. Nothing is copied and
//! nothing allocated; what the client says of itself is read past.

use crate::names::ObjectFormat;
use crate::packets::{PacketLine, PacketReader, RequestError};

/// Most lines before the arguments. Clients send three, and one for each server option of their user.
const MAX_CAPABILITY_LINES: u64 = 1_024;

/// Most arguments of one command: a fetch by a client with very many references.
const MAX_ARGUMENT_LINES: u64 = 4_000_000;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandName {
    /// Which references there are.
    LsRefs,
    /// Objects.
    Fetch,
    /// The sizes of objects.
    ObjectInfo,
    /// Where else objects can be had.
    BundleUri,
}

impl CommandName {
    const ALL: [Self; 4] = [Self::LsRefs, Self::Fetch, Self::ObjectInfo, Self::BundleUri];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LsRefs => "ls-refs",
            Self::Fetch => "fetch",
            Self::ObjectInfo => "object-info",
            Self::BundleUri => "bundle-uri",
        }
    }

    fn from_wire(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.as_str().as_bytes() == name)
    }
}

/// One command with its arguments, whose framing is known to be sound.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    name: CommandName,
    object_format: ObjectFormat,
    /// The packets after the delimiter, with the flush.
    arguments: &'a [u8],
}

impl<'a> Command<'a> {
    /// Reads a request. `None`: it asks for nothing, as a client does that tries whether it may send a long one.
    pub fn read(request: &'a [u8]) -> Result<Option<Self>, RequestError> {
        let mut packets = PacketReader::new(request);
        let mut name = None;
        // A client that says nothing means the older one.
        let mut object_format = ObjectFormat::Sha1;
        let mut lines = 0;
        loop {
            let line = match packets.next()? {
                None if lines == 0 => return Ok(None),
                None => return Err(RequestError::Truncated { expected: "a command or its arguments" }),
                Some(PacketLine::Flush) if lines == 0 => return Ok(None),
                Some(PacketLine::Flush) => {
                    let name = name.ok_or(RequestError::NoCommand)?;
                    return Ok(Some(Self { name, object_format, arguments: b"0000" }));
                }
                Some(PacketLine::Delimiter) => break,
                Some(PacketLine::ResponseEnd) => return Err(unexpected("a capability", "a response end")),
                Some(PacketLine::Data(line)) => line,
            };
            lines += 1;
            if lines > MAX_CAPABILITY_LINES {
                let limited = "lines before the arguments of a command";
                return Err(RequestError::LimitExceeded { limited, limit: MAX_CAPABILITY_LINES });
            }
            match split_value(line) {
                (b"command", Some(value)) => {
                    let command = CommandName::from_wire(value)
                        .ok_or_else(|| RequestError::UnknownCommand(RequestError::quoted(value)))?;
                    if name.replace(command).is_some() {
                        return Err(RequestError::Contradiction("it names more than one command"));
                    }
                }
                (b"object-format", Some(b"sha1")) => object_format = ObjectFormat::Sha1,
                (b"object-format", Some(b"sha256")) => object_format = ObjectFormat::Sha256,
                (b"agent" | b"server-option", _) => {}
                // The name of a command is also that of a capability; saying it asks for nothing.
                (capability, _) if CommandName::from_wire(capability).is_some() => {}
                _ => return Err(RequestError::UnknownCapability(RequestError::quoted(line))),
            }
        }
        let name = name.ok_or(RequestError::NoCommand)?;
        let arguments = packets.rest();
        check_arguments(packets)?;
        Ok(Some(Self { name, object_format, arguments }))
    }

    /// Which command.
    pub fn name(&self) -> CommandName {
        self.name
    }

    /// How the client names objects.
    pub fn object_format(&self) -> ObjectFormat {
        self.object_format
    }

    /// Its arguments, without line breaks.
    pub fn arguments(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut packets = PacketReader::new(self.arguments);
        std::iter::from_fn(move || match packets.next() {
            Ok(Some(PacketLine::Data(line))) => Some(line),
            _ => None,
        })
    }
}

/// Everything up to the flush must be a line; what comes after it is ignored.
fn check_arguments(mut packets: PacketReader<'_>) -> Result<(), RequestError> {
    for _ in 0..=MAX_ARGUMENT_LINES {
        match packets.expect("an argument or a flush")? {
            PacketLine::Data(_) => {}
            PacketLine::Flush => return Ok(()),
            PacketLine::Delimiter => return Err(unexpected("an argument or a flush", "a delimiter")),
            PacketLine::ResponseEnd => return Err(unexpected("an argument or a flush", "a response end")),
        }
    }
    Err(RequestError::LimitExceeded { limited: "arguments", limit: MAX_ARGUMENT_LINES })
}

fn split_value(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|byte| *byte == b'=') {
        Some(index) => (&line[..index], Some(&line[index + 1..])),
        None => (line, None),
    }
}

fn unexpected(expected: &'static str, found: &str) -> RequestError {
    RequestError::UnexpectedPacket { expected, found: found.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::spelled;

    #[test]
    fn a_command_is_read_past_what_the_client_says_of_itself() {
        let lines = [
            "command=fetch",
            "agent=git/2.47.3",
            "object-format=sha256",
            "server-option=a=b",
            "ls-refs",
            "|",
            "done",
            "have x",
            ".",
            "ignored",
        ];
        let request = spelled(&lines);
        let command = Command::read(&request).expect("sound").expect("a command");
        assert_eq!((command.name(), command.object_format()), (CommandName::Fetch, ObjectFormat::Sha256));
        assert_eq!(command.arguments().collect::<Vec<_>>(), [b"done".as_slice(), b"have x"]);
    }

    #[test]
    fn a_command_may_have_no_arguments() {
        for lines in [["command=bundle-uri", "."].as_slice(), &["command=bundle-uri", "|", "."]] {
            let request = spelled(lines);
            let command = Command::read(&request).expect("sound").expect("a command");
            assert_eq!(
                (command.name(), command.object_format()),
                (CommandName::BundleUri, ObjectFormat::Sha1)
            );
            assert_eq!(command.arguments().count(), 0);
        }
    }

    #[test]
    fn a_request_for_nothing_is_no_error() {
        assert!(Command::read(b"").expect("sound").is_none());
        assert!(Command::read(b"0000").expect("sound").is_none());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |lines: &[&str]| Command::read(&spelled(lines)).expect_err("refused").to_string();
        assert_eq!(error(&["agent=x", "."]), "malformed request: it names no command");
        assert_eq!(error(&["agent=x", "|", "."]), "malformed request: it names no command");
        assert_eq!(error(&["command=rm", "."]), "unknown command \"rm\"");
        assert_eq!(error(&["session-id=1", "."]), "unknown capability \"session-id=1\"");
        assert_eq!(error(&["object-format=md5", "."]), "unknown capability \"object-format=md5\"");
        assert!(error(&["command=fetch", "command=fetch", "."]).contains("more than one command"));
        assert!(error(&["command=fetch"]).contains("it ends where"));
        assert!(error(&["command=fetch", "|", "done"]).contains("it ends where"));
        assert!(error(&["command=fetch", "|", "done", "|", "."]).contains("a delimiter"));
        let many = vec!["agent=x"; MAX_CAPABILITY_LINES as usize + 1];
        assert!(error(&many).contains("at most 1024 lines"));
    }
}
