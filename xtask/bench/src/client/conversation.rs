//! What git asks one after the other when it clones or fetches, over one connection: what the server can, which references
//! it has, and the objects.

use crate::client::clone_request::{PackSeen, listing};
use crate::client::raw_post::{Connection, KeptConnection, Request};

/// As git lists before it clones.
const PREFIXES: [&str; 3] = ["HEAD", "refs/heads/", "refs/tags/"];

/// All of it, ready to be asked again and again.
#[derive(Debug, Clone)]
pub struct Conversation {
    before: [Request; 2],
    fetch: Request,
}

impl Conversation {
    /// About a repository; at last this is asked.
    pub fn new(url: &str, authorization: Option<&str>, fetch: &[u8]) -> anyhow::Result<Self> {
        let before = [
            Request::info_refs(url, authorization, Connection::Kept)?,
            Request::upload_pack(url, authorization, &listing(&PREFIXES), Connection::Kept)?,
        ];
        let fetch = Request::upload_pack(url, authorization, fetch, Connection::Closed)?;
        Ok(Conversation { before, fetch })
    }

    /// Asks everything; how many objects the pack has. A short answer is an error.
    pub fn hold(&self) -> anyhow::Result<u32> {
        let mut connection = KeptConnection::to(&self.fetch)?;
        for request in &self.before {
            connection.send(request, |_| ())?;
        }
        let mut seen = PackSeen::default();
        connection.send(&self.fetch, |piece| seen.take(piece))?;
        seen.objects()
    }
}
