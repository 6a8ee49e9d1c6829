//! Calls from one server to another, typed by the contract: what is sent, and how the answer is read.
//!
//! The generator writes a [`RemoteCall`] for each operation that `[calls]` of `openapi/codegen.toml` lists. There is no
//! HTTP here: the caller sends [`METHOD`](RemoteCall::METHOD), [`path`](RemoteCall::path),
//! [`query`](RemoteCall::query) and [`body`](RemoteCall::body), signed or not, and hands the bytes of a success to
//! [`read`](RemoteCall::read). An error body names its kind in `exceptionName`, which is an
//! [`ErrorName`](crate::ErrorName) if this contract knows it.
//!
//! ```
//! use heliostat_api::RemoteCall;
//! use heliostat_api::ops::{AnalyticsSettingsRequest, GetContentHashByIdRequest};
//!
//! let request = GetContentHashByIdRequest { repo_id: "4 2".into(), include_default_branch: true, nonce: None };
//! assert_eq!(GetContentHashByIdRequest::METHOD, "GET");
//! assert_eq!(request.path(), "/rest/mirroring/latest/repos/4%202");
//! assert_eq!(request.query(), "includeDefaultBranch=true");
//! assert_eq!(request.body(), None);
//!
//! let settings = AnalyticsSettingsRequest::read(br#"{"canCollectAnalytics": false, "serverTime": 7}"#);
//! assert!(settings.is_ok_and(|settings| settings.server_time == 7));
//! ```

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use thiserror::Error;

/// An operation as another server calls it; implemented by what the operation is asked.
pub trait RemoteCall {
    /// What a success brings.
    type Answer;

    /// `operationId`.
    const OPERATION: &'static str;
    /// The HTTP method, upper case.
    const METHOD: &'static str;

    /// The path below the other server's base URL, percent-encoded.
    fn path(&self) -> String;

    /// The query without its question mark, percent-encoded; empty if there is none.
    fn query(&self) -> String {
        String::new()
    }

    /// The JSON body, if there is one.
    fn body(&self) -> Option<Vec<u8>> {
        None
    }

    /// Reads the body of an answer whose status is a success. Fields that the contract does not know are passed over, and
    /// those that `[lenient]` of `openapi/codegen.toml` lists are empty where they are missing; limits of lengths and the like, which hold for what is sent, are not checked.
    fn read(body: &[u8]) -> Result<Self::Answer, MalformedAnswer>;
}

/// An answer that is not what the contract promises.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{}{problem}", .field, if .field.is_empty() { "" } else { ": " })]
pub struct MalformedAnswer {
    /// The field at fault, as a dotted path; empty for the body as a whole.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Reads the JSON of a success.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, MalformedAnswer> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let answer = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = Some(error.path().to_string()).filter(|path| path != ".").unwrap_or_default();
        MalformedAnswer { field, problem: error.into_inner().to_string() }
    })?;
    match reader.end() {
        Ok(()) => Ok(answer),
        Err(error) => Err(MalformedAnswer { field: String::new(), problem: error.to_string() }),
    }
}

/// All but what is unreserved in a URL.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A part of a path, percent-encoded.
pub(crate) fn encoded(text: &dyn Display) -> String {
    utf8_percent_encode(&text.to_string(), RESERVED).to_string()
}

/// A query that is being written.
#[derive(Default)]
pub(crate) struct Query(String);

impl Query {
    /// Adds a parameter, unless it is left out.
    pub(crate) fn with(mut self, name: &str, value: Option<&dyn Display>) -> Self {
        if let Some(value) = value {
            let separator = if self.0.is_empty() { "" } else { "&" };
            self.0.push_str(&format!("{separator}{name}={}", encoded(value)));
        }
        self
    }

    pub(crate) fn text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::models::BooleanText;
    use crate::ops::{GetAllReposForProjectRequest, PublishEventRequest};

    #[test]
    fn path_and_query_are_encoded() {
        let request = GetAllReposForProjectRequest {
            project_id: "a/b".to_owned(),
            include_default_branch: BooleanText::True,
            start: 0,
            limit: 1_000,
        };
        assert_eq!(request.path(), "/rest/mirroring/latest/projects/a%2Fb/repos");
        assert_eq!(request.query(), "includeDefaultBranch=true&start=0&limit=1000");
    }

    #[test]
    fn a_body_is_what_serde_writes() {
        let event = serde_json::json!({"type": "SYNCHRONIZED", "upstreamRepoId": "42", "generation": 7});
        let body = serde_json::from_value(event.clone()).expect("an event");
        let request = PublishEventRequest { mirror_id: "B0F5-CS21-45C2-CCK3".to_owned(), body };
        let sent: Value = serde_json::from_slice(&request.body().expect("a body")).expect("JSON");
        assert_eq!(sent, event);
        assert_eq!(request.path(), "/rest/mirroring/latest/mirrorServers/B0F5-CS21-45C2-CCK3/events");
    }

    #[test]
    fn a_page_of_bitbucket_is_read_though_it_says_less_and_more() {
        let page = serde_json::json!({
            "isLastPage": true, "nextPageStart": null, "filter": null,
            "values": [{
                "id": 7, "slug": "engine", "name": "engine", "state": "AVAILABLE", "public": false,
                "partition": 0, "relatedLinks": {},
                "project": {
                    "id": 3, "key": "APP", "name": "App", "public": false, "type": "PERSONAL", "owner": {"id": 1},
                },
                "properties": {
                    "contentHash": "0".repeat(64), "metadataHash": "0".repeat(64), "more": [1],
                    "defaultBranchId": "refs/heads/main",
                },
            }],
        });
        let page = GetAllReposForProjectRequest::read(page.to_string().as_bytes()).expect("is understood");
        assert_eq!((page.values[0].slug.as_str(), page.values[0].properties.generation), ("engine", 0));
        assert_eq!((page.start, page.is_last_page), (0, true));
    }

    #[test]
    fn nothing_is_an_answer_where_nothing_is_promised() {
        assert_eq!(PublishEventRequest::read(b""), Ok(()));
        assert_eq!(PublishEventRequest::read(b"<html>"), Ok(()));
    }

    #[test]
    fn a_wrong_answer_names_the_field() {
        let wrong = GetAllReposForProjectRequest::read(br#"{"values": [{"id": "x"}]}"#);
        assert_eq!(wrong.expect_err("a text is no number").field, "values[0].id");
        let page = GetAllReposForProjectRequest::read(b"<html>").expect_err("a page is no answer");
        assert_eq!(page.field, "");
        assert!(page.to_string().starts_with("expected value"), "{page}");
    }
}
