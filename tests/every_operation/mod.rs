//! What the contract promises of every operation alike, asked of each, so these tests need not be written again.
//!
//! The requests are read off the contract, so an operation that is added later is tested from its first day. Only
//! sample values for a new path parameter may be missing; `scene` is the one place that has them.

mod addresses;
mod bodies;
mod callers;
mod cross_site;
mod equal_work;
mod hidden_things;
mod overload;
mod scene;
mod upstream_away;
