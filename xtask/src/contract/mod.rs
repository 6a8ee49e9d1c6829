//! The contract as the generator sees it: a small model, read from the OpenAPI document.

mod model;
mod read;
mod same_as;

pub use model::{
    Body, Contract, Field, Operation, Parameter, ParameterPlace, ResponseContent, Schema, SchemaKind, Tag,
    TextLimits, ValueType,
};
pub use read::{Violation, read};
