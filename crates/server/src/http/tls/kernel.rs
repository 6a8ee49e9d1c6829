//! TLS by the kernel, where it has it: what is written to the socket is encrypted there, so that stored answers go from
//! their files to the network without passing through this process.
//!
//! rustls shakes hands and then hands the keys over. What is asked of a kernel is tried at start, because keys that were
//! handed over cannot be taken back; where it does not know all of it, this process encrypts. The end of a connection is
//! not announced: that needs a message which only unsafe code can send, and HTTP says by itself where an answer ends.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use libc::{
    TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_256, TLS_CIPHER_CHACHA20_POLY1305,
    tls_crypto_info, tls12_crypto_info_aes_gcm_128, tls12_crypto_info_aes_gcm_256,
    tls12_crypto_info_chacha20_poly1305,
};
use nix::cmsg_space;
use nix::sys::socket::sockopt::{TcpTlsRx, TcpTlsTx, TcpUlp, TlsCryptoInfo};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, TlsGetRecordType, recvmsg, setsockopt};
use rustls::{ConnectionTrafficSecrets, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::records::Records;
use crate::http::transport::Transport;

/// The most that one record carries.
const RECORD_BYTES: usize = 16 * 1024;
/// After so many records AES-GCM wants new keys (RFC 8446, 5.5), which the kernel does not make: the connection ends before.
const MAX_RECORDS: u64 = 1 << 24;
/// What the kernel calls TLS.
const ULP: [u8; 3] = *b"tls";
/// The length of what AES-GCM keeps the same in the first bytes of each nonce.
const SALT_BYTES: usize = 4;
/// What an alert says that only announces the end.
const CLOSE_NOTIFY: u8 = 0;

/// The kernel, if it can do all that connections may need.
#[derive(Debug, Clone, Copy)]
pub struct Kernel(());

impl Kernel {
    /// Tries everything once, on connections of its own.
    pub fn find() -> Option<Self> {
        for cipher in [Cipher::Aes128, Cipher::Aes256, Cipher::ChaCha20] {
            let direction = cipher.direction(&[0; 32][..cipher.key_bytes()], &[0; 12], 0)?;
            try_out(&direction).ok()?;
        }
        Some(Self(()))
    }

    /// Hands over a connection whose handshake is over, if it is of version 1.3. With AES-GCM in version 1.2, the kernel would
    /// begin with the nonce that rustls has used to end the handshake, and two texts under one nonce give the key for
    /// authentication away.
    pub async fn take(self, mut stream: TlsStream<Records>) -> io::Result<Transport> {
        stream.flush().await?;
        let (records, session) = stream.get_ref();
        let is_usable = session.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        // The client may have gone by now.
        if !is_usable || setsockopt(records.stream(), TcpUlp::default(), &ULP).is_err() {
            stream.get_mut().0.read_freely();
            return Ok(Transport::encrypted(stream));
        }
        let early = read_to_border(&mut stream).await?;
        let (records, session) = stream.into_inner();
        let secrets = session.dangerous_extract_secrets().map_err(io::Error::other)?;
        let stream = records.into_stream();
        let unknown = || io::Error::other("the kernel knows no such keys");
        let sending = direction_of(&secrets.tx.1, secrets.tx.0).ok_or_else(unknown)?;
        let receiving = direction_of(&secrets.rx.1, secrets.rx.0).ok_or_else(unknown)?;
        setsockopt(&stream, TcpTlsTx, &sending)?;
        setsockopt(&stream, TcpTlsRx, &receiving)?;
        Ok(Transport::Kernel(KernelStream { stream: TokioIo::new(stream), early, records: 0 }))
    }
}

/// What the client has sent already, up to the border between two records.
async fn read_to_border(stream: &mut TlsStream<Records>) -> io::Result<Vec<u8>> {
    stream.get_mut().0.end_with_this_record();
    let mut early = Vec::new();
    match stream.read_to_end(&mut early).await {
        // The border is taken for an end that was not announced.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        Ok(_) | Err(_) => Ok(early),
    }
}

/// A connection that the kernel encrypts.
pub struct KernelStream {
    stream: TokioIo<TcpStream>,
    /// What the client had sent before the kernel took over.
    early: Vec<u8>,
    /// How many records were sent, at most.
    records: u64,
}

impl KernelStream {
    /// The socket, for what is sent over it in other ways: it is counted by [`KernelStream::sent`].
    pub fn socket(&self) -> &TcpStream {
        self.stream.inner()
    }

    /// So much was sent at once.
    pub fn sent(&mut self, bytes: usize) -> io::Result<usize> {
        self.records = self.records.saturating_add(bytes.div_ceil(RECORD_BYTES) as u64 + 1);
        match self.records {
            ..MAX_RECORDS => Ok(bytes),
            _ => Err(io::Error::other("the keys of the connection are used up")),
        }
    }

    /// Reads what the client has sent.
    pub fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let length = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early[..length]);
            self.early.drain(..length);
            return Poll::Ready(Ok(()));
        }
        let stream = self.stream.inner();
        let mut bytes = [0; RECORD_BYTES];
        let wanted = bytes.len().min(buffer.remaining());
        loop {
            ready!(stream.poll_read_ready(context))?;
            match stream.try_io(Interest::READABLE, || receive(stream, &mut bytes[..wanted])) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => {
                    buffer.put_slice(&bytes[..received?]);
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// Writes from memory.
    pub fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        Poll::Ready(self.sent(written))
    }

    /// Says that nothing more comes.
    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Receives from one record. What is not meant for HTTP ends the connection, in order or not.
fn receive(stream: &TcpStream, bytes: &mut [u8]) -> io::Result<usize> {
    let mut control = cmsg_space!(u8);
    let (length, kind) = {
        let mut slices = [IoSliceMut::new(bytes)];
        let control = Some(control.as_mut_slice());
        let received = recvmsg::<()>(stream.as_raw_fd(), &mut slices, control, MsgFlags::empty())?;
        let kind = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::TlsGetRecordType(kind) => Some(kind),
            _ => None,
        });
        (received.bytes, kind)
    };
    match kind {
        None | Some(TlsGetRecordType::ApplicationData) => Ok(length),
        Some(TlsGetRecordType::Alert) => match bytes[..length].get(1) {
            Some(&CLOSE_NOTIFY) | None => Ok(0),
            Some(reason) => {
                let reason = format!("the client ends TLS with alert {reason}");
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, reason))
            }
        },
        Some(_) => {
            let reason = "the client asks for new keys, which the kernel does not make";
            Err(io::Error::new(io::ErrorKind::Unsupported, reason))
        }
    }
}

