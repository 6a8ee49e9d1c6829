//! Says in `Location` where what a request has created can be read.
//!
//! What is put into a list is found below the address of the list, under the name that the answer gives it. Clients and
//! fuzzers that go from answer to request follow that without knowing the contract; its `links` say the same to those
//! who do. A branch has no address of its own, and the answer to a new user is empty.

use heliostat_api::operations_on_path;
use poem::http::{HeaderValue, header};
use poem::{Endpoint, Middleware, Request, Response, Result};
use serde_json::Value;

/// Where what an operation has created is found, seen from the address that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    operation: &'static str,
    /// How many of the last parts of that address lead elsewhere.
    leave: usize,
    /// What comes then: words, and values of the answer by their JSON pointers.
    parts: &'static [&'static str],
}

const PLACES: [Place; 7] = [
    Place { operation: "createProject", leave: 0, parts: &["/key"] },
    Place { operation: "createRepository", leave: 0, parts: &["/slug"] },
    Place { operation: "createUserAccessToken", leave: 0, parts: &["/id"] },
    Place { operation: "createWebhook", leave: 0, parts: &["/id"] },
    Place { operation: "register", leave: 0, parts: &["/id"] },
    Place { operation: "adoptRepository", leave: 3, parts: &["projects", "/project/key", "repos", "/slug"] },
    // Answers 201, and what has a new name has a new address.
    Place { operation: "updateRepository", leave: 4, parts: &["projects", "/project/key", "repos", "/slug"] },
];

/// The middleware.
#[derive(Clone, Copy)]
pub struct Created;

impl<E: Endpoint<Output = Response>> Middleware<E> for Created {
    type Output = CreatedEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        CreatedEndpoint(endpoint)
    }
}

/// An endpoint whose answers say where what they have created can be read.
pub struct CreatedEndpoint<E>(E);

impl<E: Endpoint<Output = Response>> Endpoint for CreatedEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let Some(place) = place_of(request.method().as_str(), request.uri().path()) else {
            return self.0.call(request).await;
        };
        // With the context path and the version as the client knows them.
        let asked = request.original_uri().path().trim_end_matches('/').to_owned();
        let mut response = self.0.call(request).await?;
        if response.status().is_success() {
            // The answer was made in memory as a whole.
            let body = response.take_body().into_bytes().await.unwrap_or_default();
            if let Some(location) = place.seen_from(&asked, &body) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response.set_body(body);
        }
        Ok(response)
    }
}

fn place_of(method: &str, path: &str) -> Option<Place> {
    let mut operations = operations_on_path(path.strip_prefix("/rest")?);
    let operation = operations.find(|operation| operation.method == method)?;
    PLACES.iter().find(|place| place.operation == operation.id).copied()
}

impl Place {
    fn seen_from(self, asked: &str, body: &[u8]) -> Option<HeaderValue> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let kept = asked.rsplitn(self.leave + 1, '/').last()?;
        let mut location = kept.to_owned();
        for part in self.parts {
            location.push('/');
            if part.starts_with('/') {
                location
                    .extend(url::form_urlencoded::byte_serialize(text_of(answer.pointer(part)?)?.as_bytes()));
            } else {
                location.push_str(part);
            }
        }
        HeaderValue::from_str(&location).ok()
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(method: &str, path: &str) -> Option<&'static str> {
        place_of(method, path).map(|place| place.operation)
    }

    #[test]
    fn only_what_creates_something_says_where() {
        assert_eq!(place("POST", "/rest/api/latest/projects"), Some("createProject"));
        assert_eq!(place("PUT", "/rest/access-tokens/latest/users/ada"), Some("createUserAccessToken"));
        assert_eq!(place("GET", "/rest/api/latest/projects"), None);
        assert_eq!(place("POST", "/status"), None);
    }

    #[test]
    fn every_operation_that_is_named_exists() {
        for place in PLACES {
            assert!(
                heliostat_api::operations().iter().any(|operation| operation.id == place.operation),
                "{place:?}"
            );
        }
    }

    #[test]
    fn what_was_created_lies_below_its_list_or_where_it_belongs() {
        let location =
            |index: usize, asked: &str, body: &str| PLACES[index].seen_from(asked, body.as_bytes());
        let list = "/git/rest/api/1.0/projects";
        let told = |text: &'static str| Some(HeaderValue::from_static(text));
        assert_eq!(location(0, list, r#"{"key": "PRJ"}"#), told("/git/rest/api/1.0/projects/PRJ"));
        assert_eq!(location(2, "/users/ada", r#"{"id": 7}"#), told("/users/ada/7"));
        assert_eq!(location(0, list, "{}"), None);
        let adopted = r#"{"slug": "tool", "project": {"key": "PRJ"}}"#;
        let asked = "/rest/api/latest/admin/repository-faults/adopt";
        assert_eq!(location(5, asked, adopted), told("/rest/api/latest/projects/PRJ/repos/tool"));
        let asked = "/rest/api/latest/projects/PRJ/repos/former";
        assert_eq!(location(6, asked, adopted), told("/rest/api/latest/projects/PRJ/repos/tool"));
    }
}
