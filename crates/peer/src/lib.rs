//! How servers call each other: one HTTP client, one signed and bounded JSON call, one clock, one back-off.
//!
//! [`PeerClient`] sends a [`Call`] and returns the answer as the type that the contract promises, or a
//! [`CallError`] that carries the machine-readable name of the problem. Who is called and what is said is the
//! concern of the roles.

mod address_prefix;
mod address_rules;
mod authorities;
mod back_off;
mod call;
mod clock;
mod counted;
mod detached_tasks;
mod error_chain;
pub mod http;
mod items;
mod network;
mod part_digest;
mod passage;
mod problem;
mod product;
mod request_context;
mod shown_address;
mod signer;

pub use address_prefix::AddressPrefix;
pub use address_rules::{AddressRefused, AddressRules, is_local_only};
pub use authorities::{Authorities, InvalidAuthorities, trust_authorities, with_authorities};
pub use back_off::BackOff;
pub use call::{Call, CallError, PeerClient};
pub use clock::{Clock, DOUBTFUL_SKEW_SECONDS, MAX_SKEW_SECONDS};
pub use counted::counted;
pub use detached_tasks::DetachedTasks;
pub use error_chain::with_causes;
pub use items::Items;
pub use network::{InvalidNetwork, Network, OutgoingNetworks};
pub use part_digest::{PART_REPOSITORIES, PartDigest, ToldProject, ToldRepository, ids_of_part, part_of};
pub use passage::{Passage, PassedAnswer};
pub use problem::PeerProblem;
pub use product::PRODUCT_TYPE;
pub use request_context::{REQUEST_ID, RequestContext, TRACE_PARENT};
pub use shown_address::shown_address;
pub use signer::Signer;
