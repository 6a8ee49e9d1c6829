//! Says in `Location` where what a request has created can be read.
//!
//! What is put into a list is found below the address of the list, under the name that the answer gives it. Clients and
//! fuzzers that go from answer to request follow that without knowing the contract; its `links` say the same to those
//! who do.

use heliostat_api::operations_on_path;
use poem::http::{HeaderValue, header};
use poem::{Endpoint, Middleware, Request, Response, Result};
use serde_json::Value;

/// The operations that put something into a list, and the field of their answers that names it there.
const CREATING: [(&str, &str); 5] = [
    ("createProject", "key"),
    ("createRepository", "slug"),
    ("createUserAccessToken", "id"),
    ("createWebhook", "id"),
    ("register", "id"),
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
        let Some(field) = naming_field(request.method().as_str(), request.uri().path()) else {
            return self.0.call(request).await;
        };
        // With the context path and the version as the client knows them.
        let list = request.original_uri().path().trim_end_matches('/').to_owned();
        let mut response = self.0.call(request).await?;
        if response.status().is_success() {
            // The answer was made in memory as a whole.
            let body = response.take_body().into_bytes().await.unwrap_or_default();
            if let Some(location) = location(&list, field, &body) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response.set_body(body);
        }
        Ok(response)
    }
}

fn naming_field(method: &str, path: &str) -> Option<&'static str> {
    let mut operations = operations_on_path(path.strip_prefix("/rest")?);
    let operation = operations.find(|operation| operation.method == method)?;
    CREATING.iter().find(|(id, _)| *id == operation.id).map(|(_, field)| *field)
}

fn location(list: &str, field: &str, body: &[u8]) -> Option<HeaderValue> {
    let name = match serde_json::from_slice::<Value>(body).ok()?.get(field)? {
        Value::String(name) => name.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    HeaderValue::from_str(&format!("{list}/{name}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_creates_something_says_where() {
        assert_eq!(naming_field("POST", "/rest/api/latest/projects"), Some("key"));
        assert_eq!(naming_field("PUT", "/rest/access-tokens/latest/users/ada"), Some("id"));
        assert_eq!(naming_field("GET", "/rest/api/latest/projects"), None);
        assert_eq!(naming_field("POST", "/status"), None);
    }

    #[test]
    fn what_was_created_lies_below_its_list() {
        let location = |body: &str| location("/git/rest/api/1.0/projects", "key", body.as_bytes());
        assert_eq!(
            location(r#"{"key": "PRJ"}"#),
            Some(HeaderValue::from_static("/git/rest/api/1.0/projects/PRJ"))
        );
        assert_eq!(location(r#"{"key": 7}"#), Some(HeaderValue::from_static("/git/rest/api/1.0/projects/7")));
        assert_eq!(location("{}"), None);
    }
}
