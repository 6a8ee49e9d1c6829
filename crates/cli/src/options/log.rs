//! Logs of a role: on standard error, so that standard output holds only what was asked for.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use heliostat_server::LogLevel;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, registry, reload};
use url::Url;

use super::log_lines::LogLines;
use super::panics::log_panics;
use super::parse::parse_http_url;

/// Set to anything, it asks for a log without colours (<https://no-color.org>).
const NO_COLOUR: &str = "NO_COLOR";

/// What libraries tell although nothing has happened: at each start that no migration waits, in their own words that a
/// disk is slow, for which there are metrics, and at debug of each connection to another server that it is kept and used. A
/// level that names them has them all the same.
const QUIET: &str = "sea_orm_migration=warn,sqlx::pool=error,hyper_util=info";
/// A panic is told at any level: nothing else would tell of it.
const PANICS: &str = "heliostat::options::panics=error";

/// How and how much is logged.
#[derive(Debug, Args)]
pub struct LogOptions {
    /// Form of the log on standard error.
    #[arg(long, value_name = "FORM", env = "HELIOSTAT_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or a list such as info,heliostat_access=off.
    #[arg(long, value_name = "LEVEL", env = "HELIOSTAT_LOG_LEVEL", default_value = "info", value_parser = parse_level)]
    pub log_level: String,
    /// Address of a collector of traces, to which each request is told as a span, as OTLP over HTTP in JSON: usually
    /// http://127.0.0.1:4318 [default: none, nothing is sent].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_OTLP_ENDPOINT", value_parser = parse_http_url)]
    pub otlp_endpoint: Option<Url>,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line, for machines.
    Json,
}

/// Sends the log of this process to standard error, with what is told of panics; returns what changes how much is logged.
pub fn start_log(format: LogFormat, level: &str) -> LogLevel {
    let filter = filter_of(level).expect("the level was parsed with the options");
    let (filter, handle) = reload::Layer::new(filter);
    let log = registry().with(filter);
    match format {
        LogFormat::Text => {
            let is_coloured = std::io::stderr().is_terminal()
                && std::env::var_os(NO_COLOUR).is_none_or(|value| value.is_empty());
            log.with(fmt::layer().with_writer(LogLines::of_stderr).with_ansi(is_coloured)).init();
        }
        LogFormat::Json => {
            let lines = fmt::layer().with_writer(LogLines::of_stderr).json();
            // The span that encloses an event holds the id of the request; a list of all of them would repeat it.
            log.with(lines.flatten_event(true).with_span_list(false)).init();
        }
    }
    log_panics();
    LogLevel::new(level, move |level| {
        let filter = filter_of(&parse_level(level)?)?;
        handle.reload(filter).map_err(|error| error.to_string())
    })
}

/// Refuses a level that cannot be understood; `start_log` reads it again.
pub fn parse_level(text: &str) -> Result<String, String> {
    // EnvFilter takes a lone unknown word for the name of a module, which would silence the log.
    let is_word = text.chars().all(|c| c.is_ascii_alphanumeric());
    let is_level = !text.is_empty() && text.parse::<tracing::level_filters::LevelFilter>().is_ok();
    if is_word && !is_level {
        return Err(
            "must be error, warn, info, debug, trace, off, or a list such as warn,heliostat_git=debug"
                .to_owned(),
        );
    }
    filter_of(text)?;
    Ok(text.to_owned())
}

/// What names the same module later counts.
fn filter_of(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(format!("{QUIET},{PANICS},{level}")).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::parse_level;

    #[test]
    fn levels_are_words_or_lists() {
        assert!(parse_level("info").is_ok());
        assert!(parse_level("warn,heliostat_mirror=debug").is_ok());
        assert!(parse_level("loud").is_err());
        assert!(parse_level("").is_err());
        assert!(parse_level("heliostat_mirror=loud").is_err());
    }
}
