//! The bytes of git's protocol, read and written without starting a process.

pub(crate) mod bundle_uri;
