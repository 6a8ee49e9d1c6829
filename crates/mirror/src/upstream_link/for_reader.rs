//! What the upstream gives to a reader of this mirror, who shows it their own credentials: it decides for itself whether
//! this reader may read what is at the address, whatever this mirror knows about it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use heliostat_auth::{Credentials, Secret};
use heliostat_git::{ByteStream, GitProtocol, GitService, Given, ObjectId, ObjectInfoRequest};
use heliostat_peer::{Call, CallError, Passage, PassedAnswer};
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName};

use super::client::{URGENT_TIMEOUT, UpstreamClient};
use super::ref_list::{LIST_TYPE, OFFER_TYPE, REQUEST_TYPE, address};

/// The most that it may say: that it gives it, or in a line why not.
const MAX_QUESTION_ANSWER_BYTES: usize = 64 * 1024;

/// The longest list of sizes; a line of it takes less than a hundred bytes, and at most a thousand are asked for.
const MAX_SIZES_BYTES: usize = 100 * 1024;

/// How long the upstream may take to begin with an answer. While it computes, it sends that it lives.
const ANSWER_BEGINS_WITHIN: Duration = Duration::from_secs(10);

const GIT_PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// Where a repository is on the upstream, and what a reader shows there.
#[derive(Debug, Clone)]
pub(crate) struct ReaderAccess {
    clone_url: String,
    authorization: Option<Secret>,
}

/// A request of a Git reader that goes on to the upstream.
pub struct PassedRequest {
    /// What the client says of the protocol that it speaks.
    pub protocol: GitProtocol,
    /// What it sends; nothing if it asks what there is.
    pub body: Option<PassedBody>,
}

/// What a Git reader sends.
pub struct PassedBody {
    /// Its bytes, as they came.
    pub bytes: ByteStream,
    /// How they are packed.
    pub encoding: Option<String>,
}

impl ReaderAccess {
    /// `None` for a reader who has nothing to show that holds there.
    pub(crate) fn of(credentials: &Credentials, clone_url: String) -> Option<Self> {
        let authorization = credentials.for_another_server();
        let is_shown = authorization.is_some() || *credentials == Credentials::None;
        is_shown.then_some(Self { clone_url, authorization })
    }
}

impl PassedRequest {
    /// The type of its answer.
    pub(crate) fn answer_type(&self) -> &'static str {
        if self.body.is_some() { LIST_TYPE } else { OFFER_TYPE }
    }
}

impl UpstreamClient {
    /// Whether the upstream gives these objects to a reader, of which there is at least one.
    pub(crate) async fn gives(
        &self,
        access: &ReaderAccess,
        objects: &BTreeSet<ObjectId>,
    ) -> Result<Given, CallError> {
        let answer = self.ask_git(access, Given::question(objects), MAX_QUESTION_ANSWER_BYTES).await;
        answer.map(|answer| Given::read(&answer))
    }

    /// The sizes of those of these objects that the upstream tells a reader, of which there is at least one.
    pub(crate) async fn sizes(
        &self,
        access: &ReaderAccess,
        objects: &BTreeSet<ObjectId>,
    ) -> Result<BTreeMap<ObjectId, u64>, CallError> {
        let question = ObjectInfoRequest::question(objects);
        let answer = self.ask_git(access, question, MAX_SIZES_BYTES).await?;
        // Not every upstream knows the question.
        Ok(ObjectInfoRequest::sizes_in(&answer).unwrap_or_default())
    }

    /// Asks a short question in version 2 of the protocol, for a reader.
    async fn ask_git(
        &self,
        access: &ReaderAccess,
        question: Vec<u8>,
        max_answer_bytes: usize,
    ) -> Result<Vec<u8>, CallError> {
        let url = address(&format!("{}/{}", access.clone_url, GitService::UploadPack.name()))?;
        let mut call = Call::new(Method::POST, url).answered_exactly_by(LIST_TYPE);
        if let Some(authorization) = &access.authorization {
            call = call.header("Authorization", authorization.expose());
        }
        let call = call.header("Git-Protocol", "version=2").bytes(REQUEST_TYPE, question);
        self.fetch(call.timeout(URGENT_TIMEOUT).max_answer_bytes(max_answer_bytes)).await
    }

    /// Lets a request of a reader go on, and returns when the answer has begun.
    pub(crate) async fn pass_on(
        &self,
        access: &ReaderAccess,
        request: PassedRequest,
    ) -> Result<PassedAnswer, CallError> {
        let service = GitService::UploadPack.name();
        let mut passage = match request.body {
            None => Passage::get(address(&format!("{}/info/refs?service={service}", access.clone_url))?),
            Some(PassedBody { bytes, encoding }) => {
                let url = address(&format!("{}/{service}", access.clone_url))?;
                let passage = Passage::post(url, bytes).header(CONTENT_TYPE, REQUEST_TYPE);
                let passage = passage.header(ACCEPT, LIST_TYPE);
                match encoding {
                    Some(encoding) => passage.header(CONTENT_ENCODING, &encoding),
                    None => passage,
                }
            }
        };
        if let Some(protocol) = request.protocol.as_str() {
            passage = passage.header(GIT_PROTOCOL, protocol);
        }
        if let Some(authorization) = &access.authorization {
            passage = passage.secret_header(AUTHORIZATION, authorization.expose());
        }
        let answer = tokio::time::timeout(ANSWER_BEGINS_WITHIN, self.pass(passage)).await;
        let answer = answer.unwrap_or_else(|_| {
            let (url, reason) = (access.clone_url.clone(), "its answer does not begin".to_owned());
            Err(CallError::Unreachable { url, reason })
        });
        self.note_contact(&answer);
        answer
    }
}
