//! The contract that a client is made from: this repository's, another file, or what a running server hands out.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Url;
use reqwest::blocking::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::workspace;

/// Where a server hands out its contract.
const SERVED_AT: &str = "/openapi/heliostat.json";
/// How long a server may take to hand it out.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// A contract in a file, as all generators want it.
pub struct Document {
    file: PathBuf,
    version: String,
    _home: TempDir,
}

impl Document {
    /// Reads the contract from a file or a URL; without either, this repository's.
    pub fn read(from: Option<&str>) -> anyhow::Result<Self> {
        let text = match from {
            None => read_file(&workspace::contract_path())?,
            Some(address) if address.starts_with("http://") || address.starts_with("https://") => {
                fetch(address)?
            }
            Some(file) => read_file(Path::new(file))?,
        };
        let source = from.unwrap_or("openapi/heliostat.yaml");
        // JSON is YAML as well.
        let value: Value =
            yaml_serde::from_str(&text).with_context(|| format!("{source} is not a document"))?;
        let (Some(_), Some(version)) = (value["openapi"].as_str(), value["info"]["version"].as_str()) else {
            bail!(
                "{source} is not an OpenAPI document: give one, or a server's address, such as http://127.0.0.1:7990"
            );
        };
        let home = tempfile::tempdir().context("cannot make a temporary folder")?;
        let file = home.path().join("contract.json");
        fs::write(&file, value.to_string())?;
        Ok(Document { file, version: version.to_owned(), _home: home })
    }

    /// Where it lies for the time being, as JSON.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The version of the contract.
    pub fn version(&self) -> &str {
        &self.version
    }
}

fn read_file(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn fetch(address: &str) -> anyhow::Result<String> {
    let mut url = Url::parse(address).with_context(|| format!("{address} is not a URL"))?;
    if url.path() == "/" {
        url.set_path(SERVED_AT);
    }
    // Fails only when a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().timeout(ANSWER_PATIENCE).build()?;
    let answer = http.get(url.clone()).send().with_context(|| format!("cannot fetch {url}"))?;
    let answer = answer.error_for_status().with_context(|| {
        format!(
            "a server of Heliostat hands out its contract at <its base URL>{SERVED_AT}; {url} is not that"
        )
    })?;
    answer.text().with_context(|| format!("cannot read {url}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_of_this_repository_is_taken_when_none_is_named() {
        let document = Document::read(None).expect("it is there");
        assert!(!document.version().is_empty());
        assert!(document.file().is_file());
    }

    #[test]
    fn what_is_not_a_contract_is_refused_with_what_to_give_instead() {
        let settings = workspace::codegen_settings_path();
        let other = workspace::root().join("openapi/redocly.yaml");
        Document::read(settings.to_str()).err().expect("TOML is no document");
        let error = Document::read(other.to_str()).err().expect("settings are no contract").to_string();
        assert!(error.contains("redocly.yaml is not an OpenAPI document: give one"), "{error}");
    }
}
