//! While the database of an upstream is away, a request that needs it is refused at once, by an error that says so.

use heliostat_api::ErrorName;
use heliostat_storage::Database;
use poem::http::StatusCode;
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

use crate::http::problem::Problem;

/// Below these addresses every answer needs the database.
const NEED_THE_DATABASE: [&str; 2] = ["/rest/", "/scm/"];

/// The middleware. A mirror answers readers from memory, so it has none.
#[derive(Clone)]
pub struct DatabaseGate {
    /// The database of the role.
    pub database: Database,
}

impl<E: Endpoint> Middleware<E> for DatabaseGate {
    type Output = DatabaseGateEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        DatabaseGateEndpoint { endpoint, database: self.database.clone() }
    }
}

/// An endpoint that is not asked while the database is away.
pub struct DatabaseGateEndpoint<E> {
    endpoint: E,
    database: Database,
}

impl<E: Endpoint> Endpoint for DatabaseGateEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let path = request.uri().path();
        if NEED_THE_DATABASE.iter().any(|beginning| path.starts_with(beginning))
            && let Some(absence) = self.database.absence()
        {
            // Git shows plain text to people, and nothing else.
            if path.starts_with("/scm/") {
                let response = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE);
                return Ok(response.content_type("text/plain; charset=utf-8").body(format!("{absence}\n")));
            }
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorName::Unavailable, absence).into());
        }
        self.endpoint.call(request).await.map(IntoResponse::into_response)
    }
}
