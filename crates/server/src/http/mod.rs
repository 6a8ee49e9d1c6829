//! HTTP as every part of the server speaks it: connections, what wraps every request, and errors as answers.
//!
//! A request passes, from the outside in: the accept loop ([`serve`]), [`Tls`] where the server has a certificate, its
//! counts and its lines in the log ([`RequestLog`], with what the [`request_record`] holds by its end),
//! the answers that can be given again ([`RememberedAnswers`]), what browsers are told ([`BrowserRules`]), the context path
//! and API version ([`Address`]), what pages of other sites may read ([`CrossOrigin`]) and change ([`CrossSite`]), who is
//! signed in at the pages ([`BrowserSessions`]), what names the address of what was created ([`Created`]), the error envelope
//! ([`Envelope`]), the answer to a panic, the wait for its whole body ([`WholeBody`]) and for a place (`RestPlaces`).
//! [`problem`] is the only place that turns errors into HTTP.
//!
//! Clients that connect are bounded here: [`ConnectionOptions`] says how slow a client may be, `paced_body` and
//! `write_pace` hold it to that, [`Spool`] receives long bodies on disk, `answer_memory` bounds what answers take until
//! they are read, and `connections` decides who makes room for whom, and `connection_starts` lets a crowd start bit by
//! bit.
//!
//! hyper writes bodies from memory only. So that stored answers go from their file to the socket without passing
//! through this process, a body hands regions of files to the connection's [`SendfileQueue`] and gives hyper bytes
//! that stand for them; the `socket` recognises these bytes when hyper writes them, and sends the regions instead. Where
//! this process encrypts, it reads the regions and hands them to TLS; where the kernel does, they need not pass through it.

pub mod problem;
pub mod remembered_answers;
pub mod request_record;
pub mod rest_places;

mod address;
mod allowed_values;
mod answer_memory;
mod audit;
mod browser_rules;
mod browser_session;
mod cleartext;
pub mod client_prefix;
mod client_wait;
mod connection_options;
mod connection_starts;
mod connections;
mod created;
mod cross_origin;
mod cross_site;
mod database_gate;
mod envelope;
mod kernel_queue;
mod listen;
mod open_files;
mod paced_body;
mod page_cache;
mod proxies;
mod request_counters;
mod request_log;
mod route_class;
mod sendfile_queue;
#[cfg(test)]
mod sendfile_tests;
mod shared_places;
mod shared_room;
mod shown_credentials;
mod socket;
mod spool;
mod spool_file;
mod stored_body;
mod tls;
mod transport;
mod unread_body;
mod whole_body;
mod write_pace;

pub use address::Address;
pub use browser_rules::BrowserRules;
pub use browser_session::BrowserSessions;
pub use cleartext::TlsPlacement;
pub use client_prefix::client_prefix;
pub use connection_options::ConnectionOptions;
pub use created::Created;
pub use cross_origin::CrossOrigin;
pub use cross_site::CrossSite;
pub use database_gate::DatabaseGate;
pub use envelope::Envelope;
pub use listen::{ClientCounters, ClientRoom, bind, serve};
pub use open_files::OpenFiles;
pub use proxies::TrustedProxies;
pub use remembered_answers::RememberedAnswers;
pub use request_counters::{ClassCounters, CredentialKind, CredentialOutcome};
pub use request_log::RequestLog;
pub use route_class::RouteClass;
pub use sendfile_queue::SendfileQueue;
pub use spool::Spool;
pub use stored_body::stored_response;
pub use tls::{KernelTls, Tls, TlsFiles, TlsFilesError, certificate_complaint};
pub use whole_body::{HOOKS, WholeBody};
