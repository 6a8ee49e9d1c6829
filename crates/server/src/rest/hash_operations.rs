//! The operations that both roles answer alike: each role has the same three, over what it knows itself.

use heliostat_api::Call;
use heliostat_api::hashes::{
    GetRepositoryContentHashesResponse, GetRepositoryHashesResponse, GetRepositoryMetadataHashesResponse,
    HashesOperations,
};

use super::{MirrorOperations, UpstreamOperations, repo_hashes};

macro_rules! answers_hashes {
    ($($role:ident)*) => {$(
        impl HashesOperations for $role {
            async fn get_repository_hashes(&self, call: Call) -> poem::Result<GetRepositoryHashesResponse> {
                Ok(repo_hashes::get_repository_hashes(self, call).await?)
            }

            async fn get_repository_content_hashes(
                &self,
                call: Call,
            ) -> poem::Result<GetRepositoryContentHashesResponse> {
                Ok(repo_hashes::get_repository_content_hashes(self, call).await?)
            }

            async fn get_repository_metadata_hashes(
                &self,
                call: Call,
            ) -> poem::Result<GetRepositoryMetadataHashesResponse> {
                Ok(repo_hashes::get_repository_metadata_hashes(self, call).await?)
            }
        }
    )*};
}

answers_hashes! { UpstreamOperations MirrorOperations }
