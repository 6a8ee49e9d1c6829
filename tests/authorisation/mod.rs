//! Who may call what: every operation and every other door of both roles, asked by every kind of caller.
//!
//! What is expected is data: `upstream.yaml` and `mirror.yaml`. An operation that is added later has no row there, and
//! fails a test until it has one; a kind of caller that is added later stands in no rule, and fails until it does.

mod callers;
mod completeness;
mod every_cell;
mod matrix;
mod mirror;
mod scene;
mod upstream;
