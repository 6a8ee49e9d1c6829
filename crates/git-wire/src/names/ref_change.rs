//! What happened to one reference between two moments.

use serde::{Deserialize, Serialize};

use crate::names::{ObjectId, RefName};

/// One reference before and after. All zeros means that it was or is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefChange {
    /// Which reference.
    pub name: RefName,
    /// Where it pointed.
    pub from: ObjectId,
    /// Where it points now.
    pub to: ObjectId,
}

/// The three things that can happen to a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RefChangeKind {
    /// It was not there before.
    Add,
    /// It points elsewhere now.
    Update,
    /// It is gone.
    Delete,
}

impl RefChange {
    pub(crate) fn added(name: RefName, to: ObjectId) -> Self {
        Self { name, from: ObjectId::zero(to.format()), to }
    }

    pub(crate) fn deleted(name: RefName, from: ObjectId) -> Self {
        Self { name, to: ObjectId::zero(from.format()), from }
    }

    /// Which of the three this is.
    pub fn kind(&self) -> RefChangeKind {
        if self.from.is_zero() {
            RefChangeKind::Add
        } else if self.to.is_zero() {
            RefChangeKind::Delete
        } else {
            RefChangeKind::Update
        }
    }
}

impl RefChangeKind {
    /// The word used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}
