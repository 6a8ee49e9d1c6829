//! `heliostat doctor`: checks what a role needs from this machine and its surroundings, before it needs it.

mod data_directory;
mod finding;
mod servers;
mod surroundings;
mod way_back;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use heliostat_git::Git;
use heliostat_server::OpenFiles;
use serde_json::Value;
use url::Url;

use crate::options::{TlsFlags, first_given, parse_http_url, parse_listen};
use crate::output::{self, OutputFormat};
use crate::role::mirror::WrongSource;
use finding::{Finding, Outcome};

/// What is checked: give the same options as to the role.
#[derive(Debug, Args)]
pub struct DoctorOptions {
    /// Directory in which the role keeps its data.
    #[arg(long, value_name = "DIR", env = "HELIOSTAT_DATA", default_value = ".")]
    data: PathBuf,
    /// Database of the role [default: an SQLite file inside --data].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Upstream that a mirror would follow [default: none, not checked].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_UPSTREAM", value_parser = parse_http_url)]
    upstream: Option<Url>,
    /// URL by which people reach that upstream, if it is another one [default: that of --upstream].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_UPSTREAM_PUBLIC_URL", value_parser = parse_http_url)]
    upstream_public_url: Option<Url>,
    /// Git server that a mirror would stand in front of [default: none, not checked].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_ORIGIN", value_parser = parse_http_url)]
    origin: Option<Url>,
    /// File with certificates in PEM that are trusted for the origin besides those of the system [default: none].
    #[arg(long, value_name = "FILE", env = "HELIOSTAT_ORIGIN_CA_FILE")]
    origin_ca_file: Option<PathBuf>,
    /// Address that the role listens on [default: none, TLS and the role itself are not checked].
    #[arg(long, value_name = "ADDR", env = "HELIOSTAT_LISTEN", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    /// URL that clients of the role see [default: http:// or, with a certificate, https:// and the listening address].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_BASE_URL", value_parser = parse_http_url)]
    base_url: Option<Url>,
    /// URL at which the upstream would call a mirror, if it is another one [default: that of --base-url].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_INTERNAL_URL", value_parser = parse_http_url)]
    internal_url: Option<Url>,
    /// TLS of the role.
    #[command(flatten)]
    tls: TlsFlags,
    /// The git program.
    #[arg(long, value_name = "PATH", env = "HELIOSTAT_GIT", default_value = "git")]
    git: PathBuf,
    /// What is printed on standard output.
    #[arg(long, value_name = "FORM", env = "HELIOSTAT_OUTPUT", default_value = "table")]
    output: OutputFormat,
}

impl DoctorOptions {
    /// That each option says something of what is checked: where only an upstream or only another Git server is named, the
    /// role refuses those of the other, too.
    pub fn check(&self) -> Result<(), WrongSource> {
        match (&self.upstream, &self.origin) {
            (None, Some(origin)) => {
                let of_upstream = first_given([
                    (self.upstream_public_url.is_some(), "--upstream-public-url"),
                    (self.internal_url.is_some(), "--internal-url"),
                ]);
                let wrong = |option| WrongSource::OfUpstream { option, origin: origin.to_string() };
                of_upstream.map(wrong).map_or(Ok(()), Err)
            }
            (Some(upstream), None) if self.origin_ca_file.is_some() => {
                Err(WrongSource::OfOrigin { option: "--origin-ca-file", upstream: upstream.to_string() })
            }
            _ => Ok(()),
        }
    }
}

/// Checks everything and tells; a failure of one check does not hide the others.
pub async fn run(options: DoctorOptions) -> anyhow::Result<ExitCode> {
    let tls = options.tls.files()?;
    let is_for_mirror = options.upstream.is_some() || options.origin.is_some();
    let place = servers::place_of_role(options.base_url.as_ref(), options.listen, tls.is_some());
    let git = Git::discover(&options.git).await;
    let mut findings = vec![
        surroundings::git(&options.git, &git),
        surroundings::ssh(git.as_ref().ok(), is_for_mirror).await,
        data_directory::writable(&options.data),
        data_directory::private(&options.data),
        data_directory::free_space(&options.data),
        surroundings::open_files(OpenFiles::now()),
        surroundings::encryption(&surroundings::Transport {
            listen: options.listen,
            base_url: options.base_url.as_ref(),
            tls: tls.as_ref(),
            tls_in_front: options.tls.tls_in_front,
        }),
        surroundings::database(options.database.as_deref()).await,
        surroundings::backup(options.database.as_deref()),
        surroundings::owner(&options.data, options.database.as_deref(), is_for_mirror).await,
    ];
    let public = options.upstream_public_url.as_ref();
    findings.extend(servers::upstream(options.upstream.as_ref(), public).await);
    findings.push(way_back::port(options.listen, place.as_ref()).await);
    findings.push(
        way_back::reachable(&way_back::Place {
            listen: options.listen,
            base_url: options.base_url.as_ref(),
            internal_url: options.internal_url.as_ref().filter(|_| options.upstream.is_some()),
            upstream: options.upstream.as_ref(),
            speaks_tls: tls.is_some(),
        })
        .await,
    );
    findings.push(servers::origin(options.origin.as_ref(), options.origin_ca_file.as_deref()).await);
    findings.push(servers::role(place.as_ref()).await);
    match options.output {
        OutputFormat::Table => findings.iter().for_each(|finding| output::line(&finding.to_string())),
        OutputFormat::Json => {
            let all: Vec<Value> = findings.iter().map(Finding::as_json).collect();
            output::line(&serde_json::to_string_pretty(&all)?);
        }
    }
    let has_failed = findings.iter().any(|finding| finding.outcome == Outcome::Failed);
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
