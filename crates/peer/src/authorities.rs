//! Authorities that the operator trusts beside those of the system.
//!
//! Those that are trusted in every call are a matter of the process, like the library that encrypts: named once at start,
//! before the first call.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, ClientBuilder};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

/// A larger file is no list of authorities.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// Length of a line of a certificate in PEM.
const PEM_LINE_BYTES: usize = 64;

/// What the operator trusts in every call.
static TRUSTED: OnceLock<Authorities> = OnceLock::new();

/// Why a file names no authorities.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InvalidAuthorities {
    /// It cannot be read.
    #[error("cannot read the authorities in {path:?}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is some other file.
    #[error("{0:?} is larger than {MAX_FILE_BYTES} bytes and no list of authorities")]
    TooLarge(PathBuf),
    /// There is nothing in it that could be one.
    #[error(
        "{0:?} holds no certificate: it must be text (PEM), with -----BEGIN CERTIFICATE----- for each authority"
    )]
    Empty(PathBuf),
    /// Something in it is none.
    #[error("the authorities in {path:?} cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// Certificates of authorities; none by default.
#[derive(Debug, Clone, Default)]
pub struct Authorities {
    certificates: Vec<Certificate>,
    /// The same for programs that read a file.
    pem: String,
}

impl Authorities {
    /// Reads a file, of which every certificate must be one.
    pub fn read(path: &Path) -> Result<Self, InvalidAuthorities> {
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text));
        read.map_err(|error| InvalidAuthorities::Unreadable { path: path.to_owned(), error })?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(InvalidAuthorities::TooLarge(path.to_owned()));
        }
        let unusable = |reason| InvalidAuthorities::Unusable { path: path.to_owned(), reason };
        let mut authorities = Self::default();
        for found in CertificateDer::pem_slice_iter(&text) {
            let der = found.map_err(|error| unusable(error.to_string()))?;
            let certificate = Certificate::from_der(&der);
            authorities.certificates.push(certificate.map_err(|error| unusable(crate::with_causes(&error)))?);
            authorities.pem.push_str(&pem_of(&der));
        }
        if authorities.certificates.is_empty() {
            return Err(InvalidAuthorities::Empty(path.to_owned()));
        }
        // What is inside a certificate is looked at only when a client is made.
        let only = reqwest::Client::builder().tls_certs_only(authorities.certificates.iter().cloned());
        only.build().map_err(|error| unusable(crate::with_causes(&error)))?;
        Ok(authorities)
    }

    /// A client that trusts them, too, for the caller to complete.
    pub fn trusted_by(&self, client: ClientBuilder) -> ClientBuilder {
        client.tls_certs_merge(self.certificates.iter().cloned())
    }

    /// All that a client trusts which trusts these, too, in PEM: for programs to which a file stands in the place of the
    /// system's. `None` if the system's own says it all.
    pub fn with_all_trusted(&self) -> Option<String> {
        let every_call = TRUSTED.get();
        if self.certificates.is_empty() && every_call.is_none() {
            return None;
        }
        // Those that cannot be read are left out, as in calls from here.
        let system = rustls_native_certs::load_native_certs().certs;
        let mut pem: String = system.iter().map(|der| pem_of(der)).collect();
        for authorities in every_call.into_iter().chain([self]) {
            pem.push_str(&authorities.pem);
        }
        Some(pem)
    }
}

/// Trusts the authorities in a file from now on, in clients that are made from now on. The first file counts.
pub fn trust_authorities(path: &Path) -> Result<(), InvalidAuthorities> {
    TRUSTED.set(Authorities::read(path)?).ok();
    Ok(())
}

/// A client that trusts them, too, for the caller to complete.
pub fn with_authorities(client: ClientBuilder) -> ClientBuilder {
    match TRUSTED.get() {
        Some(authorities) => authorities.trusted_by(client),
        None => client,
    }
}

fn pem_of(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, others) = rest.split_at(rest.len().min(PEM_LINE_BYTES));
        pem.push_str(line);
        pem.push('\n');
        rest = others;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("authorities.pem");
        std::fs::write(&path, text).expect("written");
        Authorities::read(&path).expect_err("no authorities").to_string()
    }

    #[test]
    fn a_file_without_authorities_is_told() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(fault("").contains("holds no certificate"), "{}", fault(""));
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(fault(damaged).contains("cannot be used"), "{}", fault(damaged));
        let missing = Authorities::read(Path::new("/nonexistent/ca.pem")).expect_err("not there").to_string();
        assert!(missing.starts_with("cannot read the authorities"), "{missing}");
    }

    #[test]
    fn a_certificate_is_written_as_it_was_read() {
        let der = [7; 100];
        let pem = pem_of(&der);
        let lines: Vec<_> = pem.lines().map(str::len).collect();
        assert_eq!(lines, [27, 64, 64, 8, 25], "{pem}");
        let read: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        assert_eq!(read.len(), 1);
        assert_eq!(**read[0].as_ref().expect("a certificate"), der);
    }

    #[test]
    fn nothing_is_written_where_the_system_says_it_all() {
        assert_eq!(Authorities::default().with_all_trusted(), None);
    }
}
