//! The contract as Rust types: models, requests, responses, a trait for the handler of each operation, and routes.
//!
//! Nearly everything is generated from `openapi/heliostat.yaml` into `generated/`. Handwritten beside it: how a
//! JSON body is read and written ([`ApiJson`], [`StreamedJson`]), what a handler learns of the request ([`Call`]), and the shape of
//! the operations' table ([`Operation`]) and of pages ([`WirePage`]), and what a call between servers is
//! ([`RemoteCall`], which shows how to make one, and [`Callback`]).

mod call;
mod callback;
#[rustfmt::skip]
mod generated;
mod handlers;
mod limit_in_words;
mod operation;
mod page;
mod payload;
mod remote_call;
mod same_as;
mod streamed_json;

pub use call::Call;
pub use callback::{BodyOf, Callback};
pub use generated::events::{AddonEvent, AddonEventKey};
pub use generated::known_names::ErrorName;
pub use generated::{callbacks, models, ops, roles, security};
pub use handlers::Handlers;
pub use limit_in_words::limit_in_words;
pub use operation::{Operation, Role, operations, operations_on_path};
pub use page::{PageBounds, WirePage};
pub use payload::{ApiJson, Found, InvalidBody, MAX_JSON_BODY_BYTES, OptionalJson};
pub use remote_call::{MalformedAnswer, RemoteCall};
pub use streamed_json::StreamedJson;
