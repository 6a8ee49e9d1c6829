//! The options about answering Git's readers and about showing what that costs; the same for both roles.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use heliostat_server::{MetricsToken, ServingOptions};

use super::parse::parse_parallelism;
use super::{duration, size};
use crate::client::credentials;

/// The folder for stored answers, inside the data directory.
const CACHE_FOLDER: &str = "cache";
/// The variable that holds the token for `/metrics`. There is no such flag, because argument lists are public.
const METRICS_TOKEN_VARIABLE: &str = "HELIOSTAT_METRICS_TOKEN";

/// How much disk, memory and computing time readers get, and who may see the figures.
#[derive(Debug, Args)]
pub struct ServingFlags {
    /// Directory for answers to clones and fetches, which are computed once and kept [default: cache inside --data].
    #[arg(long, value_name = "DIR", env = "HELIOSTAT_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
    /// How much disk the kept answers may take; 0 keeps none.
    #[arg(long, value_name = "SIZE", env = "HELIOSTAT_CACHE_SIZE", default_value = "10GiB", value_parser = size::parse)]
    pub cache_size: u64,
    /// How much memory branches and tags may take that are answered from memory; 0 reads them from disk each time.
    #[arg(long, value_name = "SIZE", env = "HELIOSTAT_REF_MEMORY", default_value = "256MiB", value_parser = size::parse)]
    pub ref_memory: u64,
    /// How many answers to clones and fetches are computed at once for one client or one repository; up to twice as many
    /// in all [default: one for each processor].
    #[arg(
        long, value_name = "COUNT", env = "HELIOSTAT_FETCH_PARALLELISM",
        value_parser = parse_parallelism
    )]
    pub fetch_parallelism: Option<usize>,
    /// How long what a branch or tag named may still be fetched, and stays on disk, after it was moved, as by a forced
    /// push; what was deleted stays on disk as long, and cannot be fetched.
    #[arg(
        long, value_name = "TIME", env = "HELIOSTAT_KEEP_UNREACHABLE", default_value = "14d",
        value_parser = duration::parse
    )]
    pub keep_unreachable: Duration,
    /// File with a token that /metrics asks for, at any address; HELIOSTAT_METRICS_TOKEN may hold it instead
    /// [default: none, and /metrics answers to loopback only].
    #[arg(long, value_name = "FILE", env = "HELIOSTAT_METRICS_TOKEN_FILE")]
    pub metrics_token_file: Option<PathBuf>,
}

impl ServingFlags {
    /// What the server needs of them; `data` is the data directory.
    pub fn serving_options(&self, data: &Path) -> ServingOptions {
        let defaults = ServingOptions::default();
        let folder = self.cache_dir.clone().unwrap_or_else(|| data.join(CACHE_FOLDER));
        ServingOptions {
            cache_folder: (self.cache_size > 0).then_some(folder),
            cache_bytes: self.cache_size,
            ref_memory_bytes: self.ref_memory,
            computations: self.fetch_parallelism.unwrap_or(defaults.computations),
            keep_unreachable: self.keep_unreachable,
        }
    }

    /// The token from its file or variable, in this order.
    pub fn metrics_token(&self) -> anyhow::Result<Option<MetricsToken>> {
        let (place, token) = match &self.metrics_token_file {
            Some(file) => (file.display().to_string(), Some(credentials::read_secret(file)?)),
            None => (METRICS_TOKEN_VARIABLE.to_owned(), credentials::variable(METRICS_TOKEN_VARIABLE)),
        };
        let unusable = || format!("the token in {place} cannot be used");
        token.map(|token| MetricsToken::new(token).with_context(unusable)).transpose()
    }
}
