//! Why a request was not carried out, in words for the caller.
//!
//! Domain functions return a [`Refusal`], and the server alone maps it to HTTP. The errors of the layers below
//! (credentials, passwords, tokens, the store) become refusals by `From`, so that domain functions use `?`.

mod from_credentials;
mod from_store;
mod refusal;

pub use refusal::{Proof, Refusal};
