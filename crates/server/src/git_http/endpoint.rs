//! Answers one Git request over HTTP.

use std::io;
use std::sync::Arc;

use futures_util::TryStreamExt;
use heliostat_api::Call;
use heliostat_auth::Refusal;
use heliostat_git::{Answer, ByteStream, GitProtocol, GitService, decode_request_body};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, Endpoint, Request, Response, Result};

use super::request::{self, GitRequest, GitStep, NotServed};
use super::{GitAccess, Readable, bundle};
use crate::problem::{CHALLENGE, Problem};

/// The endpoint below `/scm/` of a role.
pub struct GitEndpoint<A>(pub Arc<A>);

impl<A: GitAccess> Endpoint for GitEndpoint<A> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let uri = request.uri();
        match request::read(request.method().as_str(), uri.path(), uri.query()) {
            Ok(wanted) => Ok(self.answer(request, wanted).await.unwrap_or_else(refused)),
            Err(not_served) => Ok(not_served_here(not_served)),
        }
    }
}

impl<A: GitAccess> GitEndpoint<A> {
    async fn answer(&self, request: Request, wanted: GitRequest) -> Result<Response, Refusal> {
        let call = Call::of(&request);
        let protocol = GitProtocol::from_header(request.header("git-protocol"));
        let (key, slug) = (wanted.project_key.as_str(), wanted.slug.as_str());
        match wanted.step {
            GitStep::Advertise(service) => {
                let repository = match service {
                    GitService::UploadPack => self.0.readable(&call, key, slug).await?.repository,
                    GitService::ReceivePack => self.0.pushable(&call, key, slug).await?,
                };
                let output = repository.advertise(service, &protocol).await.map_err(Refusal::internal)?;
                Ok(streamed(output, &format!("application/x-{}-advertisement", service.name())))
            }
            GitStep::UploadPack => {
                let body = body_of(request, GitService::UploadPack)?;
                let Readable { repository, asker } = self.0.readable(&call, key, slug).await?;
                let output =
                    repository.upload_pack(body, &protocol, asker).await.map_err(Refusal::internal)?;
                Ok(streamed(output, "application/x-git-upload-pack-result"))
            }
            GitStep::ReceivePack => {
                let body = body_of(request, GitService::ReceivePack)?;
                let report = self.0.take_push(&call, key, slug, body, protocol).await?;
                Ok(uncached("application/x-git-receive-pack-result").body(report))
            }
            GitStep::BundleList => Ok(bundle::list(&self.0.readable(&call, key, slug).await?.repository)),
            GitStep::Bundle(id) => {
                let wanted = bundle::Wanted::of(request.method(), request.headers());
                let repository = self.0.readable(&call, key, slug).await?.repository;
                bundle::answer(&repository, id, &wanted).await
            }
        }
    }
}

/// The request body, unpacked if the client packed it.
fn body_of(request: Request, service: GitService) -> Result<ByteStream, Refusal> {
    let wanted = format!("application/x-{}-request", service.name());
    if request.content_type() != Some(wanted.as_str()) {
        return Err(Refusal::invalid(
            "Content-Type",
            format!("A body of {} must be {wanted}.", service.name()),
        ));
    }
    let encoding = request.header(header::CONTENT_ENCODING).map(str::to_owned);
    let body = request.into_body().into_bytes_stream().map_err(io::Error::other);
    decode_request_body(encoding.as_deref(), body)
        .map_err(|error| Refusal::invalid("Content-Encoding", error.to_string()))
}

fn streamed(answer: Answer, content_type: &str) -> Response {
    uncached(content_type).body(Body::from_bytes_stream(answer.into_stream()))
}

fn uncached(content_type: &str) -> poem::ResponseBuilder {
    Response::builder()
        .content_type(content_type)
        .header(header::CACHE_CONTROL, "no-cache, max-age=0, must-revalidate")
}

/// Git shows the text of a plain error to its user, so errors are sentences here, not JSON.
fn refused(refusal: Refusal) -> Response {
    let problem = Problem::from(refusal);
    let mut response = plain(problem.status_code(), problem.message());
    if problem.status_code() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    response
}

fn not_served_here(not_served: NotServed) -> Response {
    match not_served {
        NotServed::UnknownPath => plain(StatusCode::NOT_FOUND, "Nothing is served at this path."),
        NotServed::DumbProtocol => {
            plain(StatusCode::FORBIDDEN, "Git's dumb HTTP protocol is not served; use git 1.6.6 or newer.")
        }
        NotServed::WrongMethod { allow } => {
            let mut response =
                plain(StatusCode::METHOD_NOT_ALLOWED, "This path is answered to another method.");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
            response
        }
    }
}

fn plain(status: StatusCode, text: &str) -> Response {
    Response::builder().status(status).content_type("text/plain; charset=utf-8").body(format!("{text}\n"))
}
