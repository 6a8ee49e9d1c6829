//! Git over HTTP: the smart protocol below `/scm/`, and bundles as plain downloads.

mod bundle;
mod endpoint;
mod identify;
mod request;

pub use endpoint::GitEndpoint;
