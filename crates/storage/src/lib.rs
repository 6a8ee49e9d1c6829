//! What the roles remember: entities, migrations and stores.
//!
//! A role opens its [`Database`] once, and asks an [`UpstreamStore`], a [`MirrorStore`] or an [`OriginStore`] for
//! plain records. SQLite and PostgreSQL behave the same here and pass the same tests. Nothing outside this
//! crate names the database library; nothing in it knows HTTP, Git or who may do what.

mod change_count;
mod database;
mod database_counters;
mod database_unavailable;
mod entities;
mod error;
mod ids;
mod location;
mod migrate;
mod migrations;
mod mirror_store;
mod named_value;
mod origin_store;
mod owner;
mod page;
mod pool_size;
mod records;
mod settings;
#[cfg(test)]
mod test_databases;
mod text_search;
mod upstream_store;
mod watch;
mod write_transaction;

pub use change_count::Moment;
pub use database::{Database, Flush, Role};
pub use database_counters::DatabaseCounters;
pub use database_unavailable::DatabaseUnavailable;
pub use error::StoreError;
pub use ids::{
    Generation, InvocationId, LocalRepositoryId, MirrorServerId, OriginRepositoryId, OutboxEventId,
    ProjectId, RepositoryId, RepositoryIdentity, RequestId, TokenId, UpstreamServerId, UserId,
    WebhookDeliveryId, WebhookId,
};
pub use mirror_store::MirrorStore;
pub use named_value::UnknownName;
pub use origin_store::OriginStore;
pub use owner::{CLIENT_KEY_SETTING, DatabaseOwners, Owner, SERVER_ID_SETTING};
pub use page::{Page, PageRequest};
pub use records::*;
pub use upstream_store::{
    AccountStore, FollowingStore, MirrorServerStore, Outbox, RepositoryRecords, UpstreamStore, WebhookStore,
};
