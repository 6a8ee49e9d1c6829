//! Puts every error that poem or poem-openapi raises into the envelope, with the field at fault where one is known.

use std::borrow::Cow;
use std::sync::Arc;

use heliostat_api::{
    ErrorName, Found, InvalidBody, MAX_JSON_BODY_BYTES, Operation, Role, limit_in_words, operations_on_path,
};
use poem::error::{MethodNotAllowedError, NotFoundError, ReadBodyError};
use poem::http::{StatusCode, Uri};
use poem::{Endpoint, Error, IntoResponse, Middleware, Request, Response, Result};
use poem_openapi::error::{AuthorizationError, ContentTypeError, ParseParamError, ParsePathError};

use crate::http::allowed_values;
use crate::http::problem::Problem;

/// How much of a value that is not allowed is shown, in characters.
const MAX_SHOWN_CHARACTERS: usize = 60;

/// The middleware; knows which role answers, so that the other role's operations get a helpful 404.
#[derive(Clone, Copy)]
pub struct Envelope {
    /// The role of this server.
    pub role: Role,
}

impl<E: Endpoint> Middleware<E> for Envelope {
    type Output = EnvelopeEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        EnvelopeEndpoint { endpoint: Arc::new(endpoint), role: self.role }
    }
}

/// An endpoint that never fails: errors are responses.
pub struct EnvelopeEndpoint<E> {
    endpoint: Arc<E>,
    role: Role,
}

impl<E: Endpoint> Endpoint for EnvelopeEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        // Both are cheap to copy, unlike their text, which only errors need.
        let (method, address) = (request.method().clone(), request.uri().clone());
        match self.endpoint.call(request).await {
            Ok(response) => Ok(response.into_response()),
            Err(error) if error.is_from_response() => Ok(error.into_response()),
            Err(error) => {
                let (method, path) = (method.as_str(), address.path());
                let problem = problem_of(&error, method, &address, self.role);
                Ok(as_promised(problem, method, path).response())
            }
        }
    }
}

/// Bitbucket's contract says 409 of requests to join that make no sense, and ours promises the same. All other operations
/// promise 400.
fn as_promised(problem: Problem, method: &str, path: &str) -> Problem {
    if problem.status_code() != StatusCode::BAD_REQUEST {
        return problem;
    }
    let says_conflict = most_exact(path).iter().any(|operation| {
        let promises = |status: StatusCode| operation.statuses.contains(&status.as_u16());
        operation.method == method && !promises(StatusCode::BAD_REQUEST) && promises(StatusCode::CONFLICT)
    });
    if says_conflict { problem.with_status(StatusCode::CONFLICT) } else { problem }
}

/// The operations on a path. A fixed path can match a template as well, and is then the one that is meant.
pub fn most_exact(path: &str) -> Vec<&'static Operation> {
    let below_rest = path.strip_prefix("/rest").unwrap_or(path);
    let mut on_path: Vec<_> = operations_on_path(below_rest).collect();
    let placeholders = |operation: &Operation| operation.path.matches('{').count();
    let fewest = on_path.iter().map(|operation| placeholders(operation)).min();
    on_path.retain(|operation| Some(placeholders(operation)) == fewest);
    on_path
}

fn problem_of(error: &Error, method: &str, address: &Uri, role: Role) -> Problem {
    let path = address.path();
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.clone();
    }
    if error.is::<NotFoundError>() {
        return unrouted(method, path, role);
    }
    if error.is::<MethodNotAllowedError>() {
        let problem = unrouted(method, path, role);
        // Beside the contract there are only pages and documents, which are read.
        let is_page = problem.status_code() == StatusCode::NOT_FOUND;
        return if is_page { wrong_method(method, path, "GET, HEAD") } else { problem };
    }
    if error.is::<AuthorizationError>() {
        let message = "This operation needs credentials: Basic, Bearer, or a JWT between servers.";
        return Problem::new(StatusCode::UNAUTHORIZED, ErrorName::Authentication, message);
    }
    if error.is::<poem::error::ParsePathError>() {
        return not_text(path);
    }
    invalid_request(error, method, address).unwrap_or_else(|| {
        if error.status().is_server_error() {
            return Problem::internal(&Described(error.to_string()));
        }
        Problem::new(error.status(), ErrorName::BadRequest, error.to_string())
    })
}

