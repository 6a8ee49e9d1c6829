//! Which schemas are pages, and of what.

use super::files;
use crate::contract::{Contract, Schema, SchemaKind, ValueType};

/// What a page says of itself besides its values, in the order of the contract.
const FIELDS_OF_A_PAGE: [&str; 6] = ["isLastPage", "limit", "nextPageStart", "size", "start", "values"];

/// The file with the pages.
pub fn generate(contract: &Contract) -> String {
    let pages: Vec<(&str, &str)> = contract.schemas.values().filter_map(page_of).collect();
    let mut text = files::preamble("The schemas that are pages.");
    text.push_str("use super::models::*;\nuse crate::page::{PageBounds, WirePage};\n");
    for (page, value) in pages {
        text.push_str(&format!(
            "\nimpl WirePage for {page} {{\n    type Value = {value};\n\n    \
             fn of(bounds: PageBounds, values: Vec<{value}>) -> Self {{\n        \
             let PageBounds {{ size, limit, start, is_last_page, next_page_start }} = bounds;\n        \
             {page} {{ size, limit, start, is_last_page, next_page_start, values }}\n    }}\n}}\n"
        ));
    }
    text
}

/// The names of a page and of what is on it, if a schema is one.
fn page_of(schema: &Schema) -> Option<(&str, &str)> {
    let SchemaKind::Object(fields) = &schema.kind else {
        return None;
    };
    let mut names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    names.sort_unstable();
    if names != FIELDS_OF_A_PAGE {
        return None;
    }
    let values = fields.iter().find(|field| field.name == "values")?;
    match &values.value {
        ValueType::List { item, .. } => match item.as_ref() {
            ValueType::Named(name) => Some((&schema.name, name)),
            _ => None,
        },
        _ => None,
    }
}
