//! Answers one Git request over HTTP.

use std::io;
use std::sync::Arc;

use futures_util::TryStreamExt;
use heliostat_api::Call;
use heliostat_git::{ByteStream, GitError, GitProtocol, GitService, decode_request_body};
use heliostat_git_serve::Answer;
use heliostat_mirror::Freshness;
use heliostat_refusal::Refusal;
use http_body_util::BodyExt;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Body, Endpoint, Request, Response, Result};

use super::bundle;
use super::identify::{HttpIdentity, client_of};
use super::request::{self, GitRequest, GitStep, NotServed};
use crate::git::access::{Readable, RepositoryPath};
use crate::http::problem::{CHALLENGE, Problem};
use crate::http::{SendfileQueue, StoredBody};
use crate::wire::freshness::freshness_header;

/// What git itself sends: refs may change at any moment.
const UNCACHED: HeaderValue = HeaderValue::from_static("no-cache, max-age=0, must-revalidate");

/// How fresh the answer is, at a mirror.
const FRESHNESS: HeaderName = HeaderName::from_static("heliostat-freshness");

/// The endpoint below `/scm/` of a role.
pub struct GitEndpoint<A>(pub Arc<A>);

impl<A: HttpIdentity> Endpoint for GitEndpoint<A> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let uri = request.uri();
        match request::read(request.method().as_str(), uri.path(), uri.query()) {
            Ok(wanted) => Ok(self.answer(request, wanted).await.unwrap_or_else(refused)),
            Err(not_served) => Ok(not_served_here(not_served)),
        }
    }
}

impl<A: HttpIdentity> GitEndpoint<A> {
    async fn answer(&self, request: Request, wanted: GitRequest) -> Result<Response, Refusal> {
        let call = Call::of(&request);
        let queue = request.extensions().get::<SendfileQueue>().cloned().unwrap_or_default();
        let protocol = GitProtocol::from_header(request.header("git-protocol"));
        let path = RepositoryPath { project_key: &wanted.project_key, slug: &wanted.slug };
        match wanted.step {
            GitStep::Advertise(service) => {
                let client = client_of(&*self.0, &call).await?;
                let (repository, freshness) = match service {
                    GitService::UploadPack => {
                        let readable = self.0.readable(&client, path).await?;
                        (readable.repository, readable.freshness)
                    }
                    GitService::ReceivePack => (self.0.pushable(&client, path).await?, None),
                };
                let answer = repository.advertise(service, &protocol).await;
                let answer = answer.map_err(|error| self.not_answered(path, error))?;
                let content_type = match service {
                    GitService::UploadPack => "application/x-git-upload-pack-advertisement",
                    GitService::ReceivePack => "application/x-git-receive-pack-advertisement",
                };
                Ok(uncached(content_type, freshness).body(body_with(answer, queue)))
            }
            GitStep::UploadPack => {
                let body = body_of(request, GitService::UploadPack)?;
                let client = client_of(&*self.0, &call).await?;
                let Readable { repository, reader, freshness } = self.0.readable(&client, path).await?;
                let answer = repository.upload_pack(body, &protocol, reader).await;
                let answer = answer.map_err(|error| self.not_answered(path, error))?;
                let content_type = "application/x-git-upload-pack-result";
                Ok(uncached(content_type, freshness).body(body_with(answer, queue)))
            }
            GitStep::ReceivePack => {
                let body = body_of(request, GitService::ReceivePack)?;
                let client = client_of(&*self.0, &call).await?;
                let report = self.0.take_push(&client, path, body, protocol).await?;
                Ok(uncached("application/x-git-receive-pack-result", None).body(report))
            }
            GitStep::BundleList => {
                let client = client_of(&*self.0, &call).await?;
                let repository = self.0.readable(&client, path).await?.repository;
                Ok(bundle::list(&repository, request.headers(), &self.0.url_of(path)))
            }
            GitStep::Bundle(id) => {
                let wanted = bundle::Wanted::of(request.method(), request.headers());
                let client = client_of(&*self.0, &call).await?;
                let repository = self.0.readable(&client, path).await?.repository;
                bundle::answer(&repository, id, &wanted).await
            }
        }
    }

    /// A body that cannot be read is the client's fault; a repository that cannot be read may be readable elsewhere.
    fn not_answered(&self, path: RepositoryPath<'_>, error: GitError) -> Refusal {
        match error {
            GitError::Request(error) => {
                Refusal::invalid("body", format!("The request's body cannot be read: {error}."))
            }
            error if error.fault().is_some() => {
                tracing::error!(
                    project.key = path.project_key,
                    repository.slug = path.slug,
                    error = &error as &dyn std::error::Error,
                    "cannot read a repository that is served"
                );
                self.0.unreadable(path)
            }
            error => Refusal::internal(error),
        }
    }
}

/// The request body, unpacked if the client packed it.
fn body_of(request: Request, service: GitService) -> Result<ByteStream, Refusal> {
    let wanted = format!("application/x-{}-request", service.name());
    if request.content_type() != Some(wanted.as_str()) {
        let message = format!("A body of {} must be of the type {wanted}.", service.name());
        return Err(Refusal::unsupported_media_type(message));
    }
    let encoding = request.header(header::CONTENT_ENCODING).map(str::to_owned);
    let body = request.into_body().into_bytes_stream().map_err(io::Error::other);
    decode_request_body(encoding.as_deref(), body)
        .map_err(|error| Refusal::unsupported_media_type(format!("This body is not read: {error}.")))
}

/// Each kind of answer by its cheapest way; `queue` is that of the connection that the body goes to.
fn body_with(answer: Answer, queue: SendfileQueue) -> Body {
    match answer {
        Answer::Whole(bytes) => Body::from(bytes),
        Answer::Stored(answer) => Body::from(StoredBody::new(answer, queue).boxed()),
        Answer::Streamed(output) => Body::from_bytes_stream(output),
    }
}

fn uncached(content_type: &'static str, freshness: Option<Freshness>) -> poem::ResponseBuilder {
    let response = Response::builder()
        .header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
        .header(header::CACHE_CONTROL, UNCACHED);
    match freshness {
        Some(freshness) => response.header(FRESHNESS, freshness_header(&freshness)),
        None => response,
    }
}

/// Git shows the text of a plain error to its user, so errors are sentences here, not JSON.
fn refused(refusal: Refusal) -> Response {
    let problem = Problem::from(refusal);
    let mut response = plain(problem.status_code(), problem.message());
    if problem.status_code() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    if let Some(seconds) = problem.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
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
