//! Answers one Git request over HTTP.

use std::time::{Duration, Instant};

use heliostat_api::Call;
use heliostat_git::{
    ByteStream, GitError, GitProtocol, GitService, MAX_FETCH_REQUEST_BYTES, decode_request_body,
};
use heliostat_git_serve::{Answer, ServedRepository};
use heliostat_mirror::{PassedBody, PassedRequest};
use heliostat_origin::Visit;
use heliostat_refusal::Refusal;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Body, Endpoint, Request, Response, ResponseBuilder, Result};

use super::bundle;
use super::identify::{HttpIdentity, client_of};
use super::request::{self, GitStep, NotServed};
use crate::git::access::{FoundCaller, GitClient, ReadFreshness, Readable};
use crate::http::problem::Problem;
use crate::http::request_record::{self, CacheResult, LoggedCaller};
use crate::http::{SendfileQueue, Spool, client_prefix, stored_response};
use crate::wire::freshness::{freshness_header, origin_freshness_header, through_header};

/// What git itself sends: refs may change at any moment.
const UNCACHED: HeaderValue = HeaderValue::from_static("no-cache, max-age=0, must-revalidate");

const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const OBJECTS: &str = "application/x-git-upload-pack-result";

/// How fresh the answer is, at a mirror.
const FRESHNESS: HeaderName = HeaderName::from_static("heliostat-freshness");

/// How long a request for objects may take to arrive before it is asked once more whether its sender may read.
const LET_IN_FOR: Duration = Duration::from_secs(5);

/// A push up to this length is received whole before anything is done for it. Of a longer one git reads the beginning while
/// the rest is on its way, because most of the time goes into that.
const WHOLE_PUSH_BYTES: u64 = 8 * 1024 * 1024;

/// The endpoint of a role for all that Git asks.
pub struct GitEndpoint<A> {
    access: A,
    /// Where requests for objects arrive.
    spool: Spool,
}

impl<A: HttpIdentity> Endpoint for GitEndpoint<A> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let uri = request.uri();
        let wanted = request::read(request.method().as_str(), uri.path(), uri.query());
        let wanted = wanted.and_then(|(repository, step)| {
            let path = self.access.path_of(repository).ok_or(NotServed::UnknownPath)?;
            Ok((path, step))
        });
        match wanted {
            Ok((path, step)) => {
                request_record::operation(name_of(step));
                request_record::repository(&path);
                Ok(self.answer(request, &path, step).await.unwrap_or_else(refused))
            }
            Err(not_served) => Ok(not_served_here(not_served)),
        }
    }
}

impl<A> GitEndpoint<A> {
    /// Answers by what the role decides.
    pub fn new(access: A, spool: Spool) -> Self {
        Self { access, spool }
    }
}

