//! Writes hashes as one JSON document, a chunk at a time, so that memory does not grow with the repositories.

use std::io;

use futures_util::stream::once;
use futures_util::{StreamExt, TryStreamExt};
use heliostat_api::StreamedJson;
use heliostat_api::models::{RestHashedRepository, RestHashes, RestRepositoryHashes};
use heliostat_refusal::Refusal;
use poem::Body;

use super::hash_source::{HashChunks, HashRow};
use crate::http::problem::Problem;

/// Which hashes are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedHashes {
    /// Content and metadata.
    Both,
    /// Content alone.
    Content,
    /// Metadata alone.
    Metadata,
}

/// The document of these chunks. The first one is waited for, so that what is wrong from the start still gets the
/// status of an error; what goes wrong later can only end the connection.
pub async fn hash_document(
    mut chunks: HashChunks,
    wanted: WantedHashes,
) -> Result<StreamedJson<RestRepositoryHashes>, Problem> {
    let first = chunks.try_next().await?.unwrap_or_default();
    let mut writer = Writer { wanted, open_project: None };
    let mut beginning = b"{\"projects\":[".to_vec();
    writer.write(&first, &mut beginning);
    let rest = chunks.map(Some).chain(once(async { None })).map(move |chunk| {
        let mut text = Vec::new();
        match chunk {
            Some(Ok(rows)) => writer.write(&rows, &mut text),
            Some(Err(refusal)) => return Err(cut_short(refusal)),
            None => writer.end(&mut text),
        }
        Ok(text)
    });
    let pieces = once(async { Ok::<_, io::Error>(beginning) }).chain(rest);
    Ok(StreamedJson::of(Body::from_bytes_stream(pieces)))
}

/// What has been written so far, as far as it matters for what comes next.
struct Writer {
    wanted: WantedHashes,
    open_project: Option<i32>,
}

impl Writer {
    fn write(&mut self, rows: &[HashRow], text: &mut Vec<u8>) {
        for row in rows {
            if self.open_project == Some(row.project_id) {
                text.push(b',');
            } else {
                self.begin_project(row, text);
            }
            let (id, identity) = (row.repository_id, row.identity.clone());
            let repository = RestHashedRepository { id, identity, hashes: self.hashes(row) };
            serde_json::to_writer(&mut *text, &repository).expect("numbers and strings always serialise");
        }
    }

    fn begin_project(&mut self, row: &HashRow, text: &mut Vec<u8>) {
        if self.open_project.replace(row.project_id).is_some() {
            text.extend_from_slice(b"]},");
        }
        let (id, public) = (row.project_id, row.project_public);
        text.extend_from_slice(format!("{{\"id\":{id},\"public\":{public},\"repositories\":[").as_bytes());
    }

    fn hashes(&self, row: &HashRow) -> RestHashes {
        RestHashes {
            content: row.content.clone().filter(|_| self.wanted != WantedHashes::Metadata),
            metadata: row.metadata.clone().filter(|_| self.wanted != WantedHashes::Content),
        }
    }

    fn end(&mut self, text: &mut Vec<u8>) {
        if self.open_project.take().is_some() {
            text.extend_from_slice(b"]}");
        }
        text.extend_from_slice(b"]}");
    }
}

/// What ends the connection, so that a client cannot take what it has for the whole.
pub(super) fn cut_short(refusal: Refusal) -> io::Error {
    let problem = Problem::from(refusal);
    tracing::warn!(error = problem.message(), "the hashes could not be sent to their end");
    io::Error::other(problem.message().to_owned())
}

#[cfg(test)]
mod tests {
    use futures_util::stream::iter;
    use poem::IntoResponse;
    use serde_json::{Value, json};

    use super::*;

    fn row(project_id: i32, repository_id: i32) -> HashRow {
        HashRow {
            project_id,
            project_public: project_id == 2,
            repository_id,
            identity: None,
            content: Some(format!("c{repository_id}")),
            metadata: Some(format!("m{repository_id}")),
        }
    }

    async fn written(chunks: Vec<Result<Vec<HashRow>, Refusal>>, wanted: WantedHashes) -> io::Result<Value> {
        let document = hash_document(iter(chunks).boxed(), wanted).await.expect("the first chunk is good");
        let text = document.into_response().into_body().into_vec().await.map_err(io::Error::other)?;
        Ok(serde_json::from_slice(&text).expect("a JSON document"))
    }

    #[tokio::test]
    async fn a_project_goes_on_over_the_end_of_a_chunk() {
        let chunks = vec![Ok(vec![row(1, 11), row(1, 12)]), Ok(vec![row(1, 13), row(2, 21)])];
        let document = written(chunks, WantedHashes::Content).await.expect("it ends");
        let expected = json!({"projects": [
            {"id": 1, "public": false, "repositories": [
                {"id": 11, "hashes": {"content": "c11"}},
                {"id": 12, "hashes": {"content": "c12"}},
                {"id": 13, "hashes": {"content": "c13"}},
            ]},
            {"id": 2, "public": true, "repositories": [{"id": 21, "hashes": {"content": "c21"}}]},
        ]});
        assert_eq!(document, expected);
    }

    #[tokio::test]
    async fn nothing_is_an_empty_list_and_chunks_may_be_empty() {
        let nothing = json!({"projects": []});
        assert_eq!(written(vec![], WantedHashes::Both).await.expect("it ends"), nothing);
        let sparse = vec![Ok(vec![]), Ok(vec![row(1, 11)]), Ok(vec![])];
        let document = written(sparse, WantedHashes::Metadata).await.expect("it ends");
        assert_eq!(document["projects"][0]["repositories"][0]["hashes"], json!({"metadata": "m11"}));
    }

    #[tokio::test]
    async fn a_failure_on_the_way_is_not_taken_for_the_end() {
        let chunks = vec![Ok(vec![row(1, 11)]), Err(Refusal::unavailable("The database does not answer."))];
        assert!(written(chunks, WantedHashes::Both).await.is_err());
        let at_once = iter(vec![Err(Refusal::unavailable("The database does not answer."))]).boxed();
        let refused = hash_document(at_once, WantedHashes::Both).await.err().expect("an error with a status");
        assert_eq!(refused.status_code(), 503);
    }
}
