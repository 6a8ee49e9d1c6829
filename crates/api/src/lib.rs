//! The contract as Rust types: models, responses, operation traits and routes.
//!
//! Nearly everything is generated from `openapi/heliostat.yaml` into `generated/`. Handwritten beside it: how a
//! JSON body is read and written ([`ApiJson`], [`StreamedJson`]), what a handler learns of the request ([`Call`]), and the shape of
//! the operations' table ([`Operation`]).

mod call;
#[rustfmt::skip]
mod generated;
mod operation;
mod payload;
mod streamed_json;

pub use call::Call;
pub use generated::models;
pub use generated::{
    access_tokens, application, hashes, mirror, permissions, projects, repositories, security, upstream,
    users, webhooks,
};
pub use operation::{Operation, Role, operations, operations_on_path};
pub use payload::{ApiJson, InvalidBody, MAX_JSON_BODY_BYTES, OptionalJson};
pub use streamed_json::StreamedJson;
