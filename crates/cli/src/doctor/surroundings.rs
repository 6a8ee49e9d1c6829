//! Whether what a role works with on its machine is there: git, ssh, open files, encryption, the database, and
//! what a backup of that needs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use heliostat_git::{Git, GitUnavailable, MINIMUM_GIT_VERSION, SshError, ssh_version};
use heliostat_peer::with_causes;
use heliostat_server::{ConnectionOptions, OpenFiles, TlsFiles, TlsPlacement};
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
        return Finding::skipped(ITEM, "a mirror connects to no server over SSH");
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

/// How clients are to reach the role.
#[derive(Debug, Clone, Copy, Default)]
pub struct Transport<'a> {
    /// Where it listens.
    pub listen: Option<SocketAddr>,
    /// Where its clients look for it.
    pub base_url: Option<&'a Url>,
    /// Its certificate.
    pub tls: Option<&'a TlsFiles>,
    /// Whether something in front of it encrypts, as its operator says.
    pub tls_in_front: bool,
}

/// Whether what travels to the role is encrypted, and whether it may listen where it is to.
pub fn encryption(transport: &Transport<'_>) -> Finding {
    const ITEM: &str = "TLS";
    let Transport { listen, base_url, tls, tls_in_front } = *transport;
    let ip = listen.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip());
    match (base_url, listen, tls) {
        (None, Some(address), _) if !ip.to_canonical().is_loopback() => Finding::failed(
            ITEM,
            format!("{address} is reached from other machines, which need to know at which URL"),
            "give the URL by --base-url, or listen on loopback",
        ),
        (_, _, Some(tls)) => certificate(ITEM, place_of_role(base_url, listen, true).as_ref(), tls),
        _ if tls_in_front => Finding::good(ITEM, "--tls-in-front: what stands in front of the role encrypts"),
        (None, None, None) => Finding::skipped(ITEM, "neither --base-url nor --listen given"),
        (None, Some(address), None) => {
            Finding::good(ITEM, format!("{address} is reached from this machine only"))
        }
        (Some(url), _, None) => cleartext(ITEM, url, ip),
    }
}

/// Whether others reach a role by plain HTTP that speaks it at this address.
fn cleartext(item: &'static str, url: &Url, listen: IpAddr) -> Finding {
    let placement = TlsPlacement { base_url: url, listen, in_server: false, in_front: false };
    match placement.cleartext_notice() {
        Some(notice) => {
            let (complaint, remedy) = notice.split_once(": ").unwrap_or((notice, "encrypt it"));
            Finding::doubtful(item, complaint, remedy)
        }
        None if url.scheme() == "https" => Finding::good(
            item,
            format!(
                "{url} is an https address, and the role has no certificate: a proxy in front has to encrypt"
            ),
        ),
        None => Finding::good(item, format!("{url} is reached from this machine only")),
    }
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
        let finding = |listen: &str, base_url: Option<&str>, tls_in_front| {
            let url = base_url.map(|url| Url::parse(url).expect("a URL"));
            let listen = Some(listen.parse().expect("an address"));
            encryption(&Transport { listen, base_url: url.as_ref(), tls: None, tls_in_front })
        };
        let outcome = |listen, base_url| finding(listen, base_url, false).outcome;
        assert_eq!(outcome("0.0.0.0:7990", None), Outcome::Failed);
        assert_eq!(finding("0.0.0.0:7990", None, true).outcome, Outcome::Failed, "it would not start");
        assert_eq!(outcome("[::1]:7990", None), Outcome::Good);
        assert_eq!(outcome("0.0.0.0:7990", Some("http://10.0.0.1:7990")), Outcome::Doubtful);
        assert_eq!(encryption(&Transport::default()).outcome, Outcome::Skipped);
        let https = Some("https://git.example.com");
        let behind_proxy = finding("127.0.0.1:7990", https, false);
        assert_eq!(behind_proxy.outcome, Outcome::Good);
        assert!(behind_proxy.detail.contains("a proxy in front has to encrypt"), "{behind_proxy}");
        let in_the_open = finding("0.0.0.0:7990", https, false);
        assert_eq!(in_the_open.outcome, Outcome::Doubtful);
        assert!(in_the_open.remedy.is_some_and(|remedy| remedy.contains("--tls-in-front")));
        assert_eq!(finding("0.0.0.0:7990", https, true).outcome, Outcome::Good);
    }

    #[test]
    fn a_certificate_is_looked_at_and_goes_with_an_https_address() {
        let nowhere = TlsFiles { certificate: "/nonexistent/a.pem".into(), key: "/nonexistent/a.key".into() };
        let finding = |url: &str| {
            let url = Url::parse(url).expect("a URL");
            encryption(&Transport {
                base_url: Some(&url),
                tls: Some(&nowhere),
                tls_in_front: true,
                ..Transport::default()
            })
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
