//! What tests of this crate share: served repositories, and a server of them over HTTP.

use futures_util::StreamExt;
use heliostat_git::fixture::Workshop;
use heliostat_git::fixture_http::Answers;
use heliostat_git::{ByteStream, ClientKey, GitError, GitProtocol, GitService, Repository};

use crate::engine::ServingOptions;
use crate::served::{ServedRepositories, ServedRepository};

/// The repositories of the workshop's store.
pub(crate) fn served_store(workshop: &Workshop) -> ServedRepositories {
    let opened =
        ServedRepositories::new(workshop.git.clone(), workshop.path("store"), &ServingOptions::default());
    opened.expect("a store")
}

impl Answers for ServedRepository {
    async fn advertise(&self, service: GitService, protocol: GitProtocol) -> Result<ByteStream, GitError> {
        Ok(Self::advertise(self, service, &protocol).await?.into_stream())
    }

    async fn upload_pack(&self, request: ByteStream, protocol: GitProtocol) -> Result<ByteStream, GitError> {
        let answer =
            Self::upload_pack(self, request.boxed(), &protocol, ClientKey::verified("fixture")).await?;
        Ok(answer.into_stream())
    }

    fn target(&self) -> &Repository {
        &self.repository
    }
}
