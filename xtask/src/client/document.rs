//! The contract that a client is made from: this repository's, another file, or what a running server hands out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::workspace;

/// Where a server hands out its contract.
const SERVED_AT: &str = "/openapi/heliostat.json";
/// Fetches an address with Python, which every generator needs anyway; a server may be silent for 30 seconds.
const FETCH: &str = "import sys, urllib.request as http
sys.stdout.buffer.write(http.urlopen(sys.argv[1], timeout=30).read())";

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
    let address = served_at(address);
    let output =
        Command::new("python3").args(["-c", FETCH, &address]).output().context("cannot run python3")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let reason = said.trim().lines().last().unwrap_or_default();
        bail!(
            "a server of Heliostat hands out its contract at <its base URL>{SERVED_AT}; cannot fetch {address}: {reason}"
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{address} is not text"))
}

/// The address of a server alone stands for that of its contract.
fn served_at(address: &str) -> String {
    let (_, rest) = address.split_once("://").unwrap_or_default();
    match rest.split_once('/') {
        None | Some((_, "")) => format!("{}{SERVED_AT}", address.trim_end_matches('/')),
        Some(_) => address.to_owned(),
    }
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
    fn a_server_stands_for_its_contract() {
        for server in ["http://127.0.0.1:7990", "http://127.0.0.1:7990/"] {
            assert_eq!(served_at(server), "http://127.0.0.1:7990/openapi/heliostat.json");
        }
        let other = "https://example.com/contract.json";
        assert_eq!(served_at(other), other);
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
