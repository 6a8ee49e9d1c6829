//! The HTTP server of both roles: REST handlers, Git over HTTP, Swagger UI and pages.
//!
//! A request passes, from the outside in: the accept loop (`connection`), the context path and API version
//! (`address`), what browsers may read (`cross_origin`), the error envelope (`envelope`), and then one of the rooms:
//! `rest` (handlers of the contract's operations, which answer with wire types made in `wire`), `git_http`,
//! `documents` (Swagger UI) or `pages`.
//! [`start_upstream`] and [`start_mirror`] put a role together.

mod address;
mod connection;
mod cross_origin;
mod data_folder;
mod documents;
mod emitted_contract;
mod envelope;
mod git_http;
mod metrics;
mod mirror_role;
mod options;
mod pages;
mod problem;
mod reported_version;
mod request_log;
mod rest;
mod running_role;
mod status;
mod upstream_role;
mod wire;

pub use heliostat_git::{DEFAULT_CACHE_BYTES, DEFAULT_REF_MEMORY_BYTES, ServingOptions};

pub use emitted_contract::emitted_contract;
pub use metrics::{InvalidMetricsToken, MetricsToken};
pub use mirror_role::start_mirror;
pub use options::{ListenOptions, MirrorOptions, StartError, UpstreamOptions, check_database};
pub use reported_version::{InvalidVersion, ReportedVersion};
pub use running_role::RunningRole;
pub use upstream_role::start_upstream;
