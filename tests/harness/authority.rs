//! A private authority, as companies have them, and servers that it vouches for.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

/// An authority that is known by a file only.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
        parameters.distinguished_name.push(DnType::CommonName, "authority of the tests");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(parameters, key).expect("signed");
        let authority = Self { issuer, folder: tempfile::tempdir().expect("a folder can be made") };
        std::fs::write(authority.file(), authority.issuer.pem()).expect("a file can be written");
        authority
    }

    /// Its certificate in PEM.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// What a server on this machine needs to speak TLS.
    pub fn server(&self) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let names = ["127.0.0.1", "localhost"].map(str::to_owned);
        let parameters = CertificateParams::new(names.to_vec()).expect("names");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("signed");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("known versions").with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.expect("the key fits"))
    }
}
