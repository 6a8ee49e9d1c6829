//! A repository as the upstream describes it, in listings and events alike, checked once.
//!
//! The types of the contract say what shape a description has; here is checked what a mirror relies on besides: texts
//! are bounded, keys and slugs can stand in a path, hashes and names of refs are what they claim to be.

use heliostat_api::models::{EnrichedRepository, RestProject};
use heliostat_git::{ContentHash, ObjectId, RefName};
use heliostat_storage::{Generation, RepositoryIdentity};
use thiserror::Error;

/// Hashes are SHA-256 in hex.
const HASH_HEX_DIGITS: usize = 64;

/// What is wrong with a hash that is none.
const NOT_A_HASH: &str = "64 lower case hex digits are expected";

/// The longest text that is taken over from an upstream, in bytes.
const MAX_TEXT_BYTES: usize = 1024;

/// A project as the upstream describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpstreamProject {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) public: bool,
}

/// A repository as the upstream describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpstreamRepository {
    pub(crate) external_id: String,
    /// What tells it from another repository with its id; not every upstream says so.
    pub(crate) identity: Option<RepositoryIdentity>,
    pub(crate) project: UpstreamProject,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) public: bool,
    /// Absent when the upstream was not asked for it.
    pub(crate) default_branch: Option<RefName>,
    pub(crate) content_hash: ContentHash,
    pub(crate) metadata_hash: String,
    pub(crate) generation: Generation,
    /// How many times it was ordered to remove what no ref leads to.
    pub(crate) purge: i64,
}

impl UpstreamRepository {
    /// What tells it from another repository with its id.
    pub(crate) fn identity(&self) -> Option<&str> {
        self.identity.as_ref().map(RepositoryIdentity::as_str)
    }
}

/// A value that has the right shape and cannot be used all the same.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {problem}")]
pub(crate) struct UnfitValue {
    /// Where, as in `project.key`.
    pub(crate) field: String,
    /// What is wrong.
    pub(crate) problem: String,
}

impl UnfitValue {
    pub(crate) fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }

    /// This value inside another one.
    #[must_use]
    pub(crate) fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), ..self }
    }

    /// A text without control characters, of bounded length.
    pub(crate) fn check_line(field: &str, text: String) -> Result<String, Self> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Self::new(field, format!("at most {MAX_TEXT_BYTES} bytes are accepted")));
        }
        if text.chars().any(char::is_control) {
            return Err(Self::new(field, "control characters are not accepted"));
        }
        Ok(text)
    }

    /// A text that can stand as one segment of a path.
    fn check_path_segment(field: &str, text: String) -> Result<String, Self> {
        let text = Self::check_line(field, text)?;
        let unfit = text.is_empty()
            || text == "."
            || text == ".."
            || text.contains(|c: char| c.is_whitespace() || "/\\?#%:".contains(c));
        if unfit { Err(Self::new(field, "this cannot be part of a path")) } else { Ok(text) }
    }

    fn check_id(field: &str, id: i32) -> Result<String, Self> {
        if id < 0 { Err(Self::new(field, "an id is not negative")) } else { Ok(id.to_string()) }
    }

    fn check_hash(field: &str, hash: String) -> Result<String, Self> {
        let well_formed = hash.len() == HASH_HEX_DIGITS
            && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if well_formed { Ok(hash) } else { Err(Self::new(field, NOT_A_HASH)) }
    }

    /// A content hash.
    pub(crate) fn check_content_hash(field: &str, hash: String) -> Result<ContentHash, Self> {
        ContentHash::parse(hash).map_err(|_| Self::new(field, NOT_A_HASH))
    }

    /// A full ref name.
    pub(crate) fn check_ref_name(field: &str, name: &str) -> Result<RefName, Self> {
        RefName::parse(name).map_err(|_| Self::new(field, "a full ref name is expected"))
    }

    /// The full name of an object; all zeros stand for none.
    pub(crate) fn check_object_id(field: &str, id: &str) -> Result<ObjectId, Self> {
        ObjectId::parse(id).map_err(|_| Self::new(field, "40 or 64 lower case hex digits are expected"))
    }

    /// A generation.
    pub(crate) fn check_generation(field: &str, generation: i64) -> Result<Generation, Self> {
        if generation < 0 {
            return Err(Self::new(field, "a generation is not negative"));
        }
        Ok(Generation(generation))
    }
}

impl TryFrom<RestProject> for UpstreamProject {
    type Error = UnfitValue;

    fn try_from(project: RestProject) -> Result<Self, UnfitValue> {
        Ok(Self {
            id: UnfitValue::check_id("id", project.id)?,
            key: UnfitValue::check_path_segment("key", project.key)?,
            name: UnfitValue::check_line("name", project.name)?,
            public: project.public,
        })
    }
}

impl TryFrom<EnrichedRepository> for UpstreamRepository {
    type Error = UnfitValue;

    fn try_from(repository: EnrichedRepository) -> Result<Self, UnfitValue> {
        let properties = repository.properties;
        let branch = properties.default_branch_id.as_deref();
        Ok(Self {
            external_id: UnfitValue::check_id("id", repository.id)?,
            identity: properties
                .identity
                .map(|identity| UnfitValue::check_line("properties.identity", identity))
                .transpose()?
                .filter(|identity| !identity.is_empty())
                .map(RepositoryIdentity::from),
            project: UpstreamProject::try_from(repository.project)
                .map_err(|unfit| unfit.within("project"))?,
            slug: UnfitValue::check_path_segment("slug", repository.slug)?,
            name: UnfitValue::check_line("name", repository.name)?,
            public: repository.public,
            default_branch: branch
                .map(|branch| UnfitValue::check_ref_name("properties.defaultBranchId", branch))
                .transpose()?,
            content_hash: UnfitValue::check_content_hash("properties.contentHash", properties.content_hash)?,
            metadata_hash: UnfitValue::check_hash("properties.metadataHash", properties.metadata_hash)?,
            generation: UnfitValue::check_generation("properties.generation", properties.generation)?,
            purge: properties.purge.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_not_negative() {
        assert_eq!(UnfitValue::check_id("id", 12), Ok("12".to_owned()));
        assert!(UnfitValue::check_id("id", -1).is_err());
    }

    #[test]
    fn a_path_segment_stays_where_it_is() {
        for bad in ["", "..", "a/b", "a b", "a\u{0}", "a%2f"] {
            let checked = UnfitValue::check_path_segment("key", bad.to_owned());
            assert!(checked.is_err(), "{bad:?} should be refused");
        }
    }
}
