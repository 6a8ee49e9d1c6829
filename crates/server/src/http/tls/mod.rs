//! TLS: the certificate from its files, the handshake of each connection, and who encrypts what follows it: the kernel where
//! it can, else this process.

mod certificate;
mod handshake;
mod kernel;
mod records;
#[cfg(test)]
mod tests;

pub use certificate::{TlsFiles, TlsFilesError, certificate_complaint};
pub use handshake::{KernelTls, Tls, is_silent};
pub use kernel::KernelStream;
pub use records::Records;
