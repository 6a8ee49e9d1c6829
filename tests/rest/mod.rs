//! The contract, operation by operation: a folder for each resource, a file for each operation.
//!
//! `behaviour` tests check what an operation does and what its answer looks like, `authorisation` tests who may call
//! it. Answers are compared with the contract itself, see `heliostat_contract::exchange`.

mod core;
mod mirroring;
