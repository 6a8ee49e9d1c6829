//! The certificate that clients are shown and its key: read at start, and again when an operator asks.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, InconsistentKeys, RootCertStore, ServerConfig};
use url::{Host, Url};

/// A larger file is neither a certificate nor a key.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// What everybody on the machine may do with a file. A group may be one that only the server is in.
const OF_EVERYBODY: u32 = 0o007;
/// So long before its end a certificate is to be replaced: those that are renewed by themselves are replaced earlier.
const RENEWAL_DUE: Duration = Duration::from_hours(14 * 24);
/// The last second that a certificate can name, at the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;
/// What rustls calls the certificate of an authority in the place of a server's.
const OF_AN_AUTHORITY: &str = "CaUsedAsEndEntity";
/// The one protocol that is spoken inside, as clients are told.
const HTTP_1_1: &[u8] = b"http/1.1";
/// How many tickets a client gets with which it need not shake hands in full next time.
const TICKETS: usize = 1;

/// Where the certificate and its key are, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the server, then those between it and its authority.
    pub certificate: PathBuf,
    /// The key that belongs to it.
    pub key: PathBuf,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFilesError {
    /// One of them cannot be read.
    #[error("cannot read {path:?}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// One of them is some other file.
    #[error("{0:?} is larger than {MAX_FILE_BYTES} bytes and holds no certificate and no key")]
    TooLarge(PathBuf),
    /// One of them is damaged.
    #[error("{path:?} is damaged: {error}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: pem::Error,
    },
    /// There is no certificate in the file of certificates.
    #[error(
        "{0:?} holds no certificate: it must be text (PEM), with -----BEGIN CERTIFICATE----- for that of this server and \
         then for those between it and its authority"
    )]
    NoCertificate(PathBuf),
    /// There is no key in the file of the key.
    #[error(
        "{0:?} holds no key that can be used: it must be text (PEM), with -----BEGIN PRIVATE KEY-----, and without a \
         password"
    )]
    NoKey(PathBuf),
    /// The key is not only the server's.
    #[error("every user of this machine may use the key in {0:?}: `chmod 600` it")]
    KeyIsOpen(PathBuf),
    /// The two files do not belong together.
    #[error(
        "the key in {key:?} does not belong to the first certificate in {certificate:?}: that of this server must be the \
         first, and both of the same issue"
    )]
    OtherKey {
        /// The file of certificates.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// Certificate or key are of a kind that is not known here.
    #[error("the certificate in {certificate:?} with the key in {key:?} cannot be used: {reason}")]
    Unusable {
        /// The file of certificates.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// What the files hold, fit to be used together.
pub(super) struct Identity {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads both files.
    pub(super) fn read(files: &TlsFiles) -> Result<Self, TlsFilesError> {
        let text = read_file(&files.certificate)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let damaged = |error| TlsFilesError::Damaged { path: files.certificate.clone(), error };
        let certificates = certificates.map_err(damaged)?;
        if certificates.is_empty() {
            return Err(TlsFilesError::NoCertificate(files.certificate.clone()));
        }
        Ok(Self { certificates, key: read_key(&files.key)? })
    }

    /// What connections begin with.
    pub(super) fn into_config(self, files: &TlsFiles) -> Result<ServerConfig, TlsFilesError> {
        let unusable = |error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsFilesError::OtherKey { certificate: files.certificate.clone(), key: files.key.clone() }
            }
            error => TlsFilesError::Unusable {
                certificate: files.certificate.clone(),
                key: files.key.clone(),
                reason: error.to_string(),
            },
        };
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(self.certificates, self.key);
        let mut config = config.map_err(unusable)?;
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        config.ticketer = ring::Ticketer::new().map_err(unusable)?;
        config.send_tls13_tickets = TICKETS;
        Ok(config)
    }

    /// When the certificate ends.
    pub(super) fn ends_at(&self) -> Option<SystemTime> {
        let certificate = ParsedCertificate::try_from(self.certificates.first()?).ok()?;
        Some(end_of(&certificate))
    }

    /// Why clients of this address will not accept the certificate, or soon will not.
    pub(super) fn complaint(&self, base_url: &Url, now: SystemTime) -> Option<String> {
        let certificate = ParsedCertificate::try_from(self.certificates.first()?).ok()?;
        if let Some(name) = name_of(base_url)
            && verify_server_name(&certificate, &name).is_err()
        {
            let name = name.to_str().into_owned();
            return Some(format!(
                "the certificate is not for {name}, so that clients will refuse it: get one that names it, or give \
                 another address as --base-url"
            ));
        }
        match validity_at(&certificate, now) {
            Validity::OfAnAuthority => Some(
                "the certificate is that of an authority, and servers that call this one refuse it: use one that was made \
                 with basicConstraints CA:FALSE"
                    .to_owned(),
            ),
            Validity::Ahead => {
                Some("the certificate is not valid yet: look at this machine's clock".to_owned())
            }
            Validity::Over | Validity::Now => end_notice(end_of(&certificate), now),
        }
    }
}

