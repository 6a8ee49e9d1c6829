//! The canonical contract as this server shows it: `/openapi/heliostat.{json,yaml}` and Swagger UI.
//!
//! Everything stays in the order in which it was written, because that is the order to read it in. Only the groups
//! that this role serves come first.

use std::sync::Arc;

use heliostat_api::{Role, operations};
use poem::http::{StatusCode, header};
use poem::web::{Data, Path};
use poem::{EndpointExt, Request, Response, Route, get, handler};
use utoipa_swagger_ui::Config;
use yaml_serde::{Mapping, Value};

use crate::http::problem::Problem;

const CANONICAL: &str = include_str!("../../../../openapi/heliostat.yaml");

/// The file in which Swagger UI is set up, and the place in it that takes further settings.
const SET_UP: (&str, &str) = ("swagger-initializer.js", "presets: [");

/// Without "omit", browsers answer a 401 with a dialog of their own, and Swagger UI waits for its end. What it knows of
/// credentials ends with its page; earlier versions of this server let it write them down, so that goes.
const OUR_SETTINGS: &str = "requestInterceptor: (request) => Object.assign(request, { credentials: \"omit\" }),\n    \
     onComplete: () => localStorage.removeItem(\"authorized\"),\n    ";

/// What Swagger UI may do: run its own files and call this server. It writes styles into its elements, and shows pictures
/// that it carries.
const SWAGGER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

struct Documents {
    contract: Value,
    context_path: String,
    swagger: Arc<Config<'static>>,
}

/// Adds the documents and Swagger UI to a role's routes.
///
/// # Panics
/// When the contract that was compiled in is not YAML, which the generator has already ruled out.
pub fn mount(routes: Route, context_path: &str, role: Role) -> Route {
    let mut contract: Value =
        yaml_serde::from_str(CANONICAL).expect("the contract was read by the code generator");
    put_own_groups_first(&mut contract, role);
    let swagger = Config::new([format!("{context_path}/openapi/heliostat.json")])
        .try_it_out_enabled(true)
        .persist_authorization(false)
        .display_request_duration(true)
        .filter(true)
        .deep_linking(true)
        .validator_url("none")
        // Without the bar that asks for other documents: this server has one.
        .use_base_layout();
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
        let server = Mapping::from_iter([("url".into(), Value::from(url))]);
        contract["servers"] = Value::Sequence(vec![server.into()]);
        contract
    }

    fn swagger_file(&self, file: &str) -> poem::Result<Response> {
        match utoipa_swagger_ui::serve(file, self.swagger.clone()) {
            Ok(Some(found)) => {
                let mut response = Response::builder().content_type(&found.content_type);
                if found.content_type.starts_with("text/html") {
                    response = response.header(header::CONTENT_SECURITY_POLICY, SWAGGER_POLICY);
                }
                // The bundled assets are stored compressed.
                if found.bytes.starts_with(&[0x1f, 0x8b]) {
                    response = response.header(header::CONTENT_ENCODING, "gzip");
                }
                Ok(response.body(set_up(file, found.bytes.into_owned())))
            }
            Ok(None) => Err(Problem::unknown_path(&format!("/swagger-ui/{file}")).into()),
            Err(error) => Err(Problem::internal(error.as_ref()).into()),
        }
    }
}

/// A file of Swagger UI as it is served: the one that sets it up gets settings that its own options do not know.
fn set_up(file: &str, bytes: Vec<u8>) -> Vec<u8> {
    let (name, place) = SET_UP;
    match String::from_utf8(bytes) {
        Ok(text) if file == name => text.replacen(place, &format!("{OUR_SETTINGS}{place}"), 1).into(),
        Ok(text) => text.into(),
        Err(not_text) => not_text.into_bytes(),
    }
}

/// Moves the groups of operations that a role serves before those that it does not.
fn put_own_groups_first(contract: &mut Value, role: Role) {
    let own: Vec<Value> = contract["paths"]
        .as_mapping()
        .into_iter()
        .flat_map(Mapping::values)
        .filter_map(Value::as_mapping)
        .flat_map(Mapping::values)
        .filter(|operation| {
            operations().iter().any(|o| o.is_served_by(role) && operation["operationId"] == o.id)
        })
        .map(|operation| operation["tags"][0].clone())
        .collect();
    if let Some(tags) = contract["tags"].as_sequence_mut() {
        tags.sort_by_key(|tag| !own.contains(&tag["name"]));
    }
}

/// Whether a `Host` header is one: it is echoed into a document.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(role: Role) -> Vec<String> {
        let mut contract: Value = yaml_serde::from_str(CANONICAL).expect("is YAML");
        put_own_groups_first(&mut contract, role);
        let tags = contract["tags"].as_sequence().expect("there are groups");
        tags.iter().map(|tag| tag["name"].as_str().expect("groups have names").to_owned()).collect()
    }

    #[test]
    fn each_role_shows_its_own_groups_first_and_all_of_them() {
        let (upstream, mirror) = (groups(Role::Upstream), groups(Role::Mirror));
        let own = ["Mirroring (Mirror)", "Mirroring (Hashes)", "Mirroring (Served repositories)"];
        assert_eq!(mirror[..3], own);
        assert_eq!(upstream[0], "Mirroring (Upstream)");
        assert_eq!(upstream.last().map(String::as_str), Some("Mirroring (Served repositories)"));
        assert_eq!(upstream.len(), mirror.len());
    }

    #[test]
    fn swagger_ui_is_set_up_to_ask_without_dialogs() {
        let (name, _) = SET_UP;
        let config = Arc::new(Config::new(["/openapi/heliostat.json"]));
        let file = utoipa_swagger_ui::serve(name, config).expect("is served").expect("is there");
        let text = String::from_utf8(set_up(name, file.bytes.into_owned())).expect("is text");
        let keeps_nothing = "onComplete: () => localStorage.removeItem(\"authorized\"),\n    presets: [";
        assert!(text.contains("credentials: \"omit\" }),\n    ") && text.contains(keeps_nothing), "{text}");
    }

    #[test]
    fn the_document_keeps_its_order() {
        let contract: Value = yaml_serde::from_str(CANONICAL).expect("is YAML");
        let json = serde_json::to_string(&contract).expect("is JSON");
        let place = |text: &str| json.find(text).unwrap_or_else(|| panic!("no {text}"));
        assert!(place("\"openapi\"") < place("\"info\"") && place("\"info\"") < place("\"paths\""));
        assert!(place("\"/mirroring/latest/upstreamServers\"") < place("\"/api/latest/projects\""));
    }
}
