//! Who may call what: every operation and every other door of all roles, asked by every kind of caller.
//!
//! What is expected is data: `upstream.yaml`, `mirror.yaml` and `origin_mirror.yaml`. An operation that is added later has no
//! row there, and fails a test until it has one; so does an address of the router that leads to no operation (`router`). A
//! kind of caller that is added later stands in no rule, and fails until it does.

mod callers;
mod completeness;
mod every_cell;
mod matrix;
mod mirror;
mod origin_mirror;
mod router;
mod scene;
mod upstream;