/// What is agreed for one direction of a connection, as the kernel takes it.
fn direction_of(secrets: &ConnectionTrafficSecrets, sequence: u64) -> Option<TlsCryptoInfo> {
    let (cipher, key, iv) = match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (Cipher::Aes128, key, iv),
        ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (Cipher::Aes256, key, iv),
        ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (Cipher::ChaCha20, key, iv),
        _ => return None,
    };
    cipher.direction(key.as_ref(), iv.as_ref(), sequence)
}

/// What rustls and the kernel both know.
#[derive(Debug, Clone, Copy)]
enum Cipher {
    Aes128,
    Aes256,
    ChaCha20,
}

impl Cipher {
    const fn key_bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 | Self::ChaCha20 => 32,
        }
    }

    fn direction(self, key: &[u8], iv: &[u8], sequence: u64) -> Option<TlsCryptoInfo> {
        let info = |cipher_type| tls_crypto_info { version: TLS_1_3_VERSION, cipher_type };
        let rec_seq = sequence.to_be_bytes();
        let (salt, rest) = iv.split_at_checked(SALT_BYTES)?;
        Some(match self {
            Self::Aes128 => TlsCryptoInfo::Aes128Gcm(tls12_crypto_info_aes_gcm_128 {
                info: info(TLS_CIPHER_AES_GCM_128),
                iv: rest.try_into().ok()?,
                key: key.try_into().ok()?,
                salt: salt.try_into().ok()?,
                rec_seq,
            }),
            Self::Aes256 => TlsCryptoInfo::Aes256Gcm(tls12_crypto_info_aes_gcm_256 {
                info: info(TLS_CIPHER_AES_GCM_256),
                iv: rest.try_into().ok()?,
                key: key.try_into().ok()?,
                salt: salt.try_into().ok()?,
                rec_seq,
            }),
            Self::ChaCha20 => TlsCryptoInfo::Chacha20Poly1305(tls12_crypto_info_chacha20_poly1305 {
                info: info(TLS_CIPHER_CHACHA20_POLY1305),
                iv: iv.try_into().ok()?,
                key: key.try_into().ok()?,
                salt: [],
                rec_seq,
            }),
        })
    }
}

/// Gives the kernel keys for both directions of a connection to this process itself.
fn try_out(direction: &TlsCryptoInfo) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = std::net::TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    configure(&server, direction)?;
    drop(client);
    Ok(())
}

fn configure(stream: &impl AsFd, direction: &TlsCryptoInfo) -> io::Result<()> {
    setsockopt(stream, TcpUlp::default(), &ULP)?;
    setsockopt(stream, TcpTlsTx, direction)?;
    setsockopt(stream, TcpTlsRx, direction)?;
    Ok(())
}
