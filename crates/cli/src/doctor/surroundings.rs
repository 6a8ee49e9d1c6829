//! Whether what a role works with on its machine is there: git, ssh, open files, encryption, the database, and
//! what a backup of that needs.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use heliostat_git::{Git, GitUnavailable, MINIMUM_GIT_VERSION, SshError, ssh_version};
use heliostat_peer::with_causes;
use heliostat_server::{ConnectionOptions, OpenFiles, TlsFiles};
use url::Url;

use super::finding::Finding;
use super::servers::place_of_role;
use crate::backup::missing_program;

/// Whether there is a git, and it is new enough.
pub fn git(program: &Path, found: &Result<Git, GitUnavailable>) -> Finding {
    const ITEM: &str = "git";
    match found {
        Ok(git) => Finding::good(ITEM, format!("{} is version {}", program.display(), git.version())),
        Err(error) => Finding::failed(
            ITEM,
            with_causes(error),
            format!("install git {MINIMUM_GIT_VERSION} or newer, or name another one by --git"),
        ),
    }
}

/// Whether repositories of an upstream can follow others over SSH. Nothing else needs it.
pub async fn ssh(git: Option<&Git>, is_for_mirror: bool) -> Finding {
    const ITEM: &str = "ssh";
    if is_for_mirror {
        return Finding::skipped(ITEM, "a mirror asks nobody over SSH");
    }
    let Some(git) = git else {
        return Finding::skipped(ITEM, "not looked for without git");
    };
    let reason = match ssh_version(git).await {
        Ok(version) => return Finding::good(ITEM, format!("ssh is {version}")),
        Err(SshError::NoProgram(error)) => format!("ssh cannot be started: {error}"),
        Err(error) => with_causes(&error),
    };
    Finding::doubtful(
        ITEM,
        format!("no repository can follow another one over SSH: {reason}"),
        "install the client of OpenSSH (package openssh-client) if one is to; nothing else needs it",
    )
}

/// Whether enough files may be open at once. A role raises its limit to the hard one by itself.
pub fn open_files(files: OpenFiles) -> Finding {
    const ITEM: &str = "open files";
    let files = OpenFiles { limit: files.hard_limit, ..files };
    let detail = format!(
        "a role may open {}, keeps {} for its own work and takes {} connections at once",
        files.limit,
        files.reserved(),
        files.connections(ConnectionOptions::default().max_connections)
    );
    if files.is_short() {
        return Finding::doubtful(
            ITEM,
            detail,
            "raise the hard limit, by LimitNOFILE=65536 of a systemd service for instance",
        );
    }
    Finding::good(ITEM, detail)
}

/// Whether what travels to the role is encrypted, and whether it may listen where it is to.
pub fn encryption(listen: Option<SocketAddr>, base_url: Option<&Url>, tls: Option<&TlsFiles>) -> Finding {
    const ITEM: &str = "TLS";
    let ip = listen.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip());
    match (base_url, listen, tls) {
        (None, Some(address), _) if !ip.to_canonical().is_loopback() => Finding::failed(
            ITEM,
            format!("{address} is reached from other machines, which need to know at which URL"),
            "give the URL by --base-url, or listen on loopback",
        ),
        (_, _, Some(tls)) => certificate(ITEM, place_of_role(base_url, listen, true).as_ref(), tls),
        (None, None, None) => Finding::skipped(ITEM, "neither --base-url nor --listen given"),
        (None, Some(address), None) => {
            Finding::good(ITEM, format!("{address} is reached from this machine only"))
        }
        (Some(url), _, None) => match heliostat_server::cleartext_notice(url, ip) {
            None if url.scheme() == "https" => Finding::good(
                ITEM,
                format!(
                    "{url} is an https address, and the role has no certificate: a proxy in front has to encrypt"
                ),
            ),
            None => Finding::good(ITEM, format!("{url} is reached from this machine only")),
            Some(notice) => {
                let (complaint, remedy) = notice.split_once(": ").unwrap_or((notice, "encrypt it"));
                Finding::doubtful(ITEM, complaint, remedy)
            }
        },
    }
}

/// What travels to a role that stands behind something that encrypts, as its operator says.
pub fn encryption_in_front() -> Finding {
    Finding::good("TLS", "--tls-in-front: what stands in front of the role encrypts")
}

/// Whether the certificate can be used, and whether clients of the role will accept it.
fn certificate(item: &'static str, place: Option<&Url>, tls: &TlsFiles) -> Finding {
    if let Some(url) = place.filter(|url| url.scheme() != "https") {
        let detail = format!("a server with a certificate speaks TLS, and {url} is no https address");
        return Finding::failed(item, detail, "give an address that begins with https as --base-url");
    }
    match heliostat_server::certificate_complaint(tls, place) {
        Ok(None) => Finding::good(item, format!("{} and its key can be used", tls.certificate.display())),
        Ok(Some(complaint)) => {
            let (complaint, remedy) = complaint.split_once(": ").unwrap_or((&complaint, "renew it"));
            Finding::doubtful(item, complaint, remedy)
        }
        Err(error) => {
            let remedy =
                "name a certificate by --tls-certificate and the key that belongs to it by --tls-key";
            Finding::failed(item, error.to_string(), remedy)
        }
    }
}

