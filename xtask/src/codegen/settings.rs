//! `openapi/codegen.toml`: naming and type decisions as data.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Deserialize;

/// All decisions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    tags: BTreeMap<String, TagDecision>,
    fields: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    #[serde(default)]
    lenient: BTreeMap<String, String>,
    security: BTreeMap<String, SecurityDecision>,
    names: BTreeMap<String, String>,
    calls: BTreeMap<String, String>,
    callbacks: BTreeMap<String, String>,
}

/// How a tag becomes a module.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagDecision {
    /// The Rust module.
    pub module: String,
    /// Who serves it.
    pub role: ServedBy,
    /// Why it is so.
    #[serde(rename = "reason")]
    _reason: String,
}

/// Which of the two roles serve a tag.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServedBy {
    /// The primary alone.
    Upstream,
    /// The replica alone.
    Mirror,
    /// Each for itself.
    Both,
}

impl ServedBy {
    /// The roles by their names in `heliostat_api::Role`.
    pub fn roles(self) -> &'static [&'static str] {
        match self {
            ServedBy::Upstream => &["Upstream"],
            ServedBy::Mirror => &["Mirror"],
            ServedBy::Both => &["Upstream", "Mirror"],
        }
    }
}

/// How a security scheme is declared to poem-openapi.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityDecision {
    /// The arguments of `#[oai(...)]`.
    pub declaration: String,
    /// The type in `poem_openapi::auth`.
    pub value: String,
}

impl Settings {
    /// Reads the decisions.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        toml::from_str(text).context("openapi/codegen.toml cannot be read")
    }

    /// The decision for a tag.
    pub fn tag(&self, name: &str) -> Option<&TagDecision> {
        self.tags.get(name)
    }

    /// The decision for a security scheme.
    pub fn security(&self, name: &str) -> Option<&SecurityDecision> {
        self.security.get(name)
    }

    /// The Rust name of a field where the wire name is a reserved word.
    pub fn renamed_field(&self, wire_name: &str) -> Option<&str> {
        self.fields.get(wire_name).map(String::as_str)
    }

    /// Fields of which the contract names some values, as `Schema.field`, and the Rust type that lists these.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().map(|(place, name)| (place.as_str(), name.as_str()))
    }

    /// The operations that one server calls on another.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        self.calls.keys().map(String::as_str)
    }

    /// The operations that a server calls where the other one's descriptor says.
    pub fn callbacks(&self) -> impl Iterator<Item = &str> {
        self.callbacks.keys().map(String::as_str)
    }

    /// Whether a field is read as empty where another server leaves it out, though this one always sends it.
    pub fn is_lenient(&self, schema: &str, field: &str) -> bool {
        self.lenient.contains_key(&format!("{schema}.{field}"))
    }

    /// Whether a field's value must never be shown.
    pub fn is_secret(&self, schema: &str, field: &str) -> bool {
        self.secrets.contains_key(&format!("{schema}.{field}"))
    }
}
