//! A repository as the upstream describes it, read from listings and events alike and checked once.

use heliostat_git::{ContentHash, RefName};
use heliostat_storage::Generation;

use super::json_field::{Field, FieldError};

/// Hashes are SHA-256 in hex.
const HASH_HEX_DIGITS: usize = 64;

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
    pub(crate) project: UpstreamProject,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) public: bool,
    /// Absent when the upstream was not asked for it.
    pub(crate) default_branch: Option<RefName>,
    pub(crate) content_hash: Option<ContentHash>,
    pub(crate) metadata_hash: Option<String>,
    pub(crate) generation: Option<Generation>,
}

impl UpstreamProject {
    pub(crate) fn read(field: &Field<'_>) -> Result<Self, FieldError> {
        field.object()?;
        let key = field.member("key").path_segment()?;
        Ok(Self {
            id: field.member("id").id()?,
            key: key.to_owned(),
            name: field.member("name").optional().map_or(Ok(key), |name| name.text())?.to_owned(),
            public: field.member("public").optional().map_or(Ok(false), |public| public.flag())?,
        })
    }
}

impl UpstreamRepository {
    /// Reads an enriched repository: the hashes and the generation are in its `properties`.
    pub(crate) fn read(field: &Field<'_>) -> Result<Self, FieldError> {
        field.object()?;
        let properties = field.member("properties");
        let slug = field.member("slug").path_segment()?;
        Ok(Self {
            external_id: field.member("id").id()?,
            project: UpstreamProject::read(&field.member("project"))?,
            slug: slug.to_owned(),
            name: field.member("name").optional().map_or(Ok(slug), |name| name.text())?.to_owned(),
            public: field.member("public").optional().map_or(Ok(false), |public| public.flag())?,
            default_branch: properties
                .member("defaultBranchId")
                .optional()
                .map(|branch| read_ref_name(&branch))
                .transpose()?,
            content_hash: read_content_hash(&properties.member("contentHash"))?,
            metadata_hash: properties
                .member("metadataHash")
                .optional()
                .map(|hash| read_hash(&hash).map(str::to_owned))
                .transpose()?,
            generation: read_generation(&properties.member("generation"))?,
        })
    }
}

/// A full ref name.
pub(crate) fn read_ref_name(field: &Field<'_>) -> Result<RefName, FieldError> {
    RefName::parse(field.text()?).map_err(|_| field.wrong("a full ref name is expected"))
}

/// A content hash, if the field is there.
pub(crate) fn read_content_hash(field: &Field<'_>) -> Result<Option<ContentHash>, FieldError> {
    let Some(field) = field.clone().optional() else {
        return Ok(None);
    };
    let hash = read_hash(&field)?;
    ContentHash::parse(hash).map(Some).map_err(|_| field.wrong("a content hash is expected"))
}

/// A generation, if the field is there.
pub(crate) fn read_generation(field: &Field<'_>) -> Result<Option<Generation>, FieldError> {
    let Some(field) = field.clone().optional() else {
        return Ok(None);
    };
    match field.integer()? {
        number if number >= 0 => Ok(Some(Generation(number))),
        _ => Err(field.wrong("a generation is not negative")),
    }
}

fn read_hash<'a>(field: &Field<'a>) -> Result<&'a str, FieldError> {
    let hash = field.text()?;
    let well_formed =
        hash.len() == HASH_HEX_DIGITS && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if well_formed { Ok(hash) } else { Err(field.wrong("64 lower case hex digits are expected")) }
}
