//! Who reads, and what their people are told.

use std::sync::Arc;

use heliostat_git::ClientKey;
use heliostat_git_wire::RemoteMessage;

use crate::object_source::ObjectSource;

/// A client that reads, and what its people are told beside its answer.
#[derive(Debug, Clone)]
pub struct GitReader {
    pub(crate) key: ClientKey,
    pub(crate) messages: Vec<RemoteMessage>,
    /// Where to ask about what the references here do not lead to.
    pub(crate) object_source: Option<Arc<dyn ObjectSource>>,
}

impl GitReader {
    /// One who is told this beside the answer, where the answer has room for it: before its pack, if that comes in
    /// packets. What is stored is the same for all.
    pub fn told(key: ClientKey, messages: Vec<RemoteMessage>) -> Self {
        Self { key, messages, object_source: None }
    }

    /// Tells this beside the answer, and nothing else.
    pub fn tell(&mut self, messages: Vec<RemoteMessage>) {
        self.messages = messages;
    }

    /// Among whom computing time is shared.
    pub fn key(&self) -> ClientKey {
        self.key
    }

    /// The same, who may have what this gives as well.
    #[must_use]
    pub fn asking(self, object_source: Arc<dyn ObjectSource>) -> Self {
        Self { object_source: Some(object_source), ..self }
    }
}

impl From<ClientKey> for GitReader {
    fn from(key: ClientKey) -> Self {
        Self::told(key, Vec::new())
    }
}
