//! `heliostat openapi`: the contract of this binary, without a server that runs.

use std::io::{ErrorKind, Write, stdout};

use anyhow::Context;
use clap::{Args, ValueEnum};
use heliostat_server::{ContractDocument, ContractRole, Edition, Format, Selection};
use url::Url;

use crate::options::parse_http_url;

/// Which document is printed.
#[derive(Debug, Args)]
pub struct OpenapiOptions {
    /// Print JSON.
    #[arg(long, conflicts_with = "yaml")]
    json: bool,
    /// Print YAML, which is the default.
    #[arg(long)]
    yaml: bool,
    /// The version of OpenAPI.
    #[arg(long, value_enum, default_value_t = Version::V3_0)]
    edition: Version,
    /// Only the operations that this role serves [default: those of all roles].
    #[arg(long, value_enum)]
    role: Option<ServerRole>,
    /// The base URL of the server that the document names.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7990", value_parser = parse_http_url)]
    server: Url,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Version {
    /// 3.0.3, which every generator reads.
    #[value(name = "3.0")]
    V3_0,
    /// 3.1, whose schemas are JSON Schema.
    #[value(name = "3.1")]
    V3_1,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ServerRole {
    /// The primary server.
    Upstream,
    /// A mirror of an upstream.
    Mirror,
    /// A mirror of another Git server.
    OriginMirror,
}

/// Prints the document.
pub fn run(options: &OpenapiOptions) -> anyhow::Result<()> {
    let address = format!("{}/rest", options.server.as_str().trim_end_matches('/'));
    let mut text = options.document().text(&address);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    match stdout().lock().write_all(text.as_bytes()) {
        // Who reads only the beginning has what they wanted.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write the document"),
    }
}

impl OpenapiOptions {
    fn document(&self) -> ContractDocument {
        ContractDocument {
            edition: match self.edition {
                Version::V3_0 => Edition::V3_0,
                Version::V3_1 => Edition::V3_1,
            },
            format: if self.json && !self.yaml { Format::Json } else { Format::Yaml },
            selection: match self.role {
                None => Selection::All,
                Some(ServerRole::Upstream) => Selection::Only(ContractRole::Upstream),
                Some(ServerRole::Mirror) => Selection::Only(ContractRole::Mirror),
                Some(ServerRole::OriginMirror) => Selection::Only(ContractRole::OriginMirror),
            },
        }
    }
}
