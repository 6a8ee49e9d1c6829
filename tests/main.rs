//! Whole-system tests: the built binary, real HTTP, real git, real databases.
//!
//! `harness` starts servers and speaks to them; `rest` mirrors the contract, one file per operation; `story` holds
//! what crosses many operations; `every_operation` asks of each operation what the contract promises of all;
//! `authorisation` who may call what; `bad_input` what must be refused and change nothing; `coverage` makes sure that no operation is forgotten; `examples`
//! that servers answer as the contract shows; `git` that every git client gets what git itself would give it;
//! `known_clients` how clients that exist read the answers; `origin` what readers get of a Git server that is not ours, on its good days and its bad ones; `outside` what
//! other people's programs make of it; `trust` that power cuts, damage and bad lines cost nothing that was acknowledged.

#![expect(clippy::disallowed_methods, reason = "the tests start the binary, git and psql as a user does")]

mod authorisation;
mod bad_input;
mod coverage;
mod every_operation;
mod examples;
mod git;
mod harness;
mod known_clients;
mod origin;
mod outside;
mod rest;
mod story;
mod trust;
