//! The HTTP server of both roles: REST handlers, Git over HTTP, Swagger UI and pages.
//!
//! Each folder uses those below it in this list, and none above:
//!
//! 1. `roles`: puts a role together, starts and stops it.
//! 2. `rest`: handlers of the contract's operations.
//! 3. `git`: who may read and push with Git, and the transports that carry it. `hooks`: what other Git servers tell.
//! 4. `documents`: the contract, as files and in two readers. `pages`: what people and load balancers read: pages, `/status`.
//! 5. `metrics`: what Prometheus reads.
//! 6. `wire`: what the domain knows, in the types of the contract.
//! 7. `http`: connections, what wraps every request, and errors as answers.
//! 8. `client_keys`: among whom work is shared. `contract`: the contract as data. `log_level`: how much is logged; `dropped_log_lines`: how much of it was lost. `traces`: what a collector is told.
//!
//! [`start_upstream`], [`start_mirror`] and [`start_origin_mirror`] are the way in; `emitted_contract`, a feature,
//! describes the handlers to the drift check.

mod client_keys;
mod contract;
mod documents;
mod dropped_log_lines;
#[cfg(feature = "emitted-contract")]
mod emitted_contract;
mod git;
mod hooks;
mod http;
mod log_level;
mod metrics;
mod pages;
mod rest;
mod roles;
mod traces;
mod wire;

pub use heliostat_api::Role as ContractRole;
pub use heliostat_downstream::{DEFAULT_SMALL_PUSH_BYTES, MAX_SMALL_PUSH_BYTES};
pub use heliostat_foreign::discovery::{AppKey, CredentialSource, Organisation};
pub use heliostat_foreign::hooks::HookSecrets;
pub use heliostat_foreign::{Provider, UnknownProvider};
pub use heliostat_git::DEFAULT_REF_MEMORY_BYTES;
pub use heliostat_git_serve::{DEFAULT_CACHE_BYTES, ServingOptions};
pub use heliostat_origin::{DEFAULT_MAX_REPOSITORIES, PathPattern};
pub use heliostat_storage::Role;

pub use documents::{ContractDocument, Edition, Format, Selection};
pub use dropped_log_lines::count_dropped_log_lines;
#[cfg(feature = "emitted-contract")]
pub use emitted_contract::emitted_contract;
pub use http::{
    ConnectionOptions, KernelTls, OpenFiles, TlsFiles, TlsPlacement, TrustedProxies, certificate_complaint,
};
pub use log_level::{InvalidLogLevel, LogLevel};
pub use metrics::{InvalidMetricsToken, MetricsToken};
pub use roles::{
    DATABASE_FILE, HintOptions, ListenOptions, MirrorOptions, OriginMirrorOptions, PasswordReset,
    PasswordResetError, RunningRole, StartError, UpstreamOptions, check_database, check_owners,
    copy_database, database_url, folder_role, repositories_in, reset_password, start_mirror,
    start_origin_mirror, start_upstream,
};
pub use wire::reported_version::{InvalidVersion, ReportedVersion};
