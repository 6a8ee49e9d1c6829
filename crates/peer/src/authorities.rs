//! Authorities that the operator trusts beside those of the system.
//!
//! They are a matter of the process, like the library that encrypts: named once at start, before the first call.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use reqwest::{Certificate, ClientBuilder};
use thiserror::Error;

/// A larger file is no list of authorities.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// What the operator trusts.
static TRUSTED: OnceLock<Vec<Certificate>> = OnceLock::new();

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

/// Trusts the authorities in a file from now on, in clients that are made from now on. The first file counts.
pub fn trust_authorities(path: &Path) -> Result<(), InvalidAuthorities> {
    let authorities = read(path)?;
    TRUSTED.set(authorities).ok();
    Ok(())
}

/// A client that trusts them, too, for the caller to complete.
pub fn with_authorities(client: ClientBuilder) -> ClientBuilder {
    match TRUSTED.get() {
        Some(authorities) => client.tls_certs_merge(authorities.iter().cloned()),
        None => client,
    }
}

fn read(path: &Path) -> Result<Vec<Certificate>, InvalidAuthorities> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text));
    read.map_err(|error| InvalidAuthorities::Unreadable { path: path.to_owned(), error })?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(InvalidAuthorities::TooLarge(path.to_owned()));
    }
    let unusable = |error: reqwest::Error| {
        let reason = crate::with_causes(&error);
        InvalidAuthorities::Unusable { path: path.to_owned(), reason }
    };
    let authorities = Certificate::from_pem_bundle(&text).map_err(unusable)?;
    if authorities.is_empty() {
        return Err(InvalidAuthorities::Empty(path.to_owned()));
    }
    // What is inside a certificate is looked at only when a client is made.
    reqwest::Client::builder().tls_certs_only(authorities.iter().cloned()).build().map_err(unusable)?;
    Ok(authorities)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("authorities.pem");
        std::fs::write(&path, text).expect("written");
        read(&path).expect_err("no authorities").to_string()
    }

    #[test]
    fn a_file_without_authorities_is_told() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(fault("").contains("holds no certificate"), "{}", fault(""));
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(fault(damaged).contains("cannot be used"), "{}", fault(damaged));
        let missing = read(Path::new("/nonexistent/ca.pem")).expect_err("not there").to_string();
        assert!(missing.starts_with("cannot read the authorities"), "{missing}");
    }
}
