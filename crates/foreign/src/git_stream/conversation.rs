//! What is said over an open line to `git upload-pack`: it begins by itself, and in version 2 of the protocol it is asked then.

use std::time::Duration;

use heliostat_git::{ObjectFormat, RemoteCapabilities, RemoteListError};
use heliostat_git_wire::{PacketLine, decode_packet, read_legacy_list};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::long_lists::{ListBody, LongLists};
use crate::{Listing, Refusal};

/// Most that is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Most that is kept of what a server says to people, in characters.
const MAX_SAID_CHARS: usize = 1024;

/// What is said when nothing more is wanted, in the versions before the second.
const NOTHING_WANTED: &[u8] = b"0000";

/// A line, and the two directions of it.
pub(super) struct Conversation<'a> {
    pub(super) from: &'a mut (dyn AsyncRead + Send + Unpin),
    pub(super) to: &'a mut (dyn AsyncWrite + Send + Unpin),
    /// How long the other side may be silent.
    pub(super) patience: Duration,
    pub(super) long_lists: &'a LongLists,
}

/// Why there is no list.
#[derive(Debug)]
pub(super) enum NoList {
    /// The line has ended. Why may be known to who has opened it.
    Ended(String),
    /// Nothing was heard for too long.
    Silent(Duration),
    /// The other side has answered, and that was no list.
    Refused(Refusal),
}

impl Conversation<'_> {
    /// Says something.
    pub(super) async fn say(&mut self, text: &[u8]) -> Result<(), NoList> {
        let (patience, to) = (self.patience, &mut *self.to);
        let saying = async move {
            to.write_all(text).await?;
            to.flush().await
        };
        let said = tokio::time::timeout(patience, saying).await;
        let said = said.map_err(|_| NoList::Silent(patience))?;
        said.map_err(|error| NoList::Ended(error.to_string()))
    }

    /// The references that the other side shows.
    pub(super) async fn list(&mut self) -> Result<Listing, NoList> {
        let greeting = self.hear_to_flush().await?;
        match RemoteCapabilities::read(greeting.bytes()) {
            Ok(offer) => {
                drop(greeting);
                self.say(&offer.ls_refs_request_as_shown(&[])).await?;
                let list = self.hear_to_flush().await?;
                let refs = offer.read_refs_as_shown(list.bytes()).map_err(no_list)?;
                Ok(Listing::new(refs, offer.object_format, None))
            }
            Err(RemoteListError::OtherVersion(_) | RemoteListError::UnexpectedPacket(_)) => {
                let refs = read_legacy_list(greeting.bytes()).map_err(no_list)?;
                // That it was not heard changes nothing of what was told.
                self.say(NOTHING_WANTED).await.ok();
                let object_format = refs.object_format().unwrap_or(ObjectFormat::Sha1);
                Ok(Listing::new(refs, object_format, None))
            }
            Err(error) => Err(no_list(error)),
        }
    }

    /// All packets up to the one that ends a list.
    async fn hear_to_flush(&mut self) -> Result<ListBody, NoList> {
        let (mut list, mut seen) = (self.long_lists.begin(), 0);
        let mut chunk = vec![0_u8; CHUNK_BYTES];
        loop {
            loop {
                let packet = decode_packet(&list.bytes()[seen..]);
                let packet = packet.map_err(|error| refused(Refusal::Nonsense(error.to_string())))?;
                let Some((packet, length)) = packet else { break };
                seen += length;
                match packet {
                    PacketLine::Flush => return Ok(list),
                    // After this nothing comes, not even the end of a list.
                    PacketLine::Data(line) => {
                        if let Some(reason) = line.strip_prefix(b"ERR ") {
                            return Err(refused(refusal_in(&to_people(reason))));
                        }
                    }
                    PacketLine::Delimiter | PacketLine::ResponseEnd => {}
                }
            }
            let heard = tokio::time::timeout(self.patience, self.from.read(&mut chunk)).await;
            let heard = heard.map_err(|_| NoList::Silent(self.patience))?;
            match heard.map_err(|error| NoList::Ended(error.to_string()))? {
                0 => return Err(NoList::Ended("it ends in the middle of an answer".to_owned())),
                count => list.take(&chunk[..count]).await.map_err(refused)?,
            }
        }
    }
}

fn refused(refusal: Refusal) -> NoList {
    NoList::Refused(refusal)
}

fn no_list(error: RemoteListError) -> NoList {
    refused(match error {
        RemoteListError::Refused(said) => refusal_in(&said),
        error => Refusal::Nonsense(error.to_string()),
    })
}

/// What servers say in words. `git daemon` says the same of what is not there and of what is not shown.
fn refusal_in(said: &str) -> Refusal {
    const NOT_FOUND: [&str; 5] =
        ["not exported", "no such repository", "not found", "could not be found", "does not exist"];
    let small = said.to_ascii_lowercase();
    let said = Some(said.to_owned());
    if NOT_FOUND.iter().any(|phrase| small.contains(phrase)) {
        return Refusal::NotFound { said };
    }
    Refusal::Forbidden { said }
}

fn to_people(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let text = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    text.take(MAX_SAID_CHARS).collect::<String>().trim().to_owned()
}