impl<A: HttpIdentity> GitEndpoint<A> {
    async fn answer(&self, mut request: Request, path: &A::Path, step: GitStep) -> Result<Response, Refusal> {
        let call = Call::of(&request);
        let queue = request.extensions().get::<SendfileQueue>().cloned().unwrap_or_default();
        let protocol = GitProtocol::from_header(request.header("git-protocol"));
        match step {
            GitStep::Advertise(service) => {
                // In version 2 it shows no references.
                let is_greeting = service == GitService::UploadPack && protocol.version() == 2;
                let visit = if is_greeting { Visit::Greeting } else { Visit::First };
                let client = client_of(&self.access, &call, visit).await?;
                let (repository, freshness) = match service {
                    GitService::UploadPack => {
                        let mut readable = self.readable(&client, path).await?;
                        if !is_greeting || readable.repository.is_err() {
                            let request = PassedRequest { protocol: protocol.clone(), body: None };
                            let answer = self.pass(&client, path, &mut readable, request).await?;
                            if let Some(answer) = answer {
                                return Ok(passed(ADVERTISEMENT, readable.freshness.as_ref(), answer));
                            }
                        }
                        (readable.repository?, readable.freshness)
                    }
                    GitService::ReceivePack => (self.pushable(&client, path).await?, None),
                };
                let answer = repository.advertise(service, &protocol).await;
                let answer = answer.map_err(|error| self.not_answered(path, error))?;
                let content_type = match service {
                    GitService::UploadPack => ADVERTISEMENT,
                    GitService::ReceivePack => "application/x-git-receive-pack-advertisement",
                };
                Ok(with_answer(uncached(content_type, freshness), answer, queue))
            }
            GitStep::UploadPack => {
                check_type(&request, GitService::UploadPack)?;
                let client = client_of(&self.access, &call, Visit::Following).await?;
                let mut readable = self.readable(&client, path).await?;
                let let_in = Instant::now();
                // A request that is still arriving takes nothing that others wait for.
                let limit_bytes = MAX_FETCH_REQUEST_BYTES;
                let body =
                    self.spool.receive(request.take_body(), client_prefix(&request), limit_bytes).await;
                let body = match body {
                    Ok(body) => body,
                    Err(error) => return Ok(told(&error.into())),
                };
                // Who has sent it slowly may not be a reader any more.
                if let_in.elapsed() >= LET_IN_FOR {
                    readable = self.readable(&client, path).await?;
                }
                if readable.through.is_some() {
                    let encoding = request.header(header::CONTENT_ENCODING).map(str::to_owned);
                    let passing = PassedBody { bytes: body.clone().into_stream(), encoding };
                    let passing = PassedRequest { protocol: protocol.clone(), body: Some(passing) };
                    if let Some(answer) = self.pass(&client, path, &mut readable, passing).await? {
                        return Ok(passed(OBJECTS, readable.freshness.as_ref(), answer));
                    }
                }
                let body = decoded(&request, body.into_stream())?;
                let Readable { repository, reader, freshness, .. } = readable;
                let answer = repository?.upload_pack(body, &protocol, reader).await;
                let answer = answer.map_err(|error| self.not_answered(path, error))?;
                Ok(with_answer(uncached(OBJECTS, freshness), answer, queue))
            }
            GitStep::ReceivePack => {
                check_type(&request, GitService::ReceivePack)?;
                let client = client_of(&self.access, &call, Visit::Following).await?;
                // Only who may push is waited for.
                self.pushable(&client, path).await?;
                let beginning_bytes = WHOLE_PUSH_BYTES;
                let body = request.take_body();
                let body = self.spool.receive_beginning(body, client_prefix(&request), beginning_bytes).await;
                let body = match body {
                    Ok(body) => decoded(&request, body)?,
                    Err(error) => return Ok(told(&error.into())),
                };
                let report = self.access.take_push(&client, path, body, protocol).await?;
                Ok(uncached("application/x-git-receive-pack-result", None).body(report))
            }
            GitStep::BundleList => {
                let client = client_of(&self.access, &call, Visit::Following).await?;
                let repository = self.readable(&client, path).await?.repository?;
                Ok(bundle::list(&repository, request.headers(), &self.access.url_of(path)))
            }
            GitStep::Bundle(id) => {
                let wanted = bundle::Wanted::of(request.method(), request.headers());
                let client = client_of(&self.access, &call, Visit::Following).await?;
                let repository = self.readable(&client, path).await?.repository?;
                bundle::answer(&repository, id, &wanted).await
            }
        }
    }

    /// What the role lets the client read. The record of the request says who that was found to be.
    async fn readable(&self, client: &GitClient<A::Identity>, path: &A::Path) -> Result<Readable, Refusal> {
        let readable = self.access.readable(client, path).await?;
        note(readable.caller.as_ref());
        Ok(readable)
    }

    /// What another server answers; who is calling may be known only by then.
    async fn pass(
        &self,
        client: &GitClient<A::Identity>,
        path: &A::Path,
        readable: &mut Readable,
        request: PassedRequest,
    ) -> Result<Option<ByteStream>, Refusal> {
        let answer = self.access.pass(client, path, readable, request).await?;
        note(readable.caller.as_ref());
        Ok(answer)
    }

    /// Where the client may push to. The record of the request says who is calling also where that is nowhere.
    async fn pushable(
        &self,
        client: &GitClient<A::Identity>,
        path: &A::Path,
    ) -> Result<ServedRepository, Refusal> {
        let pushable = self.access.pushable(client, path).await?;
        note(pushable.caller.as_ref());
        pushable.repository
    }

