//! The contract as data: read once, when a client first asks for the document or makes an error that it explains.

use std::sync::LazyLock;

use yaml_serde::Value;

const CANONICAL: &str = include_str!("../../../openapi/heliostat.yaml");

/// The contract as it was written.
pub static CONTRACT: LazyLock<Value> =
    LazyLock::new(|| yaml_serde::from_str(CANONICAL).expect("the contract was read by the code generator"));