/// Whether the database can be reached.
pub async fn database(url: Option<&str>) -> Finding {
    const ITEM: &str = "database";
    let Some(url) = url else {
        return Finding::skipped(ITEM, "SQLite inside the data directory: nothing to reach");
    };
    match heliostat_server::check_database(url).await {
        Ok(None) => Finding::good(ITEM, "reachable"),
        Ok(Some(complaint)) => Finding::doubtful(ITEM, "reachable, with few connections", complaint),
        Err(reason) => Finding::failed(
            ITEM,
            reason,
            "start the database, and check host, user and password of --database and that the database exists",
        ),
    }
}

/// Whether `heliostat backup` finds what it copies the database with. The role itself does without.
pub fn backup(database: Option<&str>) -> Finding {
    const ITEM: &str = "backup";
    match database.and_then(missing_program) {
        None => Finding::good(ITEM, "heliostat backup has what it copies the database with"),
        Some(program) => Finding::doubtful(
            ITEM,
            format!("there is no {program} here, by which heliostat backup copies the database"),
            "install PostgreSQL's client programs (package postgresql-client), not older than the database server",
        ),
    }
}

/// Whether the data directory and the database belong to one server, and to which.
pub async fn owner(data: &Path, database: Option<&str>, is_for_mirror: bool) -> Finding {
    const ITEM: &str = "owner";
    let expected = is_for_mirror.then_some(heliostat_server::Role::Mirror);
    match heliostat_server::check_owners(data, database, expected).await {
        Ok(Some(owner)) => Finding::good(ITEM, owner),
        Ok(None) => Finding::skipped(ITEM, "neither data directory nor database has been used yet"),
        Err(reason) => Finding::failed(ITEM, reason, "give --data and --database of one and the same server"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Outcome;
    use super::*;

    #[test]
    fn few_open_files_are_told_with_their_figures() {
        let files = |hard_limit| OpenFiles { limit: 1_024, hard_limit };
        assert_eq!(open_files(files(65_536)).outcome, Outcome::Good);
        let short = open_files(files(1_024));
        assert_eq!(short.outcome, Outcome::Doubtful);
        assert!(short.detail.contains("may open 1024, keeps 512 for its own work and takes 256"), "{short}");
    }

    #[test]
    fn a_role_that_others_reach_needs_a_url_and_encryption() {
        let outcome = |listen: &str, base_url: Option<&str>| {
            let url = base_url.map(|url| Url::parse(url).expect("a URL"));
            encryption(Some(listen.parse().expect("an address")), url.as_ref(), None).outcome
        };
        assert_eq!(outcome("0.0.0.0:7990", None), Outcome::Failed);
        assert_eq!(outcome("[::1]:7990", None), Outcome::Good);
        assert_eq!(outcome("0.0.0.0:7990", Some("http://10.0.0.1:7990")), Outcome::Doubtful);
        assert_eq!(outcome("127.0.0.1:7990", Some("https://git.example.com")), Outcome::Good);
        assert_eq!(encryption(None, None, None).outcome, Outcome::Skipped);
        let https = Url::parse("https://git.example.com").expect("a URL");
        let behind_proxy = encryption(Some(([0, 0, 0, 0], 7990).into()), Some(&https), None);
        assert!(behind_proxy.detail.contains("a proxy in front has to encrypt"), "{behind_proxy}");
    }

    #[test]
    fn a_certificate_is_looked_at_and_goes_with_an_https_address() {
        let nowhere = TlsFiles { certificate: "/nonexistent/a.pem".into(), key: "/nonexistent/a.key".into() };
        let finding = |url: &str| {
            let url = Url::parse(url).expect("a URL");
            encryption(None, Some(&url), Some(&nowhere))
        };
        let plain = finding("http://git.example.com");
        assert!(plain.outcome == Outcome::Failed && plain.detail.contains("no https address"), "{plain}");
        let missing = finding("https://git.example.com");
        assert!(missing.outcome == Outcome::Failed && missing.detail.contains("a.pem"), "{missing}");
    }

    #[tokio::test]
    async fn a_missing_git_is_told_with_a_remedy() {
        let program = Path::new("/nonexistent/git");
        let finding = git(program, &Git::discover(program).await);
        assert_eq!(finding.outcome, Outcome::Failed);
        assert!(finding.remedy.is_some_and(|remedy| remedy.contains("install git")));
    }
}