    /// A body that cannot be read is the client's fault; a repository that cannot be read may be readable elsewhere.
    fn not_answered(&self, path: &A::Path, error: GitError) -> Refusal {
        match error {
            GitError::Request(error) => {
                Refusal::invalid("body", format!("The request's body cannot be read: {error}."))
            }
            error if error.fault().is_some() => {
                tracing::error!(
                    repository.path = %path,
                    error = &error as &dyn std::error::Error,
                    "cannot read a repository that is served"
                );
                self.access.unreadable(path)
            }
            error => Refusal::internal(error),
        }
    }
}

/// The record of the request says who is calling.
fn note(caller: Option<&FoundCaller>) {
    match caller {
        Some(FoundCaller::User(name)) => request_record::called_as(LoggedCaller::User(name.clone())),
        Some(FoundCaller::AsShown) => request_record::called_as_shown(),
        None => {}
    }
}

/// What logs call a step.
fn name_of(step: GitStep) -> &'static str {
    match step {
        GitStep::Advertise(GitService::UploadPack) => "gitFetchRefs",
        GitStep::Advertise(GitService::ReceivePack) => "gitPushRefs",
        GitStep::UploadPack => "gitFetch",
        GitStep::ReceivePack => "gitPush",
        GitStep::BundleList => "gitBundleList",
        GitStep::Bundle(_) => "gitBundle",
    }
}

fn check_type(request: &Request, service: GitService) -> Result<(), Refusal> {
    let wanted = format!("application/x-{}-request", service.name());
    if request.content_type() != Some(wanted.as_str()) {
        let message = format!("A body of {} must be of the type {wanted}.", service.name());
        return Err(Refusal::unsupported_media_type(message));
    }
    Ok(())
}

/// The body of a request, unpacked if the client packed it.
fn decoded(request: &Request, body: ByteStream) -> Result<ByteStream, Refusal> {
    decode_request_body(request.header(header::CONTENT_ENCODING), body)
        .map_err(|error| Refusal::unsupported_media_type(format!("This body is not read: {error}.")))
}

/// Each kind of answer by its cheapest way; `queue` is that of the connection that the body goes to.
fn with_answer(response: ResponseBuilder, answer: Answer, queue: SendfileQueue) -> Response {
    request_record::cached(match &answer {
        Answer::Whole(_) => CacheResult::Hit,
        Answer::Stored(answer) if answer.is_complete() => CacheResult::Hit,
        Answer::Stored(_) | Answer::Awaited(_) => CacheResult::Miss,
        Answer::Streamed(_) => CacheResult::Bypass,
    });
    match answer {
        Answer::Whole(bytes) => response.body(bytes),
        Answer::Stored(answer) => stored_response(response, answer, queue),
        Answer::Awaited(answer) => stored_response(response, answer, queue),
        Answer::Streamed(output) => response.body(Body::from_bytes_stream(output)),
    }
}

fn uncached(content_type: &'static str, freshness: Option<ReadFreshness>) -> ResponseBuilder {
    let response = Response::builder()
        .header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
        .header(header::CACHE_CONTROL, UNCACHED);
    match freshness {
        Some(ReadFreshness::OfUpstream(freshness)) => {
            response.header(FRESHNESS, freshness_header(&freshness))
        }
        Some(ReadFreshness::OfOrigin(freshness)) => {
            response.header(FRESHNESS, origin_freshness_header(&freshness))
        }
        None => response,
    }
}

/// What another server answers, as it comes.
fn passed(content_type: &'static str, freshness: Option<&ReadFreshness>, answer: ByteStream) -> Response {
    request_record::cached(CacheResult::Bypass);
    let response = uncached(content_type, None);
    let response = match freshness.and_then(ReadFreshness::of_upstream) {
        Some(freshness) => response.header(FRESHNESS, through_header(freshness)),
        None => response,
    };
    response.body(Body::from_bytes_stream(answer))
}

/// Git shows the text of a plain error to its user, so errors are sentences here, not JSON.
fn refused(refusal: Refusal) -> Response {
    told(&Problem::from(refusal))
}

fn told(problem: &Problem) -> Response {
    let mut response = plain(problem.status_code(), problem.message());
    problem.challenge(&mut response);
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