/// Why a value is not of its type, without the names that types have here.
fn in_words(reason: &str) -> Cow<'_, str> {
    if let Some(limit) = reason.strip_prefix("verification failed. ") {
        return limit_in_words(limit.trim_end_matches('.')).into();
    }
    let known = reason.strip_prefix("failed to parse \"").and_then(|rest| rest.split_once("\": "));
    let Some((kind, cause)) = known else { return reason.trim_end_matches('.').into() };
    let words = match kind {
        "boolean" => "it must be true or false",
        _ if kind.starts_with("integer") && cause.starts_with("number too") => {
            "the number is greater or smaller than it may be"
        }
        _ if kind.starts_with("integer") => "it must be a whole number",
        _ => cause.trim_end_matches('.'),
    };
    words.into()
}

/// Why a parameter is not valid: what it must be, where the contract has few words for that, and what it is instead.
fn reason_in_words(reason: &str, allowed: Option<String>, value: Option<&str>) -> String {
    let is_missing = reason.contains("expects an input value");
    match (allowed, value) {
        (None, _) if is_missing => "it is missing".to_owned(),
        (None, _) => in_words(reason).into_owned(),
        (Some(allowed), _) if is_missing => format!("it is missing, and must be {allowed}"),
        (Some(allowed), None) => format!("it must be {allowed}"),
        (Some(allowed), Some(value)) => {
            let shown: String = value.chars().take(MAX_SHOWN_CHARACTERS).collect();
            format!("it must be {allowed}, not {shown:?}")
        }
    }
}

fn invalid_request(error: &Error, method: &str, address: &Uri) -> Option<Problem> {
    let operation = || most_exact(address.path()).into_iter().find(|operation| operation.method == method);
    let allowed = |name: &str| operation().and_then(|found| allowed_values::of_parameter(found, name));
    let invalid = |context: &str, message: String| {
        Problem::new(StatusCode::BAD_REQUEST, ErrorName::ArgumentValidation, message)
            .about(Some(context.to_owned()))
    };
    if let Some(error) = error.downcast_ref::<ParseParamError>() {
        let query = address.query().unwrap_or_default().as_bytes();
        let value = url::form_urlencoded::parse(query).find(|(name, _)| name == error.name);
        let value = value.as_ref().map(|(_, value)| &**value);
        let reason = reason_in_words(&error.reason, allowed(error.name), value);
        return Some(invalid(error.name, format!("The parameter {} is not valid: {reason}.", error.name)));
    }
    if let Some(error) = error.downcast_ref::<ParsePathError>() {
        let reason = reason_in_words(&error.reason, allowed(error.name), None);
        return Some(invalid(error.name, format!("The path part {} is not valid: {reason}.", error.name)));
    }
    if let Some(error) = error.downcast_ref::<InvalidBody>() {
        let allowed = operation().and_then(|found| allowed_values::of_field(found, &error.context));
        let message = match (allowed, &error.found) {
            (Some(allowed), Found::Value(value)) => format!("It must be {allowed}, not {value}."),
            (Some(allowed), Found::Unknown) => format!("It must be {allowed}."),
            (Some(_), Found::Nothing) | (None, _) => error.message.clone(),
        };
        return Some(invalid(&error.context, message));
    }
    if let Some(error) = error.downcast_ref::<ContentTypeError>() {
        let sent = match error {
            ContentTypeError::NotSupported { content_type } => format!("not {content_type:?}"),
            ContentTypeError::ExpectContentType => "and no Content-Type was sent".to_owned(),
        };
        let message = format!("The body must be application/json, {sent}.");
        return Some(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorName::UnsupportedMediaType,
            message,
        ));
    }
    match error.downcast_ref::<ReadBodyError>()? {
        ReadBodyError::PayloadTooLarge => {
            let message = format!("The body is longer than {MAX_JSON_BODY_BYTES} bytes.");
            Some(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorName::PayloadTooLarge, message))
        }
        ReadBodyError::Utf8(_) => Some(invalid("", "The body is not UTF-8.".to_owned())),
        ReadBodyError::Io(_) => Some(invalid("", "The body ended early.".to_owned())),
        ReadBodyError::BodyHasBeenTaken => None,
    }
}