/// What is to be said at this moment of a certificate that ends then.
pub(super) fn end_notice(ends_at: SystemTime, now: SystemTime) -> Option<String> {
    if ends_at < now {
        return Some("the certificate has expired: renew it, then send SIGHUP".to_owned());
    }
    let days = RENEWAL_DUE.as_secs() / 86_400;
    let is_due = ends_at < now + RENEWAL_DUE;
    is_due.then(|| format!("the certificate expires within {days} days: renew it, then send SIGHUP"))
}

/// The last second at which a certificate is not over. rustls does not tell it, but says of any moment whether it is.
fn end_of(certificate: &ParsedCertificate<'_>) -> SystemTime {
    let at = |second| UNIX_EPOCH + Duration::from_secs(second);
    let (mut not_over, mut over) = (0, LAST_SECOND + 1);
    while over - not_over > 1 {
        let between = not_over + (over - not_over) / 2;
        match validity_at(certificate, at(between)) {
            Validity::Over => over = between,
            Validity::Ahead | Validity::Now | Validity::OfAnAuthority => not_over = between,
        }
    }
    at(not_over)
}

/// How a certificate stands to a moment.
enum Validity {
    Ahead,
    Now,
    Over,
    /// It is good for certifying others only.
    OfAnAuthority,
}

