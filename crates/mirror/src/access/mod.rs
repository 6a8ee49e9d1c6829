//! Who is calling, and what they may do: asked of the upstream, remembered for a while, decided in `permit`.

pub mod permit;

mod accepted;
mod asked;
mod decision_cache;
mod decisions;
mod identify;
mod keeping;
mod kept_file;
mod outage;
mod revocations;

pub use identify::{Authenticator, RequestFacts};

pub(crate) use asked::AskedRepository;
pub(crate) use decision_cache::DecisionLifetimes;
pub(crate) use decisions::AccessDecisions;
