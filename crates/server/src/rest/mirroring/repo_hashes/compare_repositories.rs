//! POST /repo-hashes/differences: what a mirror knows otherwise, streamed part by part.

use std::io;

use futures_util::StreamExt;
use futures_util::stream::{once, try_unfold};
use heliostat_api::models::{RestRepositoryComparison, RestRepositoryDifferences, RestRepositoryPart};
use heliostat_api::ops::{CompareRepositories, CompareRepositoriesRequest, CompareRepositoriesResponse};
use heliostat_api::{Call, StreamedJson};
use heliostat_storage::ProjectId;
use heliostat_upstream::{DifferingPart, RepositoryComparison, RepositoryDifferences, permit};
use poem::Body;

use super::hash_document::cut_short;
use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::UpstreamWire;

impl CompareRepositories for UpstreamHandlers {
    async fn compare_repositories(
        &self,
        call: Call,
        request: CompareRepositoriesRequest,
    ) -> Result<CompareRepositoriesResponse, Problem> {
        let caller = self.identify(&call).await?;
        let mirror = permit::mirror(&caller)?;
        let found = self.upstream.repositories().differences(mirror, comparison(request.body)).await?;
        Ok(CompareRepositoriesResponse::Ok(document(found, self.wire.clone()).await?))
    }
}

fn comparison(body: RestRepositoryComparison) -> RepositoryComparison {
    RepositoryComparison {
        projects: body.project_ids.map(|ids| ids.into_iter().map(ProjectId).collect()),
        digests: body.digests.into_iter().map(|known| (known.part, known.digest)).collect(),
    }
}

/// The first part is waited for, so that what is wrong from the start still gets the status of an error.
async fn document(
    mut differences: RepositoryDifferences,
    wire: UpstreamWire,
) -> Result<StreamedJson<RestRepositoryDifferences>, Problem> {
    let mut beginning = b"{\"parts\":[".to_vec();
    let first = differences.next().await?;
    if let Some(part) = &first {
        write(part, &wire, &mut beginning);
    }
    let rest = try_unfold(Some((differences, first.is_some())), move |before| {
        let wire = wire.clone();
        async move {
            let Some((mut differences, goes_on)) = before else { return Ok(None) };
            let next = if goes_on { differences.next().await.map_err(cut_short)? } else { None };
            let Some(part) = next else { return Ok(Some((b"]}".to_vec(), None))) };
            let mut text = b",".to_vec();
            write(&part, &wire, &mut text);
            Ok::<_, io::Error>(Some((text, Some((differences, true)))))
        }
    });
    let pieces = once(async { Ok::<_, io::Error>(beginning) }).chain(rest);
    Ok(StreamedJson::of(Body::from_bytes_stream(pieces)))
}

fn write(part: &DifferingPart, wire: &UpstreamWire, text: &mut Vec<u8>) {
    let repositories = part.repositories.iter().map(|repository| wire.enriched_repository(repository, true));
    let part = RestRepositoryPart { part: part.part, repositories: repositories.collect() };
    serde_json::to_writer(text, &part).expect("models of the contract always serialise");
}
