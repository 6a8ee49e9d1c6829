//! Why a request is refused before anything is done for it.

use bytes::Bytes;
use thiserror::Error;

use crate::names::ObjectFormat;
use crate::packets::{PacketLineError, error_packet};

/// How much of what a client sent is repeated to it.
const MAX_QUOTED_BYTES: usize = 200;

/// What is wrong with a request. The client is told by [`RequestError::packet`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The framing is broken.
    #[error("malformed request: {0}")]
    MalformedPacket(#[from] PacketLineError),
    /// The request ends before it is complete.
    #[error("malformed request: it ends where {expected} was expected")]
    Truncated {
        /// What is missing.
        expected: &'static str,
    },
    /// A packet stands where another one belongs.
    #[error("malformed request: expected {expected}, found {found:?}")]
    UnexpectedPacket {
        /// What belongs there.
        expected: &'static str,
        /// What was there; see [`RequestError::quoted`].
        found: String,
    },
    /// No command was named.
    #[error("malformed request: it names no command")]
    NoCommand,
    /// There is no such command.
    #[error("unknown command {0:?}")]
    UnknownCommand(String),
    /// There is no such capability, or it was not offered.
    #[error("unknown capability {0:?}")]
    UnknownCapability(String),
    /// The command has no such argument.
    #[error("unknown argument {argument:?} of {command}")]
    UnknownArgument {
        /// Which command.
        command: &'static str,
        /// What it was given.
        argument: String,
    },
    /// A text that is to name an object does not.
    #[error("{0:?} is not the name of an object")]
    InvalidObjectId(String),
    /// The client names objects by another hash than the repository.
    #[error("this repository names objects by {server}, the request by {client}")]
    WrongObjectFormat {
        /// The hash of the repository.
        server: ObjectFormat,
        /// What the client said.
        client: String,
    },
    /// More than is accepted.
    #[error("a request may have at most {limit} {limited}")]
    LimitExceeded {
        /// What is limited, with its unit.
        limited: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The name of a reference means none, or several.
    #[error("deepen-not {0:?} means no reference, or several: give the full name of one that is listed")]
    NoSingleReference(String),
    /// Arguments that contradict each other.
    #[error("malformed request: {0}")]
    Contradiction(&'static str),
}

impl RequestError {
    /// What a client sent, as text that is short enough to be repeated in an error.
    pub fn quoted(text: &[u8]) -> String {
        String::from_utf8_lossy(&text[..text.len().min(MAX_QUOTED_BYTES)]).into_owned()
    }

    /// A packet that makes the client stop and show the reason.
    pub fn packet(&self) -> Bytes {
        error_packet(&self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_what_it_sent() {
        let error =
            RequestError::UnknownArgument { command: "ls-refs", argument: RequestError::quoted(b"\xffoo") };
        let packet = error.packet();
        assert!(packet.ends_with("ERR unknown argument \"\u{fffd}oo\" of ls-refs".as_bytes()), "{packet:?}");
        assert_eq!(RequestError::quoted(&[b'x'; 1000]).len(), MAX_QUOTED_BYTES);
    }
}
