//! The handshake with which a connection begins: bounded in time, and in what all of them compute at once.
//!
//! A client that has not finished it is waited for, like one that sends no request, and makes room for others first.

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, SystemTime};

use heliostat_peer::AddressPrefix;
use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use url::Url;

use super::certificate::{Identity, TlsFiles, TlsFilesError, end_notice};
use super::kernel::Kernel;
use super::records::Records;
use crate::http::shared_places::SharedPlaces;
use crate::http::transport::Transport;

/// How long a client may take for all of the handshake; as long as for the headers of a request.
const HANDSHAKE_TIME_LIMIT: Duration = Duration::from_secs(30);
/// The first byte of every handshake.
const HANDSHAKE_RECORD: u8 = 22;
/// What a client is told that speaks HTTP without TLS.
const SPEAK_TLS: &str = "This port speaks TLS: use an address that begins with https://\n";
/// How much of a request without TLS is read, so that its answer arrives.
const MAX_DISCARDED_BYTES: usize = 64 * 1024;

/// Whether the kernel may encrypt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KernelTls {
    /// Where it can.
    #[default]
    Auto,
    /// This process encrypts.
    Off,
}

/// TLS as this server speaks it. Cloning is cheap and shares the certificate.
#[derive(Debug, Clone)]
pub struct Tls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    files: TlsFiles,
    /// What the next connection begins with.
    shown: RwLock<Shown>,
    /// For what is computed with the key: half of the cores at once, so that requests go on, and each network in turn.
    places: SharedPlaces,
    /// What encrypts once hands are shaken; this process where there is none.
    kernel: Option<Kernel>,
}

/// What clients are shown, as it was read last.
#[derive(Debug)]
struct Shown {
    config: Arc<ServerConfig>,
    ends_at: Option<SystemTime>,
}

impl Tls {
    /// Reads the files.
    pub fn open(files: TlsFiles, kernel: KernelTls) -> Result<Self, TlsFilesError> {
        let kernel = match kernel {
            KernelTls::Auto => Kernel::find(),
            KernelTls::Off => None,
        };
        let shown = RwLock::new(Shown::read(&files, kernel)?);
        tracing::info!(by_kernel = kernel.is_some(), certificate = %files.certificate.display(), "TLS is spoken");
        let places = (available_parallelism().map_or(1, NonZero::get) / 2).max(1);
        let places = SharedPlaces::new(places, places.div_ceil(2));
        Ok(Self(Arc::new(Inner { files, shown, places, kernel })))
    }

    /// Reads the files again, for connections from now on; what cannot be used leaves the former ones in use.
    pub fn reload(&self) -> Result<(), TlsFilesError> {
        let shown = Shown::read(&self.0.files, self.0.kernel)?;
        *self.0.shown.write() = shown;
        Ok(())
    }

    /// When the certificate ends that clients are shown now.
    pub fn ends_at(&self) -> Option<SystemTime> {
        self.0.shown.read().ends_at
    }

    /// What is to be said of that now: it has ended, or soon will.
    pub fn end_notice(&self) -> Option<String> {
        end_notice(self.ends_at()?, SystemTime::now())
    }

    /// What is to be said of the certificate to clients of this address.
    pub fn complaint(&self, base_url: &Url) -> Option<String> {
        Identity::read(&self.0.files).ok()?.complaint(base_url, SystemTime::now())
    }

    /// Shakes hands with a client from this network.
    pub async fn accept(&self, stream: TcpStream, prefix: AddressPrefix) -> io::Result<Transport> {
        match timeout(HANDSHAKE_TIME_LIMIT, self.shake_hands(stream, prefix)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let reason = format!("no handshake within {} s", HANDSHAKE_TIME_LIMIT.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, reason))
            }
        }
    }

    async fn shake_hands(&self, stream: TcpStream, prefix: AddressPrefix) -> io::Result<Transport> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if first[0] != HANDSHAKE_RECORD {
            if first[0].is_ascii_alphabetic() {
                tell_to_speak_tls(stream).await?;
            }
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client speaks no TLS"));
        }
        let mut records = Records::new(stream);
        if self.0.kernel.is_none() {
            records.read_freely();
        }
        let begun = LazyConfigAcceptor::new(Acceptor::default(), records).await?;
        let handshake = {
            let _place = self.0.places.take(prefix).await;
            let config = Arc::clone(&self.0.shown.read().config);
            // Computes, and waits for nothing.
            begun.into_stream(config)
        };
        let stream = handshake.await?;
        match self.0.kernel {
            Some(kernel) => kernel.take(stream).await,
            None => Ok(Transport::encrypted(stream)),
        }
    }
}

impl Shown {
    /// What connections begin with, with these files; keys may leave rustls only for the kernel.
    fn read(files: &TlsFiles, kernel: Option<Kernel>) -> Result<Self, TlsFilesError> {
        let identity = Identity::read(files)?;
        let ends_at = identity.ends_at();
        let mut config = identity.into_config(files)?;
        config.enable_secret_extraction = kernel.is_some();
        Ok(Self { config: Arc::new(config), ends_at })
    }
}

/// Whether a connection was opened and closed again without a word, as load balancers do to see whether one listens.
pub fn is_silent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotConnected
}

async fn tell_to_speak_tls(mut stream: TcpStream) -> io::Result<()> {
    // What has come and is not read would make the kernel reset the connection, and the answer would be lost.
    let mut request = vec![0; MAX_DISCARDED_BYTES];
    drop(stream.try_read(&mut request));
    let head = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8";
    let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{SPEAK_TLS}", SPEAK_TLS.len());
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
