//! Who sends a request over HTTP: the `Authorization` header, read as each role reads it.

use std::future::Future;

use heliostat_api::Call;
use heliostat_auth::{Caller, Credentials};
use heliostat_foreign::Credentials as OriginCredentials;
use heliostat_origin::Visit;
use heliostat_refusal::Refusal;
use heliostat_upstream::RequestFacts;

use crate::git::access::{GitAccess, GitClient};
use crate::git::{MirrorGit, OriginGit, UpstreamGit};
use crate::http::request_record;
use crate::wire::not_opened::origin_credentials;

/// A role that can be reached over HTTP.
pub trait HttpIdentity: GitAccess {
    /// Who sent this request, in the terms of the role.
    fn identify(&self, call: &Call) -> impl Future<Output = Result<Self::Identity, Refusal>> + Send;
}

impl HttpIdentity for UpstreamGit {
    async fn identify(&self, call: &Call) -> Result<Caller, Refusal> {
        let facts = RequestFacts {
            method: &call.method,
            path: &call.path,
            raw_query: call.query.as_deref(),
            peer: call.peer,
        };
        let caller = self.upstream.accounts().identify(credentials_of(call)?, facts).await?;
        request_record::called_by(&caller);
        Ok(caller)
    }
}

impl HttpIdentity for MirrorGit {
    async fn identify(&self, call: &Call) -> Result<Credentials, Refusal> {
        credentials_of(call)
    }
}

impl HttpIdentity for OriginGit {
    /// As it came: only the origin knows what it is worth.
    async fn identify(&self, call: &Call) -> Result<OriginCredentials, Refusal> {
        origin_credentials(call)
    }
}

/// The client behind a request.
pub async fn client_of<A: HttpIdentity>(
    access: &A,
    call: &Call,
    visit: Visit,
) -> Result<GitClient<A::Identity>, Refusal> {
    Ok(GitClient { identity: access.identify(call).await?, address: call.peer, visit })
}

fn credentials_of(call: &Call) -> Result<Credentials, Refusal> {
    Ok(Credentials::parse(call.authorization.as_deref(), None)?)
}
