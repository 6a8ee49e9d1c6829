//! `openapi/drift-known.toml`: differences that are known, each with its reason.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// The list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    #[serde(default, rename = "difference")]
    differences: Vec<Difference>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    witness: String,
    fact: String,
    #[serde(rename = "reason")]
    _reason: String,
}

impl Known {
    /// Reads the list from disk.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text)
    }

    /// Reads the list.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        toml::from_str(text).context("openapi/drift-known.toml cannot be read")
    }

    /// Whether a difference is explained.
    pub fn explains(&self, witness: &str, fact: &str) -> bool {
        self.differences.iter().any(|known| known.witness == witness && known.fact == fact)
    }

    /// Entries that explained nothing.
    pub fn unused(&self, explained: &[(String, String)]) -> Vec<(String, String)> {
        let entry = |known: &Difference| (known.witness.clone(), known.fact.clone());
        self.differences.iter().map(entry).filter(|entry| !explained.contains(entry)).collect()
    }
}
