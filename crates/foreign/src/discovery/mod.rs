//! What a credential of its own lets a mirror ask of a provider: which repositories an organisation has, and which of them
//! have changed.
//!
//! A [`ServiceCredential`] comes from a file, or from a GitHub App and lasts an hour. A [`Sweep`] lists an [`Organisation`]
//! to its last page, no more often than the provider likes, and notes in [`Hints`](crate::hooks::Hints) what is new there or
//! has changed: what webhooks have lost is found by it.

mod sweep;

mod organisation_list;
mod service_credential;

mod api;

mod app_key;
mod organisation;
mod page;
mod rate_limit;

pub use api::{ApiOptions, DiscoveryFailure};
pub use app_key::{AppKey, UnusableAppKey};
pub use organisation::{InvalidOrganisation, Organisation};
pub use service_credential::{CredentialSource, ServiceCredential};
pub use sweep::{Sweep, SweepOptions, SweepState};

#[cfg(test)]
mod pretend_provider;
#[cfg(test)]
mod tests;
