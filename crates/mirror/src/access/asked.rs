//! A repository as a caller has named it, whether or not it is there.
//!
//! What is hidden from a caller and what is not there must not be told apart, by the answer or by the work behind it. So
//! the upstream is asked about both, and that there is nothing to be seen is remembered under the name that was asked. It
//! says nothing about other names of the same repository.

use heliostat_storage::MirroredRepository;
use sha2::{Digest, Sha256};

use super::permit;

/// A name in one spelling, as a hash: names come from outside and may be long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NameKey([u8; 16]);

/// What a caller asks for.
#[derive(Debug, Clone)]
pub(crate) struct AskedRepository {
    name: NameKey,
    upstream_id: Option<String>,
    /// How many repositories had come to this mirror at that time.
    arrivals: u64,
}

impl AskedRepository {
    /// One that was named by project and slug.
    pub(crate) fn by_path(
        project_key: &str,
        slug: &str,
        found: Option<&MirroredRepository>,
        arrivals: u64,
    ) -> Self {
        Self::new(&format!("{}/{}", project_key.to_uppercase(), slug.to_lowercase()), found, arrivals)
    }

    /// One that was named by the upstream's id.
    pub(crate) fn by_id(external_id: &str, found: Option<&MirroredRepository>, arrivals: u64) -> Self {
        Self::new(external_id, found, arrivals)
    }

    fn new(name: &str, found: Option<&MirroredRepository>, arrivals: u64) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&Sha256::digest(name.as_bytes())[..16]);
        let upstream_id = found.and_then(permit::id_to_decide_by).map(str::to_owned);
        Self { name: NameKey(key), upstream_id, arrivals }
    }

    pub(super) fn name(&self) -> NameKey {
        self.name
    }

    /// Under which id the upstream decides about it; `None` if nothing here has that name.
    pub(super) fn upstream_id(&self) -> Option<&str> {
        self.upstream_id.as_deref()
    }

    pub(super) fn arrivals(&self) -> u64 {
        self.arrivals
    }

    #[cfg(test)]
    pub(super) fn of(name: &str, upstream_id: Option<&str>) -> Self {
        Self { upstream_id: upstream_id.map(str::to_owned), ..Self::new(name, None, 0) }
    }

    #[cfg(test)]
    pub(super) fn after_another_arrival(self) -> Self {
        Self { arrivals: self.arrivals + 1, ..self }
    }
}
