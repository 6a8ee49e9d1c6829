//! What a repository of another server shows to one of its readers.

use heliostat_git::{ObjectFormat, RefName, RefSnapshot};

use crate::RepositoryPath;

/// The references of a repository at one moment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Listing {
    refs: RefSnapshot,
    object_format: ObjectFormat,
    moved_to: Option<RepositoryPath>,
}

impl Listing {
    /// These references, found where they were looked for, or at another path of the same server.
    pub fn new(refs: RefSnapshot, object_format: ObjectFormat, moved_to: Option<RepositoryPath>) -> Self {
        Self { refs, object_format, moved_to }
    }

    /// All references but those of our internal namespace, with `HEAD`, what tags lead to, and what symbolic ones stand
    /// for: lists for clients can be made from it.
    pub fn refs(&self) -> &RefSnapshot {
        &self.refs
    }

    /// The hash that names its objects.
    pub fn object_format(&self) -> ObjectFormat {
        self.object_format
    }

    /// The branch that `HEAD` names, whether or not it exists; `None` when the server does not tell, or `HEAD` is detached.
    pub fn default_branch(&self) -> Option<RefName> {
        self.refs.head()?.target()
    }

    /// Where the origin has led to, if it has the repository under another path now: it was renamed, or has two names.
    pub fn moved_to(&self) -> Option<&RepositoryPath> {
        self.moved_to.as_ref()
    }
}
