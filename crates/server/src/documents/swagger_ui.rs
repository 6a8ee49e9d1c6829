//! Swagger UI: its own files come from a crate, the page around it and what sets it up from here.

use std::sync::{Arc, LazyLock};

use poem::Response;
use poem::http::header;
use utoipa_swagger_ui::Config;

use super::script;
use crate::http::problem::Problem;

/// The page around it.
pub(super) const PAGE: &str = include_str!("swagger_ui.html");
const SET_UP: &str = include_str!("swagger_ui.js");

/// What Swagger UI may do: run its own files and call this server. It writes styles into its elements, and shows pictures
/// that it carries.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// The crate asks for it with every file, and needs it for those only that are served from here.
static UNUSED: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::new([""])));

/// A file of Swagger UI beside its page.
pub(super) fn file(name: &str) -> poem::Result<Response> {
    if name == "swagger-initializer.js" {
        return Ok(script(SET_UP));
    }
    match utoipa_swagger_ui::serve(name, UNUSED.clone()) {
        Ok(Some(found)) => {
            let mut response = Response::builder().content_type(&found.content_type);
            // The bundled assets are stored compressed.
            if found.bytes.starts_with(&[0x1f, 0x8b]) {
                response = response.header(header::CONTENT_ENCODING, "gzip");
            }
            Ok(response.body(found.bytes.into_owned()))
        }
        Ok(None) => Err(Problem::unknown_path(&format!("/swagger-ui/{name}")).into()),
        Err(error) => Err(Problem::internal(error.as_ref()).into()),
    }
}
