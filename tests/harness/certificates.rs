//! Certificates for servers of tests that speak TLS, by an authority that the tests' own client trusts.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::server::ServerOptions;

/// The authority of this run.
fn authority() -> &'static CertifiedIssuer<'static, KeyPair> {
    static AUTHORITY: OnceLock<CertifiedIssuer<'static, KeyPair>> = OnceLock::new();
    AUTHORITY.get_or_init(|| authority_named("authority of the tests"))
}

fn authority_named(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(parameters, key).expect("signed")
}

/// The certificate of an authority that vouches for none of the tests' servers, in PEM.
pub fn another_authority() -> String {
    authority_named("another authority").pem()
}

fn parameters_for(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    CertificateParams::new(names).expect("names")
}

/// What clients need to trust the authority.
pub fn trusted() -> reqwest::Certificate {
    reqwest::Certificate::from_der(authority().der()).expect("it was just made")
}

/// Files with a certificate for this machine, its key, and the authority behind it.
#[derive(Debug)]
pub struct Certified {
    folder: TempDir,
}

impl Certified {
    /// For servers at the loopback address.
    pub fn new() -> Self {
        Self::for_names(&["127.0.0.1", "localhost"])
    }

    /// For servers with these names.
    pub fn for_names(names: &[&str]) -> Self {
        let certified = Self { folder: tempfile::tempdir().expect("a folder can be made") };
        fs::write(certified.authority(), authority().pem()).expect("a file can be written");
        certified.renew(names);
        certified
    }

    /// Puts another key and another certificate in their places.
    pub fn renew(&self, names: &[&str]) {
        self.issue(&parameters_for(names));
    }

    /// The same with a certificate that ends then.
    pub fn renew_until(&self, names: &[&str], end: SystemTime) {
        let since_epoch = end.duration_since(UNIX_EPOCH).expect("after 1970");
        let mut parameters = parameters_for(names);
        parameters.not_after = date_time_ymd(1970, 1, 1) + since_epoch;
        self.issue(&parameters);
    }

    fn issue(&self, parameters: &CertificateParams) {
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, authority()).expect("signed");
        fs::write(self.certificate(), certificate.pem()).expect("a file can be written");
        fs::write(self.key(), key.serialize_pem()).expect("a file can be written");
        fs::set_permissions(self.key(), Permissions::from_mode(0o600)).expect("its owner may");
    }

    /// The file with the certificate of the authority.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The file with the certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    /// The file with the key.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }

    /// A server that speaks TLS, and trusts others of the same authority.
    pub fn options(&self) -> ServerOptions {
        let files = [
            ("--tls-certificate", self.certificate()),
            ("--tls-key", self.key()),
            ("--ca-file", self.authority()),
        ];
        let arguments =
            files.into_iter().flat_map(|(name, file)| [name.to_owned(), file.display().to_string()]);
        ServerOptions { arguments: arguments.collect(), ..ServerOptions::default() }
    }

    /// The setting by which git trusts the authority.
    pub fn git_setting(&self) -> String {
        format!("http.sslCAInfo={}", self.authority().display())
    }
}