/// A path part that does not decode to text. poem does not say which one it is, so all that are
/// encoded are named.
fn not_text(path: &str) -> Problem {
    let below_rest = path.strip_prefix("/rest").unwrap_or(path);
    let template = operations_on_path(below_rest).next().map_or("", |operation| operation.path);
    let parts = template.split('/').zip(below_rest.split('/'));
    let encoded = parts.filter(|(wanted, found)| wanted.starts_with('{') && found.contains('%'));
    let names: Vec<&str> = encoded.map(|(wanted, _)| wanted.trim_matches(['{', '}'])).collect();
    let names = names.join(", ");
    let message = format!("The path part {names} does not decode to UTF-8.");
    Problem::new(StatusCode::BAD_REQUEST, ErrorName::ArgumentValidation, message).about(Some(names))
}

/// A request that no route took: an unknown path, a wrong method, or the other role's operation.
fn unrouted(method: &str, path: &str, role: Role) -> Problem {
    let on_path = most_exact(path);
    let here: Vec<&str> =
        on_path.iter().filter(|operation| operation.is_served_by(role)).map(|o| o.method).collect();
    if !here.is_empty() {
        return wrong_method(method, path, &here.join(", "));
    }
    match on_path.first() {
        Some(operation) => {
            let other = operation.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" or ");
            let message = format!(
                "{path} is served by a server in the {other} role; this one is in the {} role.",
                role.as_str()
            );
            Problem::new(StatusCode::NOT_FOUND, ErrorName::NotFound, message)
        }
        None => Problem::unknown_path(path),
    }
}

fn wrong_method(method: &str, path: &str, allow: &str) -> Problem {
    let message = format!("{method} is not answered at {path}; allowed: {allow}.");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, ErrorName::MethodNotAllowed, message).allowing(allow)
}

/// An error that is only text by now.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Described(String);

#[cfg(test)]
mod tests {
    use super::{in_words, reason_in_words};

    #[test]
    fn what_is_wrong_with_a_value_is_said_without_the_names_of_types() {
        for (reason, words) in [
            (
                r#"failed to parse "integer_int32": invalid digit found in string"#,
                "it must be a whole number",
            ),
            (
                r#"failed to parse "integer_int32": number too large to fit in target type"#,
                "the number is greater or smaller than it may be",
            ),
            (
                r#"failed to parse "boolean": provided string was not `true` or `false`"#,
                "it must be true or false",
            ),
            ("the server wants more.", "the server wants more"),
            ("verification failed. minimum(0, exclusive: false)", "it must be at least 0"),
        ] {
            assert_eq!(in_words(reason), words);
        }
    }

    #[test]
    fn what_is_allowed_is_said_instead_where_it_is_known() {
        let allowed = || Some("one of A, B".to_owned());
        let wrong = r#"failed to parse "Kind": Expect a valid enumeration value."#;
        let missing = r#"Type "Kind" expects an input value."#;
        assert_eq!(reason_in_words(wrong, allowed(), Some("C")), r#"it must be one of A, B, not "C""#);
        assert_eq!(reason_in_words(wrong, allowed(), None), "it must be one of A, B");
        assert_eq!(reason_in_words(missing, allowed(), None), "it is missing, and must be one of A, B");
        assert_eq!(reason_in_words(missing, None, None), "it is missing");
        let too_long = reason_in_words("verification failed. maxLength(2)", None, Some("CCC"));
        assert_eq!(too_long, "it must have at most 2 characters");
        let long = reason_in_words(wrong, allowed(), Some(&"C".repeat(9_000)));
        assert!(long.len() < 100, "{long}");
    }
}
