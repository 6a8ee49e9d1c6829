//! The references of a repository of the upstream, read over Git's own protocol, version 2 and no other.
//!
//! What is not exactly a whole list is an error: a reference that is missing from it would be deleted here. `git` would
//! take an empty answer for a very old server without references.

use std::time::Duration;

use heliostat_git::{GitService, MAX_REF_LIST_BYTES, RefSnapshot, RemoteCapabilities, RemoteListError};
use heliostat_peer::{Call, CallError};
use reqwest::Method;
use url::Url;

use super::client::UpstreamClient;

/// How long a list may take as a whole, as long as it does not stand still.
const LIST_TIMEOUT: Duration = Duration::from_mins(15);

/// The most that the upstream may say of its capabilities.
const MAX_OFFER_BYTES: usize = 64 * 1024;

pub(super) const OFFER_TYPE: &str = "application/x-git-upload-pack-advertisement";
pub(super) const REQUEST_TYPE: &str = "application/x-git-upload-pack-request";
pub(super) const LIST_TYPE: &str = "application/x-git-upload-pack-result";

/// Where git finds a repository of the upstream, and what lets this mirror in.
#[derive(Clone)]
pub(crate) struct GitAccess {
    pub(crate) clone_url: String,
    /// The value of the `Authorization` header.
    pub(crate) authorization: String,
}

impl UpstreamClient {
    /// Every reference that the upstream has at this moment, and what its `HEAD` names.
    pub(crate) async fn list_refs(&self, access: &GitAccess) -> Result<RefSnapshot, CallError> {
        let service = GitService::UploadPack.name();
        let url = address(&format!("{}/info/refs?service={service}", access.clone_url))?;
        let call = Call::new(Method::GET, url.clone()).answered_exactly_by(OFFER_TYPE);
        let offer = self.fetch(with_access(call, access).max_answer_bytes(MAX_OFFER_BYTES)).await?;
        let offer = RemoteCapabilities::read(&offer).map_err(|error| malformed(&url, &error))?;

        let url = address(&format!("{}/{service}", access.clone_url))?;
        let call = Call::new(Method::POST, url.clone()).answered_exactly_by(LIST_TYPE);
        let call = with_access(call, access).bytes(REQUEST_TYPE, offer.ls_refs_request());
        let list = self.fetch(call.timeout(LIST_TIMEOUT).max_answer_bytes(MAX_REF_LIST_BYTES)).await?;
        offer.read_refs(&list).map_err(|error| malformed(&url, &error))
    }
}

fn with_access<'a>(call: Call<'a>, access: &'a GitAccess) -> Call<'a> {
    call.header("Authorization", &access.authorization).header("Git-Protocol", "version=2")
}

pub(super) fn address(text: &str) -> Result<Url, CallError> {
    Url::parse(text)
        .map_err(|error| CallError::Malformed { url: text.to_owned(), problem: error.to_string() })
}

fn malformed(url: &Url, error: &RemoteListError) -> CallError {
    CallError::Malformed { url: url.to_string(), problem: error.to_string() }
}
