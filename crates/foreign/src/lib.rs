//! How a Git server is asked that is not ours: one of GitHub, GitLab, Gitea, Forgejo, Bitbucket or Gerrit, or any other.
//!
//! A [`Source`] is such a server. It is asked with the [`Credentials`] of the caller, as they came: its [`Listing`] proves
//! that the caller may read, and tells exactly what is there at that moment. Anything else is a [`Refusal`], typed by what
//! the caller is to do about it. Objects are fetched by id. [`SmartHttp`] is the one for HTTP and HTTPS, [`GitStream`] the one
//! for `git://` and SSH.
//!
//! What a server tells of its own accord, and what a credential of one's own lets one ask of its provider, makes things
//! quicker and never truer: [`hooks`] takes webhooks, [`discovery`] lists organisations, and both end in
//! [`Hints`](hooks::Hints) that a repository is to be looked at.
//!
//! What is made of it (who waits for whom, what is remembered, what is kept on disk) is the concern of those above: a
//! mirror of such a server, and an upstream that follows one of its repositories.

pub mod discovery;
mod repository_address;

mod git_stream;
pub mod hooks;
mod smart_http;

mod failed_fetch;

mod long_lists;
mod source;

mod credentials;
mod listing;
mod provider;
mod refusal;
mod repository_path;
mod retry_after;

pub use credentials::{Credentials, InvalidCredentials, MAX_AUTHORIZATION_BYTES};
pub use git_stream::{GitStream, GitStreamOptions, InvalidStreamUrl, StreamUrl};
pub use listing::Listing;
pub use long_lists::LongLists;
pub use provider::{Bitbucket, Provider, UnknownProvider};
pub use refusal::Refusal;
pub use repository_address::{InvalidRepositoryAddress, RepositoryAddress};
pub use repository_path::{InvalidRepositoryPath, RepositoryPath};
pub use smart_http::{InvalidServerUrl, ServerUrl, SmartHttp, SmartHttpOptions, UnusableServer};
pub use source::{FetchFailure, KeptBy, Source, WantedObjects};
