//! The handlers of the contract's operations: a folder for each resource, a file for each operation.
//!
//! The file of an operation implements its trait for the handlers of the role that serves it. A handler finds out who
//! calls, asks the domain, and puts the answer into the words of the contract. Whether the caller may ask is decided in
//! the domain. An operation that is only another address of an earlier one (`x-same-as` in the contract) has no file.

mod core;
mod mirror_handlers;
mod mirroring;
mod origin_handlers;
mod upstream_handlers;

pub use mirror_handlers::MirrorHandlers;
pub use origin_handlers::OriginHandlers;
pub use upstream_handlers::UpstreamHandlers;
