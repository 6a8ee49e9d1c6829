//! Small repositories as a whole, for a mirror that begins with nothing: many in one answer, and no process for any.
//!
//! The mirror proves by the hash of the references that the state is one which this server has announced, and by the
//! objects themselves that nothing is missing and nothing is too much. What is not given here is fetched with git.

use heliostat_git::{ObjectFormat, RefSnapshot};
use heliostat_refusal::Refusal;
use heliostat_storage::RepositoryId;

use super::records::Repositories;
use crate::permit::MirrorCaller;

/// How large a repository may be, as it lies on disk. With more, one process for each is no longer what costs.
const MAX_REPOSITORY_BYTES: usize = 2 * 1024 * 1024;

/// How long the list of its references may be.
const MAX_REFS_BYTES: usize = 256 * 1024;

/// An answer that has become so long ends with the repository that made it so.
const ENOUGH_BYTES: usize = 4 * 1024 * 1024;

/// How many answers are put together at once; the others wait.
pub(super) const MAX_AT_ONCE: usize = 4;

/// All that there is in a repository.
#[derive(Debug)]
pub struct WholeRepository {
    /// Which one.
    pub id: RepositoryId,
    /// The hash that names its objects.
    pub format: ObjectFormat,
    /// A line for each reference, in the order of the names: what it points to, a space, its full name.
    pub refs: String,
    /// At least everything that the references lead to; `None` where there are no references.
    pub pack: Option<Vec<u8>>,
}

impl WholeRepository {
    fn bytes(&self) -> usize {
        self.refs.len() + self.pack.as_ref().map_or(0, Vec::len)
    }
}

impl Repositories {
    /// Those of these repositories that are small and can be read now, in this order, until it is enough for one answer.
    pub async fn whole_contents(
        &self,
        mirror: MirrorCaller<'_>,
        ids: &[String],
    ) -> Result<Vec<WholeRepository>, Refusal> {
        let _place = self.whole_contents_places.acquire().await.map_err(Refusal::internal)?;
        let (mut contents, mut bytes) = (Vec::new(), 0);
        for id in ids {
            match self.whole_content(mirror, id).await {
                Ok(Some(content)) => {
                    bytes += content.bytes();
                    contents.push(content);
                }
                Ok(None) => {}
                Err(reason) => {
                    tracing::debug!(repository.id = id, %reason, "a repository is not given as a whole");
                }
            }
            if bytes >= ENOUGH_BYTES {
                break;
            }
        }
        Ok(contents)
    }

    async fn whole_content(
        &self,
        mirror: MirrorCaller<'_>,
        id: &str,
    ) -> Result<Option<WholeRepository>, Refusal> {
        let reader = self.reader_by_id(mirror.caller(), id).await?;
        let repository = self.read_with_git(&reader).await?.repository;
        // References before objects: what comes meanwhile is too much, and never too little.
        let refs = repository.snapshot().await.map_err(Refusal::internal)?;
        let (Some(format), Some(lines)) = (refs.object_format(), lines_of(&refs)) else { return Ok(None) };
        if refs.is_shallow() {
            return Ok(None);
        }
        let id = reader.repository().id;
        if lines.is_empty() {
            return Ok(Some(WholeRepository { id, format, refs: lines, pack: None }));
        }
        let pack =
            repository.pack_everything(format, MAX_REPOSITORY_BYTES).await.map_err(Refusal::internal)?;
        Ok(pack.map(|pack| WholeRepository { id, format, refs: lines, pack: Some(pack) }))
    }
}

/// The lines whose hash is the content hash; `None` when they are very long or no text.
fn lines_of(refs: &RefSnapshot) -> Option<String> {
    let mut lines = Vec::new();
    for (name, object) in refs.all() {
        lines.extend([object.as_bytes(), b" ", name, b"\n"].concat());
        if lines.len() > MAX_REFS_BYTES {
            return None;
        }
    }
    String::from_utf8(lines).ok()
}
