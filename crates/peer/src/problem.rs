//! What another server says about a call that it refuses.

use heliostat_api::ErrorName;
use reqwest::StatusCode;
use serde::Deserialize;

/// How much of a message is kept, in characters.
const MAX_MESSAGE_LENGTH: usize = 500;

/// The first error of a standard error body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerProblem {
    /// The kind of problem. `None` if the body is not a standard error body: the answer may come from a proxy.
    pub name: Option<ErrorName>,
    /// What to tell people. Empty if the server gave no reason.
    pub message: String,
}

#[derive(Deserialize)]
struct ErrorBody {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorEntry {
    message: Option<String>,
    exception_name: Option<String>,
}

impl PeerProblem {
    /// Reads a standard error body. `None` if the body is something else, such as the page of a proxy.
    ///
    /// Servers of other makes name their Java class (`com.example.NoSuchRepositoryException`), a class that the contract
    /// does not know, or nothing. What they mean is then said by the status.
    pub fn read(status: StatusCode, body: &[u8]) -> Option<Self> {
        let body: ErrorBody = serde_json::from_slice(body).ok()?;
        let first = body.errors.into_iter().next()?;
        let class = first.exception_name.as_deref().and_then(|name| name.rsplit('.').next());
        Some(Self {
            name: class.and_then(ErrorName::from_wire).or_else(|| name_of_status(status)),
            message: printable(&first.message.unwrap_or_default()),
        })
    }

    /// An answer without a standard error body: it comes from something that stands where the server is looked for, or in front
    /// of it. `location` is where a redirect leads.
    pub fn of_another_server(status: StatusCode, location: Option<&str>, body: &[u8]) -> Self {
        let remedy = match (status, location) {
            (status, Some(location)) if status.is_redirection() => format!(
                "it leads to {}, and redirects are not followed: give that address",
                printable(location.split("/rest/").next().unwrap_or(location))
            ),
            (StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT, _) => {
                "a proxy answers in the place of the server: see that the server runs, and that the proxy leads to it"
                    .to_owned()
            }
            _ => "no Heliostat has answered: check the address and its path, and what stands in front of it".to_owned(),
        };
        let said = printable(&String::from_utf8_lossy(body));
        let message = if said.is_empty() { remedy } else { format!("{remedy} ({said})") };
        Self { name: None, message }
    }
}

fn name_of_status(status: StatusCode) -> Option<ErrorName> {
    Some(match status {
        StatusCode::BAD_REQUEST => ErrorName::BadRequest,
        StatusCode::UNAUTHORIZED => ErrorName::Authentication,
        StatusCode::FORBIDDEN => ErrorName::Authorisation,
        StatusCode::NOT_FOUND => ErrorName::NoSuchEntity,
        StatusCode::CONFLICT => ErrorName::Conflict,
        StatusCode::TOO_MANY_REQUESTS => ErrorName::TooManyRequests,
        _ => return None,
    })
}

fn printable(text: &str) -> String {
    let characters = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    characters.take(MAX_MESSAGE_LENGTH).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_reason_are_found_in_a_standard_error_body() {
        let body = br#"{"errors":[{"context":null,"message":"The name is taken.","exceptionName":"ConflictException"}]}"#;
        let problem = PeerProblem::read(StatusCode::CONFLICT, body).expect("a standard body");
        assert_eq!(problem.message, "The name is taken.");
        assert_eq!(problem.name, Some(ErrorName::Conflict));
        for other in [&b"<html>\n"[..], b"", b"{}", br#"{"errors":[]}"#] {
            assert_eq!(PeerProblem::read(StatusCode::NOT_FOUND, other), None);
        }
    }

    #[test]
    fn names_of_other_servers_are_understood_by_their_last_part_or_by_the_status() {
        let name = |status, exception: &str| {
            let body = format!(r#"{{"errors":[{{"message":"m","exceptionName":{exception}}}]}}"#);
            PeerProblem::read(status, body.as_bytes()).expect("a standard body").name
        };
        let java = r#""com.example.repository.NoSuchRepositoryException""#;
        assert_eq!(name(StatusCode::NOT_FOUND, java), Some(ErrorName::NoSuchRepository));
        let unknown = r#""com.example.IncorrectPasswordAuthenticationException""#;
        assert_eq!(name(StatusCode::UNAUTHORIZED, unknown), Some(ErrorName::Authentication));
        assert_eq!(name(StatusCode::CONFLICT, "null"), Some(ErrorName::Conflict));
        assert_eq!(name(StatusCode::TOO_MANY_REQUESTS, "null"), Some(ErrorName::TooManyRequests));
        assert_eq!(name(StatusCode::BAD_GATEWAY, "null"), None);
    }

    #[test]
    fn answers_of_other_servers_tell_their_beginning_and_what_can_be_done() {
        let said = |status, location, body: &str| {
            PeerProblem::of_another_server(status, location, body.as_bytes()).message
        };
        let page = said(StatusCode::NOT_FOUND, None, "<html>\nx");
        assert!(page.contains("check the address and its path") && page.ends_with("(<html> x)"), "{page}");
        let proxy = said(StatusCode::BAD_GATEWAY, None, "");
        assert!(proxy.ends_with("that the proxy leads to it"), "{proxy}");
        let moved = "https://git.example.com/base/rest/mirroring/latest/requests?x";
        let moved = said(StatusCode::MOVED_PERMANENTLY, Some(moved), "");
        assert!(moved.starts_with("it leads to https://git.example.com/base, and"), "{moved}");
        let long = said(StatusCode::NOT_FOUND, None, &"x".repeat(MAX_MESSAGE_LENGTH + 9));
        assert_eq!(long.matches('x').count(), MAX_MESSAGE_LENGTH);
    }
}