/// Whether a certificate is valid at a moment, from any issuer: time is what is looked at first.
fn validity_at(certificate: &ParsedCertificate<'_>, time: SystemTime) -> Validity {
    let time = UnixTime::since_unix_epoch(time.duration_since(UNIX_EPOCH).unwrap_or_default());
    let algorithms = provider().signature_verification_algorithms.all;
    let no_roots = RootCertStore::empty();
    match verify_server_cert_signed_by_trust_anchor(certificate, &no_roots, &[], time, algorithms) {
        Err(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => Validity::Over,
        Err(Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => Validity::Ahead,
        Err(Error::InvalidCertificate(CertificateError::Other(other)))
            if format!("{other:?}").contains(OF_AN_AUTHORITY) =>
        {
            Validity::OfAnAuthority
        }
        Ok(()) | Err(_) => Validity::Now,
    }
}

/// What clients of this address compare the certificate with.
fn name_of(base_url: &Url) -> Option<ServerName<'static>> {
    match base_url.host()? {
        Host::Domain(name) => ServerName::try_from(name.to_owned()).ok(),
        Host::Ipv4(address) => Some(ServerName::from(std::net::IpAddr::from(address))),
        Host::Ipv6(address) => Some(ServerName::from(std::net::IpAddr::from(address))),
    }
}

/// Whether the files can be used, and what is to be said of them all the same, for `heliostat doctor`.
pub fn certificate_complaint(
    files: &TlsFiles,
    base_url: Option<&Url>,
) -> Result<Option<String>, TlsFilesError> {
    let identity = Identity::read(files)?;
    let complaint = base_url.and_then(|url| identity.complaint(url, SystemTime::now()));
    identity.into_config(files)?;
    Ok(complaint)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFilesError> {
    let unreadable = |error| TlsFilesError::Unreadable { path: path.to_owned(), error };
    let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & OF_EVERYBODY != 0 {
        return Err(TlsFilesError::KeyIsOpen(path.to_owned()));
    }
    PrivateKeyDer::from_pem_slice(&read_file(path)?).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsFilesError::NoKey(path.to_owned()),
        error => TlsFilesError::Damaged { path: path.to_owned(), error },
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsFilesError> {
    let mut text = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text));
    read.map_err(|error| TlsFilesError::Unreadable { path: path.to_owned(), error })?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(TlsFilesError::TooLarge(path.to_owned()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    /// A certificate for two names that is good in 2026, and its key.
    fn files() -> (TempDir, TlsFiles) {
        files_with(IsCa::NoCa)
    }

    fn files_with(is_ca: IsCa) -> (TempDir, TlsFiles) {
        let folder = tempfile::tempdir().expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let names = vec!["git.example.com".to_owned(), "127.0.0.1".to_owned()];
        let mut parameters = CertificateParams::new(names).expect("names");
        parameters.is_ca = is_ca;
        parameters.not_before = date_time_ymd(2026, 1, 1);
        parameters.not_after = date_time_ymd(2027, 1, 1);
        let certificate = parameters.self_signed(&key).expect("signed");
        let files =
            TlsFiles { certificate: folder.path().join("server.pem"), key: folder.path().join("server.key") };
        fs::write(&files.certificate, certificate.pem()).expect("written");
        write_key(&files.key, &key.serialize_pem());
        (folder, files)
    }

    fn write_key(path: &Path, text: &str) {
        fs::write(path, text).expect("written");
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("its owner may");
    }

    fn fault(files: &TlsFiles) -> String {
        certificate_complaint(files, None).expect_err("it cannot be used").to_string()
    }

    #[test]
    fn a_certificate_and_its_key_are_used_together() {
        let (_folder, files) = files();
        certificate_complaint(&files, None).expect("they belong together");
        let config = Identity::read(&files).expect("read").into_config(&files).expect("usable");
        assert_eq!(config.alpn_protocols, [b"http/1.1".to_vec()]);
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_file() {
        let (folder, mut good) = files();
        write_key(&good.key, &KeyPair::generate().expect("a key").serialize_pem());
        assert!(fault(&good).contains("does not belong to the first certificate"), "{}", fault(&good));
        for (text, expected) in [
            ("", "holds no key"),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
                "password",
            ),
            ("-----BEGIN PRIVATE KEY-----\nAAAA", "is damaged"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be used"),
        ] {
            write_key(&good.key, text);
            assert!(fault(&good).contains(expected), "{text:?}: {}", fault(&good));
        }
        fs::set_permissions(&good.key, Permissions::from_mode(0o644)).expect("its owner may");
        assert!(fault(&good).ends_with("`chmod 600` it"), "{}", fault(&good));
        fs::write(&good.certificate, "nothing").expect("written");
        assert!(fault(&good).contains("holds no certificate"), "{}", fault(&good));
        good.certificate = folder.path().join("nowhere");
        assert!(fault(&good).starts_with("cannot read"), "{}", fault(&good));
    }

    #[test]
    fn a_certificate_ends_when_it_says_from_any_issuer() {
        for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
            let (_folder, files) = files_with(is_ca);
            let ends_at = Identity::read(&files).expect("read").ends_at().expect("it was read");
            assert_eq!(ends_at, UNIX_EPOCH + Duration::from_secs(1_798_761_600), "2027-01-01");
        }
    }

    #[test]
    fn what_clients_will_refuse_is_told_before() {
        let (_folder, files) = files();
        let identity = Identity::read(&files).expect("read");
        let in_summer = UNIX_EPOCH + Duration::from_secs(1_782_864_000);
        let complaint = |url: &str, time| identity.complaint(&Url::parse(url).expect("a URL"), time);
        for url in ["https://git.example.com/git", "https://127.0.0.1:7990"] {
            assert_eq!(complaint(url, in_summer), None, "{url}");
        }
        for url in ["https://other.example.com", "https://127.0.0.2", "https://[::1]:7990"] {
            let told = complaint(url, in_summer).unwrap_or_default();
            assert!(told.starts_with("the certificate is not for "), "{url}: {told}");
        }
        let told = |time| complaint("https://git.example.com", time).unwrap_or_default();
        assert!(told(in_summer - 200 * DAY).contains("not valid yet"), "{}", told(in_summer - 200 * DAY));
        assert!(told(in_summer + 180 * DAY).contains("within 14 days"), "{}", told(in_summer + 180 * DAY));
        assert!(told(in_summer + 200 * DAY).contains("has expired"), "{}", told(in_summer + 200 * DAY));
        let (_folder, files) = files_with(IsCa::Ca(BasicConstraints::Unconstrained));
        let identity = Identity::read(&files).expect("read");
        let url = Url::parse("https://git.example.com").expect("a URL");
        let told = identity.complaint(&url, in_summer).unwrap_or_default();
        assert!(told.contains("is that of an authority"), "{told}");
    }
}
