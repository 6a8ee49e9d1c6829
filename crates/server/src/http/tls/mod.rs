//! TLS in this process: the certificate from its files, the handshake of each connection, and what a broken one is told.

mod certificate;
mod handshake;
#[cfg(test)]
mod tests;

pub use certificate::{TlsFiles, TlsFilesError, certificate_complaint};
pub use handshake::{Tls, is_silent};
