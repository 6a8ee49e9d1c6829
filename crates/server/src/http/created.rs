//! Says in `Location` where what a request has created can be read.
//!
//! That is the address of the operation that reads it. What this address needs is in the path of the request, in the
//! answer, or is noted by the handler where the answer is empty. Clients and fuzzers that go from answer to request follow
//! it without knowing the contract; its `links` say the same to those who do. A branch has no address of its own: it is
//! found in the list of branches by its name.

use std::borrow::Cow;

use heliostat_api::{Operation, operations, operations_on_path};
use poem::http::{HeaderValue, header};
use poem::{Endpoint, Middleware, Request, Response, Result};
use serde_json::Value;

use super::request_record;

/// The version in the paths of the contract; a client may have asked for another name of it.
const LATEST: &str = "latest";

/// The longest text that lists are filtered by, in characters; the beginning of a longer one finds as well.
const MAX_FILTER_CHARACTERS: usize = 255;

/// Where what an operation has created is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    operation: &'static str,
    /// The operation that reads it.
    read_by: &'static str,
    /// Its parameters that the request's path does not tell; what is no part of its path belongs into the query.
    parameters: &'static [(&'static str, Source)],
}

/// Where the value of a parameter comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The answer, by a JSON pointer.
    Answer(&'static str),
    /// What the handler has noted.
    Noted,
    /// It is always the same.
    Fixed(&'static str),
}

use Source::{Answer, Fixed, Noted};

/// The address of a repository, which the answer shows.
const REPOSITORY: [(&str, Source); 2] =
    [("projectKey", Answer("/project/key")), ("repositorySlug", Answer("/slug"))];
/// The name of a branch, which the answer shows, first in the list.
const BRANCH: [(&str, Source); 2] = [("filterText", Answer("/displayId")), ("boostMatches", Fixed("true"))];

const PLACES: [Place; 10] = [
    Place {
        operation: "createProject",
        read_by: "getProject",
        parameters: &[("projectKey", Answer("/key"))],
    },
    Place { operation: "createRepository", read_by: "getRepository", parameters: &REPOSITORY },
    Place { operation: "createBranch", read_by: "getBranches", parameters: &BRANCH },
    Place { operation: "createBranchForRepository", read_by: "getBranches", parameters: &BRANCH },
    Place { operation: "createUser", read_by: "getUser", parameters: &[("userSlug", Noted)] },
    Place {
        operation: "createUserAccessToken",
        read_by: "getUserAccessToken",
        parameters: &[("tokenId", Answer("/id"))],
    },
    Place { operation: "createWebhook", read_by: "getWebhook", parameters: &[("webhookId", Answer("/id"))] },
    Place {
        operation: "register",
        read_by: "getMirroringRequest",
        parameters: &[("mirroringRequestId", Answer("/id"))],
    },
    Place { operation: "adoptRepository", read_by: "getRepository", parameters: &REPOSITORY },
    // Answers 201, and what has a new name has a new address.
    Place { operation: "updateRepository", read_by: "getRepository", parameters: &REPOSITORY },
];

/// The middleware; `context_path` is empty or starts with a slash and ends without one.
#[derive(Clone)]
pub struct Created {
    /// The path part of the base URL.
    pub context_path: String,
}

impl<E: Endpoint<Output = Response>> Middleware<E> for Created {
    type Output = CreatedEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        CreatedEndpoint { endpoint, context_path: self.context_path.clone() }
    }
}

/// An endpoint whose answers say where what they have created can be read.
pub struct CreatedEndpoint<E> {
    endpoint: E,
    context_path: String,
}

impl<E: Endpoint<Output = Response>> Endpoint for CreatedEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let Some((place, operation)) = place_of(request.method().as_str(), request.uri().path()) else {
            return self.endpoint.call(request).await;
        };
        let asked = Asked {
            template: operation.path,
            path: request.uri().path().to_owned(),
            version: version_of(request.original_uri().path(), &self.context_path).to_owned(),
        };
        let mut response = self.endpoint.call(request).await?;
        if response.status().is_success() {
            // The answer was made in memory as a whole.
            let body = response.take_body().into_bytes().await.unwrap_or_default();
            let noted = request_record::what_was_created();
            if let Some(location) = place.seen_from(&asked, &body, noted.as_deref()) {
                let location = format!("{}{location}", self.context_path);
                if let Ok(location) = HeaderValue::from_str(&location) {
                    response.headers_mut().insert(header::LOCATION, location);
                }
            }
            response.set_body(body);
        }
        Ok(response)
    }
}

fn place_of(method: &str, path: &str) -> Option<(Place, &'static Operation)> {
    let mut on_path = operations_on_path(path.strip_prefix("/rest")?);
    let operation = on_path.find(|operation| operation.method == method)?;
    let place = PLACES.iter().find(|place| place.operation == operation.id)?;
    Some((*place, operation))
}

/// The version as the client has written it: `/rest/api/1.0/...`.
fn version_of<'a>(original_path: &'a str, context_path: &str) -> &'a str {
    let below = original_path.strip_prefix(context_path).unwrap_or_default();
    below.split('/').filter(|part| !part.is_empty()).nth(2).unwrap_or(LATEST)
}

/// What was asked, as far as an address follows from it.
struct Asked {
    /// The path of the operation in the contract.
    template: &'static str,
    /// The path that was routed.
    path: String,
    /// The version as the client has written it.
    version: String,
}

impl Asked {
    /// The part of the path that stands for a placeholder of the contract.
    fn part(&self, placeholder: &str) -> Option<&str> {
        let path = self.path.strip_prefix("/rest")?;
        let mut parts = self.template.split('/').zip(path.split('/'));
        parts.find(|(named, _)| *named == placeholder).map(|(_, part)| part)
    }
}

