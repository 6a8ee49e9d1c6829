//! The contract as this server shows it: documents for programs below `/openapi/`, Redoc for readers at `/openapi/`, and
//! Swagger UI for those who try it out.
//!
//! Everything stays in the order in which it was written, because that is the order to read it in. `contract` makes a
//! document, `selection` takes out of it what a role does not serve, `edition` turns it into OpenAPI 3.1, `delivery` sends
//! it: with an ETag, compressed for those who can read that, and to pages of every site.

mod contract;
mod delivery;
mod edition;
mod selection;
mod swagger_ui;

use std::sync::{Arc, LazyLock};

use heliostat_api::{ErrorName, Role};
use poem::http::{StatusCode, header};
use poem::web::{Data, Path};
use poem::{EndpointExt, Request, Response, Route, get, handler};
use quick_cache::sync::Cache;
use url::Url;

pub use contract::{ContractDocument, Edition, Format, Selection};

use crate::http::problem::Problem;
use delivery::Delivery;

/// How many documents are kept as they are sent, each about half a MiB: every form of them for a few addresses of this server.
const MAX_KEPT_DOCUMENTS: usize = 16;

/// The reader, as it was published but for two addresses; `vendor/README.md` says which.
static REDOC: LazyLock<Delivery> = LazyLock::new(|| {
    Delivery::of_compressed("text/javascript; charset=utf-8", include_bytes!("vendor/redoc.standalone.js.gz"))
});
const READER_PAGE: &str = include_str!("reader.html");
const READER_SCRIPT: &str = include_str!("reader.js");
const STYLE: &str = include_str!("documents.css");
const OWN_ADDRESS: &str = include_str!("../http/own_address.js");

/// What the reader may do: run its own files, and search in a thread that it makes itself. It writes its styles into the page.
const READER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

struct Documents {
    role: Role,
    /// The address that clients are to use, without a slash at its end.
    base_url: String,
    context_path: String,
    /// By what they are and the address of this server that they name.
    kept: Cache<(ContractDocument, String), Arc<Delivery>>,
}

/// Adds the documents, the reader and Swagger UI to a role's routes.
pub fn mount(routes: Route, base_url: &Url, role: Role) -> Route {
    let documents = Arc::new(Documents {
        role,
        base_url: base_url.as_str().trim_end_matches('/').to_owned(),
        context_path: base_url.path().trim_end_matches('/').to_owned(),
        kept: Cache::new(MAX_KEPT_DOCUMENTS),
    });
    routes
        .at("/openapi", get(to_folder).data(documents.clone()))
        .at("/openapi/*file", get(openapi_file).options(preflight).data(documents.clone()))
        .at("/swagger-ui", get(to_folder).data(documents.clone()))
        .at("/swagger-ui/*file", get(swagger_file).data(documents))
}

#[handler]
fn openapi_file(
    request: &Request,
    Path(file): Path<String>,
    Data(documents): Data<&Arc<Documents>>,
) -> poem::Result<Response> {
    match file.as_str() {
        // `*file` takes the folder itself as well, whatever other route there is for it.
        "" => Ok(documents.page(READER_PAGE, READER_POLICY)),
        "redoc.standalone.js" => Ok(REDOC.answer(request)),
        "reader.js" => Ok(script(READER_SCRIPT)),
        "own_address.js" => Ok(script(OWN_ADDRESS)),
        "documents.css" => Ok(style()),
        _ => Ok(documents.contract(&file, request)?.answer(request)),
    }
}

/// Pages of other sites that ask whether a document has changed are told first that they may.
#[handler]
fn preflight() -> Response {
    delivery::preflight()
}

/// Both pages name their files relative to their folder.
#[handler]
fn to_folder(request: &Request, Data(documents): Data<&Arc<Documents>>) -> Response {
    let folder = format!("{}{}/", documents.context_path, request.uri().path());
    Response::builder().status(StatusCode::PERMANENT_REDIRECT).header(header::LOCATION, folder).finish()
}

#[handler]
fn swagger_file(Path(file): Path<String>, Data(documents): Data<&Arc<Documents>>) -> poem::Result<Response> {
    match file.as_str() {
        "" | "index.html" => Ok(documents.page(swagger_ui::PAGE, swagger_ui::POLICY)),
        _ => swagger_ui::file(&file),
    }
}

impl Documents {
    /// A page with the role's title and this server's address in it; nothing in it comes from a client.
    fn page(&self, html: &str, policy: &'static str) -> Response {
        let html = html.replace("{{title}}", title(self.role)).replace("{{base-url}}", &self.base_url);
        Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, policy)
            .body(html)
    }

    /// The contract under the name of one of its files, with `servers` set to the address that the client used.
    fn contract(&self, file: &str, request: &Request) -> poem::Result<Arc<Delivery>> {
        let unknown = || Problem::unknown_path(&format!("/openapi/{file}"));
        let (edition, format) = named(file).ok_or_else(unknown)?;
        let document = ContractDocument { edition, format, selection: self.selection(request)? };
        let key = (document, self.address(request));
        if let Some(kept) = self.kept.get(&key) {
            return Ok(kept);
        }
        let made = Arc::new(Delivery::of(format.media_type(), document.text(&key.1).into_bytes()));
        self.kept.insert(key, made.clone());
        Ok(made)
    }

    /// Which operations are wanted: all of the contract, or those that this server answers.
    fn selection(&self, request: &Request) -> poem::Result<Selection> {
        let query = request.uri().query().unwrap_or_default();
        let mut asked = url::form_urlencoded::parse(query.as_bytes());
        match asked.find(|(name, _)| name == "operations") {
            None => Ok(Selection::OwnFirst(self.role)),
            Some((_, value)) if value == "all" => Ok(Selection::OwnFirst(self.role)),
            Some((_, value)) if value == "served" => Ok(Selection::Only(self.role)),
            Some((_, value)) => {
                let message = format!(
                    "The parameter operations is {value:?}. Give \"served\" or \"all\", or leave it out."
                );
                let problem = Problem::new(StatusCode::BAD_REQUEST, ErrorName::ArgumentValidation, message);
                Err(problem.about(Some("operations".to_owned())).into())
            }
        }
    }

    fn address(&self, request: &Request) -> String {
        let host = request.header(header::HOST).filter(|host| is_host(host));
        let scheme = match request.header("x-forwarded-proto") {
            Some("https") => "https",
            _ => "http",
        };
        match host {
            Some(host) => format!("{scheme}://{host}{}/rest", self.context_path),
            None => format!("{}/rest", self.context_path),
        }
    }
}

/// What stands behind the name of a file.
fn named(file: &str) -> Option<(Edition, Format)> {
    Some(match file {
        "heliostat.json" => (Edition::V3_0, Format::Json),
        "heliostat.yaml" => (Edition::V3_0, Format::Yaml),
        "heliostat-3.1.json" => (Edition::V3_1, Format::Json),
        "heliostat-3.1.yaml" => (Edition::V3_1, Format::Yaml),
        _ => return None,
    })
}

/// What a page of a role is called.
fn title(role: Role) -> &'static str {
    match role {
        Role::Upstream => "Heliostat upstream: REST API",
        Role::Mirror => "Heliostat mirror: REST API",
        Role::OriginMirror => "Heliostat mirror of another Git server: REST API",
    }
}

fn script(text: &'static str) -> Response {
    Response::builder().content_type("text/javascript; charset=utf-8").body(text)
}

fn style() -> Response {
    Response::builder().content_type("text/css; charset=utf-8").body(STYLE)
}

/// Whether a `Host` header is one: it is echoed into a document.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b))
}
