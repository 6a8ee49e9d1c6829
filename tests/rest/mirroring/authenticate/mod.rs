//! Credentials that mirrors pass on.

#[expect(clippy::module_inception, reason = "the contract has an operation with the name of its resource")]
mod authenticate;
