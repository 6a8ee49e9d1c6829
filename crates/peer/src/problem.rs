//! What another server says about a call that it refuses.

use heliostat_api::ErrorName;
use serde::Deserialize;

/// How much of a message is kept, in characters.
const MAX_MESSAGE_LENGTH: usize = 500;

/// The first error of a standard error body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerProblem {
    /// The kind of problem, if `exceptionName` is one that the contract knows; other servers have names of their own.
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
    pub fn read(body: &[u8]) -> Option<Self> {
        let body: ErrorBody = serde_json::from_slice(body).ok()?;
        let first = body.errors.into_iter().next()?;
        Some(Self {
            name: first.exception_name.as_deref().and_then(ErrorName::from_wire),
            message: printable(&first.message.unwrap_or_default()),
        })
    }

    /// The beginning of a body that is not a standard error body.
    pub fn from_text(body: &[u8]) -> Self {
        Self { name: None, message: printable(&String::from_utf8_lossy(body)) }
    }
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
        let problem = PeerProblem::read(body).expect("a standard body");
        assert_eq!(problem.message, "The name is taken.");
        assert_eq!(problem.name, Some(ErrorName::Conflict));
        for other in [&b"<html>\n"[..], b"", b"{}", br#"{"errors":[]}"#] {
            assert_eq!(PeerProblem::read(other), None);
        }
    }

    #[test]
    fn other_bodies_tell_their_beginning() {
        assert_eq!(PeerProblem::from_text(b"<html>\nx").message, "<html> x");
        assert_eq!(PeerProblem::from_text(b""), PeerProblem::default());
        let long = "x".repeat(MAX_MESSAGE_LENGTH + 1);
        assert_eq!(PeerProblem::from_text(long.as_bytes()).message.len(), MAX_MESSAGE_LENGTH);
    }
}
