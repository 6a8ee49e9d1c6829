//! The one place that turns refusals and framework errors into HTTP.
//!
//! Every error leaves the server as `{"errors": [{context, message, exceptionName}]}`. What must not be shown
//! (database text, paths, stack traces) is logged here and replaced by a fixed sentence.

use std::io;
use std::time::Duration;

use heliostat_api::ErrorName;
use heliostat_api::models::{RestErrorMessage, RestErrors};
use heliostat_peer::with_causes;
use heliostat_refusal::{Proof, Refusal};
use poem::error::ResponseError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, Response};

use super::spool::NotReceived;

/// The challenge that tells a client how to authenticate.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"Heliostat\", charset=\"UTF-8\"");

/// When to try again after too many requests, where nothing better is known: the strictest limit, that of requests to
/// join, admits one every two seconds.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// An error as a client sees it.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    context: Option<String>,
    message: String,
    name: ErrorName,
    allow: Option<Box<HeaderValue>>,
    retry_after: Option<Duration>,
    /// How to authenticate at another server, where that is what is missing.
    challenges: Vec<HeaderValue>,
}

impl Problem {
    /// An error with a status, its kind by name, and a sentence.
    pub fn new(status: StatusCode, name: ErrorName, message: impl Into<String>) -> Self {
        Problem {
            status,
            context: None,
            message: message.into(),
            name,
            allow: None,
            retry_after: None,
            challenges: Vec::new(),
        }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn about(mut self, context: Option<String>) -> Self {
        self.context = context.filter(|context| !context.is_empty());
        self
    }

    /// The same under the status that an operation promises for it.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// A path that nothing answers.
    pub fn unknown_path(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorName::NotFound, format!("Nothing is served at {path}."))
    }

    /// A path that is not below that of this server.
    pub fn outside_context_path(path: &str, context_path: &str) -> Self {
        let message = format!("Nothing is served at {path}: this server answers below {context_path}/.");
        Self::new(StatusCode::NOT_FOUND, ErrorName::NotFound, message)
    }

    /// Names the methods that the path does answer.
    #[must_use]
    pub fn allowing(mut self, methods: &str) -> Self {
        self.allow = HeaderValue::from_str(methods).ok().map(Box::new);
        self
    }

    /// In how many seconds to try again: after too many requests, and where it is known what is waited for.
    pub fn retry_after(&self) -> Option<HeaderValue> {
        let pause = match self.status {
            StatusCode::TOO_MANY_REQUESTS => self.retry_after.unwrap_or(RETRY_AFTER),
            StatusCode::SERVICE_UNAVAILABLE => self.retry_after?,
            _ => return None,
        };
        let seconds = pause.as_millis().div_ceil(1_000).max(1);
        Some(HeaderValue::from_str(&seconds.to_string()).expect("digits are a header"))
    }

    /// Tells the client how to authenticate, if that is what is missing: as this server wants it, or as the one does that
    /// decides.
    pub fn challenge(&self, response: &mut Response) {
        if self.status != StatusCode::UNAUTHORIZED {
            return;
        }
        if self.challenges.is_empty() {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        for challenge in &self.challenges {
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge.clone());
        }
    }

    /// The HTTP status.
    pub fn status_code(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, for text-only clients such as git.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The error in the envelope.
    pub fn response(&self) -> Response {
        let error = RestErrorMessage {
            context: self.context.clone(),
            message: self.message.clone(),
            exception_name: Some(self.name.as_str().to_owned()),
        };
        let text = serde_json::to_vec(&RestErrors { errors: vec![error] }).unwrap_or_default();
        let mut response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Body::from_vec(text));
        self.challenge(&mut response);
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if let Some(allow) = &self.allow {
            response.headers_mut().insert(header::ALLOW, HeaderValue::clone(allow));
        }
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn as_response(&self) -> Response {
        self.response()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated { proof, message } => {
                Self::new(StatusCode::UNAUTHORIZED, name_of_proof(proof), message)
            }
            Refusal::Challenged { challenges, message } => Self {
                challenges: challenges.iter().filter_map(|text| HeaderValue::from_str(text).ok()).collect(),
                ..Self::new(StatusCode::UNAUTHORIZED, ErrorName::Authentication, message)
            },
            Refusal::Forbidden { message } => {
                Self::new(StatusCode::FORBIDDEN, ErrorName::Authorisation, message)
            }
            Refusal::NotFound { what, message } => {
                Self::new(StatusCode::NOT_FOUND, name_of_missing(what), message)
            }
            Refusal::Conflict { context, message } => {
                Self::new(StatusCode::CONFLICT, ErrorName::Conflict, message).about(context)
            }
            Refusal::Invalid { context, message } => {
                Self::new(StatusCode::BAD_REQUEST, ErrorName::ArgumentValidation, message).about(context)
            }
            Refusal::UnsupportedMediaType { message } => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorName::UnsupportedMediaType, message)
            }
            Refusal::TooMany { message, retry_after } => Self {
                retry_after,
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorName::TooManyRequests, message)
            },
            Refusal::Unavailable { message, retry_after } => Self {
                retry_after,
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorName::Unavailable, message)
            },
            Refusal::Gone { message } => {
                Self::new(StatusCode::GONE, ErrorName::UnsupportedOperation, message)
            }
            Refusal::Internal(error) => Self::internal(error.as_ref()),
        }
    }
}

impl From<NotReceived> for Problem {
    fn from(error: NotReceived) -> Self {
        let (status, name) = match &error {
            NotReceived::Broken(cause) if cause.kind() == io::ErrorKind::TimedOut => {
                (StatusCode::REQUEST_TIMEOUT, ErrorName::BadRequest)
            }
            NotReceived::Broken(_) => (StatusCode::BAD_REQUEST, ErrorName::ArgumentValidation),
            NotReceived::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, ErrorName::PayloadTooLarge),
            NotReceived::NoRoom => (StatusCode::TOO_MANY_REQUESTS, ErrorName::TooManyRequests),
            NotReceived::Disk(_) => {
                tracing::error!(error = with_causes(&error), "cannot keep the body of a request");
                (StatusCode::SERVICE_UNAVAILABLE, ErrorName::Unavailable)
            }
        };
        let context = matches!(error, NotReceived::Broken(_)).then(|| "body".to_owned());
        Self::new(status, name, format!("{error}.")).about(context)
    }
}

impl Problem {
    /// A fault of this server: the chain of causes goes to the log, a fixed sentence to the client.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = with_causes(error), "a request failed inside the server");
        Self::internal_and_logged()
    }

    /// The same, where the log has told why.
    pub fn internal_and_logged() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorName::InternalServer,
            "The server failed to answer; its log says why under this request's id.",
        )
    }
}

/// By its name, a server whose call is refused learns whether its own JWT is at fault or a user's credentials are.
fn name_of_proof(proof: Proof) -> ErrorName {
    match proof {
        Proof::Credentials => ErrorName::Authentication,
        Proof::ServerToken => ErrorName::ServerToken,
        Proof::ServerClock => ErrorName::ServerClock,
    }
}

fn name_of_missing(what: &str) -> ErrorName {
    match what {
        "repository" => ErrorName::NoSuchRepository,
        "project" => ErrorName::NoSuchProject,
        "user" => ErrorName::NoSuchUser,
        _ => ErrorName::NoSuchEntity,
    }
}
