//! One reference of a snapshot, with what clients are told about it.

use crate::names::{ObjectId, RefName};

/// A reference. Its name need not be text, but `git` accepts it.
#[derive(Debug, Clone)]
pub struct SnapshotRef {
    name: StoredName,
    object: ObjectId,
    /// Most references have nothing of the kind.
    info: Option<Box<PeelInfo>>,
}

#[derive(Debug, Clone)]
enum StoredName {
    Text(RefName),
    Bytes(Vec<u8>),
}

/// What is to be said about one reference besides its name and its object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeelInfo {
    /// What an annotated tag leads to in the end.
    pub peeled: Option<ObjectId>,
    /// The reference that a symbolic one stands for.
    pub symbolic_target: Option<Box<[u8]>>,
}

impl SnapshotRef {
    /// The reference with this name.
    pub fn new(name: Vec<u8>, object: ObjectId, info: PeelInfo) -> Self {
        let name = RefName::from_stored(name).map_or_else(StoredName::Bytes, StoredName::Text);
        let has_info = info.peeled.is_some() || info.symbolic_target.is_some();
        Self { name, object, info: has_info.then(|| Box::new(info)) }
    }

    pub(crate) fn plain(name: RefName, object: ObjectId) -> Self {
        Self { name: StoredName::Text(name), object, info: None }
    }

    /// Its full name.
    pub fn name(&self) -> &[u8] {
        match &self.name {
            StoredName::Text(name) => name.as_str().as_bytes(),
            StoredName::Bytes(name) => name,
        }
    }

    /// Where it points.
    pub fn object(&self) -> &ObjectId {
        &self.object
    }

    /// What an annotated tag leads to in the end.
    pub fn peeled(&self) -> Option<&ObjectId> {
        self.info.as_ref()?.peeled.as_ref()
    }

    /// The reference that a symbolic one stands for.
    pub fn symbolic_target(&self) -> Option<&[u8]> {
        self.info.as_ref()?.symbolic_target.as_deref()
    }

    /// Its name and where it points, when its name is text.
    pub(crate) fn listed(&self) -> Option<(&RefName, &ObjectId)> {
        match &self.name {
            StoredName::Text(name) => Some((name, &self.object)),
            StoredName::Bytes(_) => None,
        }
    }

    pub(crate) fn has_info(&self) -> bool {
        self.info.is_some()
    }
}
