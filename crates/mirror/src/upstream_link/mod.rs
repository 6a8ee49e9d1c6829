//! The upstream, and how this mirror stands with it: joining, the shared secret, and what can be asked of it.
//!
//! A second kind of upstream is one more file beside `client` and `calls`: everything above knows only the
//! descriptions in `repository`.

mod link;
mod state;

mod descriptor;
mod heartbeat;
mod install;
mod registration;
mod unconfirmed;

mod calls;
mod client;
mod contact;
mod differences;
mod for_reader;
mod identity;
mod lease;
mod ref_list;
mod repository;
mod whole_contents;

pub use contact::UpstreamFacts;
pub use descriptor::{AddonDescriptor, AddonWebhook, Introduction};
pub use for_reader::{PassedBody, PassedRequest};
pub use identity::{InvalidUpstreamUrl, UpstreamUrl};
pub use install::{InstalledEvent, UpstreamMake};
pub use link::UpstreamLink;

pub(crate) use calls::{AccessDecision, AuthenticationAnswer, RepositoryNow, RepositoryReport, SyncReport};
pub(crate) use client::{
    UpstreamClient, is_about_the_clock, is_about_us_alone, is_no_answer, is_not_found, refuses_our_secret,
};
pub(crate) use for_reader::ReaderAccess;
pub(crate) use heartbeat::Heartbeat;
pub(crate) use identity::UpstreamAddresses;
pub(crate) use ref_list::GitAccess;
pub(crate) use registration::Registration;
pub(crate) use repository::{UnfitValue, UpstreamProject, UpstreamRepository};
pub(crate) use state::LinkEvent;
pub(crate) use unconfirmed::{ClaimedInstallation, Unconfirmed};
pub(crate) use whole_contents::WholeContent;
