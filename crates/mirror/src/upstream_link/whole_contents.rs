//! Small repositories of the upstream as a whole: many in one answer, for a mirror that has none of them.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heliostat_api::models::{RestRepositoryContent, RestRepositoryContentsQuery};
use heliostat_api::ops::GetRepositoryContentsRequest;
use heliostat_auth::Secret;
use heliostat_git::{ObjectFormat, RefSnapshot};
use heliostat_peer::CallError;

use super::client::UpstreamClient;
use super::repository::UnfitValue;

/// How long an answer may take: it is some megabytes, over a line that may be slow.
const TIMEOUT: Duration = Duration::from_mins(2);

/// All that there is in a repository, as the upstream says.
#[derive(Debug)]
pub(crate) struct WholeContent {
    pub(crate) external_id: String,
    /// The hash that names its objects.
    pub(crate) format: ObjectFormat,
    pub(crate) refs: RefSnapshot,
    /// `None` where there are no references.
    pub(crate) pack: Option<Vec<u8>>,
}

impl UpstreamClient {
    /// As many of these repositories as are small and have room in one answer, in this order; `None` from an upstream that
    /// does not know this question.
    pub(crate) async fn whole_contents(
        &self,
        repository_ids: Vec<String>,
        secret: &Secret,
    ) -> Result<Option<Vec<WholeContent>>, CallError> {
        if !self.asks_a_heliostat() {
            return Ok(None);
        }
        let request = GetRepositoryContentsRequest { body: RestRepositoryContentsQuery { repository_ids } };
        let Some(answer) = self.call_if_known(&request, secret, TIMEOUT).await? else { return Ok(None) };
        let read: Result<_, _> = answer.values.into_iter().map(read_content).collect();
        read.map(Some).map_err(|unfit| self.malformed(&unfit))
    }
}

fn read_content(content: RestRepositoryContent) -> Result<WholeContent, UnfitValue> {
    let unfit = |field: &str, problem: &str| UnfitValue::new(field, problem).within("values");
    let format = [ObjectFormat::Sha1, ObjectFormat::Sha256]
        .into_iter()
        .find(|format| format.as_str() == content.object_format);
    let format = format.ok_or_else(|| unfit("objectFormat", "sha1 or sha256 is expected"))?;
    let refs = RefSnapshot::parse_listing(content.refs.as_bytes());
    let refs = refs.ok_or_else(|| unfit("refs", "lines of an object and a ref are expected"))?;
    let pack = content.pack.map(|pack| STANDARD.decode(pack)).transpose();
    let pack = pack.map_err(|_| unfit("pack", "base64 is expected"))?;
    Ok(WholeContent { external_id: content.id, format, refs, pack })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(format: &str, refs: &str, pack: Option<&str>) -> Result<WholeContent, UnfitValue> {
        read_content(RestRepositoryContent {
            id: "24".to_owned(),
            object_format: format.to_owned(),
            refs: refs.to_owned(),
            pack: pack.map(str::to_owned),
        })
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let line = format!("{} refs/heads/main\n", "1".repeat(40));
        let whole = content("sha1", &line, Some("UEFDSw==")).expect("well-formed");
        assert_eq!((whole.refs.len(), whole.pack.as_deref()), (1, Some(&b"PACK"[..])));
        let empty = content("sha256", "", None).expect("well-formed");
        assert_eq!((empty.refs.len(), empty.pack, empty.format), (0, None, ObjectFormat::Sha256));
        for (field, refused) in [
            ("values.objectFormat", content("md5", &line, None)),
            ("values.refs", content("sha1", "nonsense", None)),
            ("values.pack", content("sha1", &line, Some("?"))),
        ] {
            assert_eq!(refused.map(drop).map_err(|unfit| unfit.field), Err(field.to_owned()));
        }
    }
}
