//! The options about TLS: the certificate that clients are shown, and the key that belongs to it; the same for both roles.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use heliostat_server::{KernelTls, TlsFiles};

use crate::exit_code::WrongUsage;

/// Where certificate and key are.
#[derive(Debug, Args)]
pub struct TlsFlags {
    /// File with the certificate of this server in PEM, followed by those between it and its authority; with it, the server
    /// speaks TLS. SIGHUP has it and the key read again [default: none, plain HTTP].
    #[arg(long, value_name = "FILE", env = "HELIOSTAT_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,
    /// File with the key of the certificate in PEM, which not every user of the machine may read [default: none].
    #[arg(long, value_name = "FILE", env = "HELIOSTAT_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// What stands in front of this server encrypts: nothing warns that this server itself speaks plain HTTP
    /// [default: false].
    #[arg(long, env = "HELIOSTAT_TLS_IN_FRONT", value_parser = BoolishValueParser::new())]
    pub tls_in_front: bool,
}

impl TlsFlags {
    /// Both files, or none.
    // Not clap's affair: it does not count what comes from the settings file.
    pub fn files(&self) -> anyhow::Result<Option<TlsFiles>> {
        match (self.tls_certificate.clone(), self.tls_key.clone()) {
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(wrong("--tls-certificate needs the key that belongs to it: give it by --tls-key"))
            }
            (None, Some(_)) => Err(wrong("--tls-key needs its certificate: give it by --tls-certificate")),
        }
    }
}

fn wrong(message: &str) -> anyhow::Error {
    WrongUsage(message.to_owned()).into()
}

/// Who encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KernelTlsFlag {
    /// The kernel where it can.
    Auto,
    /// This process.
    Off,
}

impl From<KernelTlsFlag> for KernelTls {
    fn from(flag: KernelTlsFlag) -> Self {
        match flag {
            KernelTlsFlag::Auto => Self::Auto,
            KernelTlsFlag::Off => Self::Off,
        }
    }
}
