//! TLS between the load and the servers: a certificate for this machine, and clients that trust it alone.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use crate::process::{self, LOOK_UP_TIMEOUT};
use crate::scratch;

/// Makes keys and certificates; nginx brings its library along.
const OPENSSL: &str = "openssl";

/// What the certificate is for. It signs nothing else.
const CONFIGURATION: &str = "[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = benchmark
[extensions]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1
";

/// A certificate for 127.0.0.1 with its key.
#[derive(Debug)]
pub struct Certificate {
    folder: TempDir,
    client: Arc<ClientConfig>,
}

impl Certificate {
    /// Makes one.
    pub fn new() -> anyhow::Result<Self> {
        let folder = scratch::folder("tls")?;
        let configuration = folder.path().join("openssl.cnf");
        fs::write(&configuration, CONFIGURATION)?;
        let mut command = process::command(OPENSSL);
        command.args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"]);
        command.args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-config"]).arg(&configuration);
        command.arg("-keyout").arg(key_in(folder.path())).arg("-out").arg(certificate_in(folder.path()));
        process::succeed(&mut command, LOOK_UP_TIMEOUT)?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate_in(folder.path()))?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let client = client.with_root_certificates(roots).with_no_client_auth();
        Ok(Certificate { folder, client: Arc::new(client) })
    }

    /// The file with the certificate.
    pub fn certificate(&self) -> PathBuf {
        certificate_in(self.folder.path())
    }

    /// The file with the key.
    pub fn key(&self) -> PathBuf {
        key_in(self.folder.path())
    }

    /// For connections that trust it.
    pub fn client(&self) -> &Arc<ClientConfig> {
        &self.client
    }
}

fn certificate_in(folder: &Path) -> PathBuf {
    folder.join("certificate.pem")
}

fn key_in(folder: &Path) -> PathBuf {
    folder.join("key.pem")
}

/// A connection, with TLS or without.
pub enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// Secured.
    Secured(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Secures a connection to this machine when there is something to trust.
    pub fn new(stream: TcpStream, client: Option<&Arc<ClientConfig>>) -> anyhow::Result<Self> {
        let Some(client) = client else { return Ok(Stream::Plain(stream)) };
        let name = ServerName::from(stream.peer_addr()?.ip());
        let connection = ClientConnection::new(Arc::clone(client), name)?;
        Ok(Stream::Secured(Box::new(StreamOwned::new(connection, stream))))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(buffer),
            Stream::Secured(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Secured(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.flush(),
            Stream::Secured(stream) => stream.flush(),
        }
    }
}
