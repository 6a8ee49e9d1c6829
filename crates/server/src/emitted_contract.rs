//! What the compiled code says of the contract, for the drift check: poem-openapi's document of all routes (what is
//! on the wire) and utoipa's components of the same types (what serde writes).

use std::collections::HashMap;
use std::marker::PhantomData;

use heliostat_api::models::SerdeSchemas;
use heliostat_api::roles::AllRoutes;
use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::{Value, json};
use utoipa::OpenApi as _;

/// Both documents: `{"wire": ..., "serde": ...}`.
pub fn emitted_contract() -> Value {
    let wire =
        OpenApiService::new(Described::<AllRoutes>(PhantomData), "Heliostat", env!("CARGO_PKG_VERSION"));
    let wire = wire.spec();
    let wire: Value = serde_json::from_str(&wire).unwrap_or_default();
    let serde = serde_json::to_value(SerdeSchemas::openapi()).unwrap_or_default();
    json!({ "wire": wire, "serde": serde })
}

/// Routes that can be described without anything to answer them.
struct Described<T>(PhantomData<T>);

impl<T: OpenApi> OpenApi for Described<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}
