//! The options of a mirror of another Git server: `heliostat mirror --origin URL`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use heliostat_server::{DEFAULT_MAX_REPOSITORIES, PathPattern};
use url::Url;

use crate::options::{duration, first_given, parse_http_url, parse_size};

/// What is said of an origin that cannot be shown the credentials of those who read.
const NOT_ASKED_FOR_READERS: &str = "must be the https:// or http:// address of the server: a mirror asks it with the credentials \
     of each reader, which neither ssh nor git:// can carry. To keep single repositories of a server equal that is reached so, \
     let an upstream follow them: heliostat repository follow";

/// Which server it is, and how much of it is kept here.
#[derive(Debug, Args)]
pub struct OriginFlags {
    /// The Git server that people have already, and whose repositories are served here, at its own paths: who may read is
    /// that server's decision, each time [default: none, or --upstream is given].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_ORIGIN", value_parser = parse_origin)]
    pub origin: Option<Url>,
    /// Which of its repositories are served: paths, separated by commas, with * for any characters, as in acme/*
    /// [default: all].
    #[arg(long, value_name = "PATTERNS", env = "HELIOSTAT_ONLY", value_delimiter = ',')]
    pub only: Vec<PathPattern>,
    /// The origin has one repository at /acme/tool and at /acme/tool.git, as GitHub, Gitea and Forgejo have: one copy is kept
    /// of both. Where it leads from one to the other, as GitLab does, that is so in any case [default: false].
    #[arg(long, env = "HELIOSTAT_OPTIONAL_GIT_SUFFIX", value_parser = BoolishValueParser::new())]
    pub optional_git_suffix: bool,
    /// File with certificates in PEM that are trusted for the origin besides those of the system [default: none].
    #[arg(long, value_name = "FILE", env = "HELIOSTAT_ORIGIN_CA_FILE")]
    pub origin_ca_file: Option<PathBuf>,
    /// How long what the origin has shown a reader counts for the further requests of the same git command; the first one
    /// asks the origin each time.
    #[arg(long, value_name = "TIME", env = "HELIOSTAT_LISTING_LIFETIME", default_value = "5s", value_parser = duration::parse)]
    pub listing_lifetime: Duration,
    /// How many repositories of the origin are kept here at most; the one that was read longest ago makes room.
    #[arg(long, value_name = "NUMBER", env = "HELIOSTAT_MAX_REPOSITORIES", default_value_t = DEFAULT_MAX_REPOSITORIES, value_parser = parse_repositories)]
    pub max_repositories: usize,
    /// How much disk the repositories of the origin take at most; those that were read longest ago make room
    /// [default: none, the disk is the limit].
    #[arg(long, value_name = "SIZE", env = "HELIOSTAT_MAX_REPOSITORIES_SIZE", value_parser = parse_size)]
    pub max_repositories_size: Option<u64>,
}

impl OriginFlags {
    /// One of the options that were given and mean nothing without an origin. Those that have a default are not among them:
    /// whether they were given is not known.
    pub fn given(&self) -> Option<&'static str> {
        first_given([
            (!self.only.is_empty(), "--only"),
            (self.optional_git_suffix, "--optional-git-suffix"),
            (self.origin_ca_file.is_some(), "--origin-ca-file"),
            (self.max_repositories_size.is_some(), "--max-repositories-size"),
        ])
    }
}

/// Reads the address of an origin. Who names one by its address for ssh learns what to do instead.
fn parse_origin(text: &str) -> Result<Url, String> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_like_scp = scheme.is_none() && text.contains('@') && text.contains(':');
    if is_like_scp || matches!(scheme.as_deref(), Some("ssh" | "git" | "git+ssh" | "ssh+git")) {
        return Err(NOT_ASKED_FOR_READERS.to_owned());
    }
    parse_http_url(text)
}

fn parse_repositories(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=1_000_000) => Ok(number),
        _ => Err("must be a number from 1 to 1000000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_origin, parse_repositories};

    #[test]
    fn who_names_an_address_without_room_for_credentials_is_told_of_following() {
        for text in ["ssh://git@git.example.com", "git@git.example.com:acme", "git://git.example.com/"] {
            let refused = parse_origin(text).expect_err(text);
            assert!(refused.contains("heliostat repository follow"), "{refused}");
        }
        assert!(!parse_origin("git.example.com").expect_err("no scheme").contains("follow"));
        parse_origin("https://git.example.com").expect("an address");
    }

    #[test]
    fn repositories_are_bounded() {
        assert_eq!(parse_repositories("1"), Ok(1));
        for text in ["0", "1000001", "-1", "many"] {
            assert!(parse_repositories(text).is_err(), "{text}");
        }
    }
}