impl Place {
    /// The address below the context path.
    fn seen_from(self, asked: &Asked, body: &[u8], noted: Option<&str>) -> Option<String> {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let operation = operations().iter().find(|operation| operation.id == self.read_by)?;
        let mut location = "/rest".to_owned();
        for part in operation.path.split('/').skip(1) {
            location.push('/');
            let name = part.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            match name {
                None if part == LATEST => location.push_str(&asked.version),
                None => location.push_str(part),
                Some(name) => match self.source(name) {
                    Some(source) => location.push_str(&encoded(&source.value(&answer, noted)?)),
                    None => location.push_str(asked.part(part)?),
                },
            }
        }
        let mut separator = '?';
        for (name, source) in self.parameters {
            if operation.path.contains(&format!("{{{name}}}")) {
                continue;
            }
            let text: String = source.value(&answer, noted)?.chars().take(MAX_FILTER_CHARACTERS).collect();
            location.push(separator);
            location.push_str(name);
            location.push('=');
            location.push_str(&encoded(&text));
            separator = '&';
        }
        Some(location)
    }

    fn source(self, parameter: &str) -> Option<Source> {
        self.parameters.iter().find(|(name, _)| *name == parameter).map(|(_, source)| *source)
    }
}

impl Source {
    fn value<'a>(self, answer: &'a Value, noted: Option<&'a str>) -> Option<Cow<'a, str>> {
        match self {
            Answer(pointer) => match answer.pointer(pointer)? {
                Value::String(text) => Some(text.into()),
                Value::Number(number) => Some(number.to_string().into()),
                _ => None,
            },
            Noted => noted.map(Cow::from),
            Fixed(value) => Some(value.into()),
        }
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(method: &str, path: &str, body: &str, noted: Option<&str>) -> Option<String> {
        let (place, operation) = place_of(method, path).expect("it creates something");
        let asked = Asked { template: operation.path, path: path.to_owned(), version: "1.0".to_owned() };
        place.seen_from(&asked, body.as_bytes(), noted)
    }

    #[test]
    fn only_what_creates_something_says_where() {
        let place = |method, path| place_of(method, path).map(|(place, _)| place.operation);
        assert_eq!(place("POST", "/rest/api/latest/projects"), Some("createProject"));
        assert_eq!(place("PUT", "/rest/access-tokens/latest/users/ada"), Some("createUserAccessToken"));
        assert_eq!(place("GET", "/rest/api/latest/projects"), None);
        assert_eq!(place("POST", "/status"), None);
    }

    #[test]
    fn every_operation_that_creates_something_says_where() {
        let creates = |operation: &&Operation| {
            operation.statuses.contains(&201)
                || (operation.id.starts_with("create") && operation.method != "GET")
        };
        let silent: Vec<_> = operations()
            .iter()
            .filter(creates)
            .filter(|operation| PLACES.iter().all(|place| place.operation != operation.id))
            .map(|operation| operation.id)
            .collect();
        assert!(silent.is_empty(), "these create something and have no row in PLACES: {silent:?}");
    }

    #[test]
    fn every_place_is_whole() {
        let find = |id: &str| operations().iter().find(|operation| operation.id == id).expect(id);
        for place in PLACES {
            let (created, read) = (find(place.operation), find(place.read_by));
            assert_eq!(read.method, "GET", "{place:?}");
            for part in read.path.split('/').filter(|part| part.starts_with('{')) {
                let name = part.trim_matches(['{', '}']);
                let is_known = place.source(name).is_some() || created.path.split('/').any(|own| own == part);
                assert!(is_known, "nothing says what {part} is in {place:?}");
            }
        }
    }

    #[test]
    fn what_was_created_lies_where_it_is_read() {
        let told = |text: &str| Some(text.to_owned());
        let projects = "/rest/api/latest/projects";
        assert_eq!(location("POST", projects, r#"{"key": "PRJ"}"#, None), told("/rest/api/1.0/projects/PRJ"));
        assert_eq!(location("POST", projects, "{}", None), None);
        let tokens = "/rest/access-tokens/latest/users/ada";
        let token = told("/rest/access-tokens/1.0/users/ada/7");
        assert_eq!(location("PUT", tokens, r#"{"id": 7}"#, None), token);
        let adopted = r#"{"slug": "tool", "project": {"key": "PRJ"}}"#;
        let repository = told("/rest/api/1.0/projects/PRJ/repos/tool");
        let adopt = "/rest/api/latest/admin/repository-faults/adopt";
        assert_eq!(location("POST", adopt, adopted, None), repository);
        let former = "/rest/api/latest/projects/PRJ/repos/former";
        assert_eq!(location("PUT", former, adopted, None), repository);
        let users = "/rest/api/latest/admin/users";
        assert_eq!(location("POST", users, "", Some("ada")), told("/rest/api/1.0/users/ada"));
        assert_eq!(location("POST", users, "", None), None);
        let branches = "/rest/branch-utils/latest/projects/PRJ/repos/tool/branches";
        let branch = r#"{"displayId": "feature/a b"}"#;
        let found =
            "/rest/api/1.0/projects/PRJ/repos/tool/branches?filterText=feature%2Fa+b&boostMatches=true";
        assert_eq!(location("POST", branches, branch, None), told(found));
    }

    #[test]
    fn the_version_is_that_of_the_client() {
        assert_eq!(version_of("/git/rest/api/1.0/projects", "/git"), "1.0");
        assert_eq!(version_of("/rest/api/latest/projects", ""), "latest");
        assert_eq!(version_of("//rest/api/1.0/projects", ""), "1.0");
        assert_eq!(version_of("/g%69t/rest/api/1.0/projects", "/git"), "latest");
    }
}
