//! The canonical contract as this server shows it: `/openapi/heliostat.{json,yaml}` and Swagger UI.

use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::web::{Data, Path};
use poem::{EndpointExt, Request, Response, Route, get, handler};
use serde_json::{Value, json};
use utoipa_swagger_ui::Config;

use crate::problem::Problem;

const CANONICAL: &str = include_str!("../../../openapi/heliostat.yaml");

struct Documents {
    contract: Value,
    context_path: String,
    swagger: Arc<Config<'static>>,
}

/// Adds the documents and Swagger UI to a role's routes.
///
/// # Panics
/// When the contract that was compiled in is not YAML, which the generator has already ruled out.
pub fn mount(routes: Route, context_path: &str) -> Route {
    let contract: Value =
        yaml_serde::from_str(CANONICAL).expect("the contract was read by the code generator");
    let swagger = Config::new([format!("{context_path}/openapi/heliostat.json")])
        .try_it_out_enabled(true)
        .persist_authorization(true)
        .display_request_duration(true)
        .filter(true)
        .deep_linking(true)
        .validator_url("none");
    let documents = Documents { contract, context_path: context_path.to_owned(), swagger: Arc::new(swagger) };
    let documents = Arc::new(documents);
    routes
        .at("/openapi/heliostat.json", get(contract_json).data(documents.clone()))
        .at("/openapi/heliostat.yaml", get(contract_yaml).data(documents.clone()))
        .at("/swagger-ui", get(to_swagger_ui).data(documents.clone()))
        .at("/swagger-ui/", get(swagger_index).data(documents.clone()))
        .at("/swagger-ui/*file", get(swagger_file).data(documents))
}

#[handler]
fn contract_json(request: &Request, Data(documents): Data<&Arc<Documents>>) -> Response {
    let text = serde_json::to_vec(&documents.addressed(request)).unwrap_or_default();
    Response::builder().content_type("application/json").body(text)
}

#[handler]
fn contract_yaml(request: &Request, Data(documents): Data<&Arc<Documents>>) -> Response {
    let text = yaml_serde::to_string(&documents.addressed(request)).unwrap_or_default();
    Response::builder().content_type("application/yaml").body(text)
}

#[handler]
fn to_swagger_ui(Data(documents): Data<&Arc<Documents>>) -> Response {
    // Swagger UI names its files relative to its folder.
    let folder = format!("{}/swagger-ui/", documents.context_path);
    Response::builder().status(StatusCode::PERMANENT_REDIRECT).header(header::LOCATION, folder).finish()
}

#[handler]
fn swagger_index(Data(documents): Data<&Arc<Documents>>) -> poem::Result<Response> {
    documents.swagger_file("index.html")
}

#[handler]
fn swagger_file(Path(file): Path<String>, Data(documents): Data<&Arc<Documents>>) -> poem::Result<Response> {
    documents.swagger_file(if file.is_empty() { "index.html" } else { &file })
}

impl Documents {
    /// The contract with `servers` set to the address that the client used.
    fn addressed(&self, request: &Request) -> Value {
        let mut contract = self.contract.clone();
        let host = request.header(header::HOST).filter(|host| is_host(host));
        let scheme = match request.header("x-forwarded-proto") {
            Some("https") => "https",
            _ => "http",
        };
        let url = match host {
            Some(host) => format!("{scheme}://{host}{}/rest", self.context_path),
            None => format!("{}/rest", self.context_path),
        };
        contract["servers"] = json!([{ "url": url }]);
        contract
    }

    fn swagger_file(&self, file: &str) -> poem::Result<Response> {
        match utoipa_swagger_ui::serve(file, self.swagger.clone()) {
            Ok(Some(found)) => {
                let mut response = Response::builder().content_type(&found.content_type);
                // The bundled assets are stored compressed.
                if found.bytes.starts_with(&[0x1f, 0x8b]) {
                    response = response.header(header::CONTENT_ENCODING, "gzip");
                }
                Ok(response.body(found.bytes.into_owned()))
            }
            Ok(None) => Err(Problem::unknown_path(&format!("/swagger-ui/{file}")).into()),
            Err(error) => Err(Problem::internal(error.as_ref()).into()),
        }
    }
}

/// Whether a `Host` header is one: it is echoed into a document.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b))
}
