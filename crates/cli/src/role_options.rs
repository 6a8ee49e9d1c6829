//! The options that both roles share, and how they become what the server is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use url::Url;

use crate::duration;
use crate::logging::LogOptions;
use crate::roles::ListenOptions;
use crate::serving_options::ServingFlags;

/// Where a role keeps things and how it is run; the address and the directory have defaults of their own per role.
#[derive(Debug, Args)]
pub struct CommonOptions {
    /// URL that clients see, context path included [default: http:// and the listening address].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_BASE_URL", value_parser = parse_http_url)]
    pub base_url: Option<Url>,
    /// Database: sqlite:PATH or postgres://USER@HOST/NAME; give a URL with a password by the variable or the
    /// file, not as a flag [default: an SQLite file inside --data].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// The git program.
    #[arg(long, value_name = "PATH", env = "HELIOSTAT_GIT", default_value = "git")]
    pub git: PathBuf,
    /// How long running requests may take to finish after Ctrl-C or SIGTERM.
    #[arg(long, value_name = "TIME", env = "HELIOSTAT_DRAIN_TIMEOUT", default_value = "30s", value_parser = duration::parse)]
    pub drain_timeout: Duration,
    /// Serving Git.
    #[command(flatten)]
    pub serving: ServingFlags,
    /// The log.
    #[command(flatten)]
    pub log: LogOptions,
}

impl CommonOptions {
    /// What the server needs of them.
    pub fn listen_options(&self, listen: SocketAddr, data: PathBuf) -> anyhow::Result<ListenOptions> {
        Ok(ListenOptions {
            listen,
            base_url: self.base_url.clone(),
            serving: self.serving.serving_options(&data),
            metrics_token: self.serving.metrics_token()?,
            data,
            database: self.database.clone(),
            git: self.git.clone(),
        })
    }
}

/// Reads an absolute `http` or `https` URL without credentials, query and fragment.
pub fn parse_http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must start with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or fragment".to_owned());
    }
    Ok(url)
}

/// Reads a name that is shown to people: not empty, bounded, on one line.
pub fn parse_display_name(text: &str) -> Result<String, String> {
    const MAX_DISPLAY_NAME_CHARS: usize = 128;
    let name = text.trim();
    if name.is_empty() || name.chars().count() > MAX_DISPLAY_NAME_CHARS {
        return Err(format!("must have 1 to {MAX_DISPLAY_NAME_CHARS} characters"));
    }
    if name.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(name.to_owned())
}

/// Reads how many things may happen at once: 1 to 256.
pub fn parse_parallelism(text: &str) -> Result<usize, String> {
    const MAX_PARALLELISM: usize = 256;
    match text.parse() {
        Ok(number) if (1..=MAX_PARALLELISM).contains(&number) => Ok(number),
        _ => Err(format!("must be a number from 1 to {MAX_PARALLELISM}")),
    }
}
