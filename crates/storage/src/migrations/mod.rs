//! How the tables came to be, step by step.
//!
//! A step that was released is never changed; a new one is added to the end of its role's list. Each role
//! keeps its own record of the steps taken, so that both may share a database.

mod addon_key;
mod chosen_projects;
mod comparison_indexes;
mod deleted_repositories;
mod following_keys;
mod followings;
mod held_repositories;
mod mirror_project_index;
mod mirror_tables;
mod object_format;
mod origin_lists;
mod origin_repositories;
mod registration_key;
mod repository_identity;
mod repository_purges;
mod upstream_tables;
mod webhook_tables;

use async_trait::async_trait;
use sea_orm_migration::schema::integer;
use sea_orm_migration::sea_query::{
    Alias, ColumnDef, ForeignKey, ForeignKeyAction, ForeignKeyCreateStatement, Index, IntoIden,
};
use sea_orm_migration::sea_query::{DynIden, IndexCreateStatement};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// Brings an upstream's tables up to date.
pub(crate) struct UpstreamMigrator;

#[async_trait]
impl MigratorTrait for UpstreamMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(upstream_tables::UpstreamTables),
            Box::new(webhook_tables::WebhookTables),
            Box::new(repository_identity::RepositoryIdentity),
            Box::new(chosen_projects::ChosenProjects),
            Box::new(addon_key::AddonKey),
            Box::new(registration_key::RegistrationKey),
            Box::new(repository_purges::RepositoryPurges),
            Box::new(object_format::ObjectFormat),
            Box::new(comparison_indexes::RepositoriesByProject),
            Box::new(followings::Followings),
            Box::new(following_keys::FollowingKeys),
            Box::new(deleted_repositories::DeletedRepositories),
        ]
    }

    fn migration_table_name() -> DynIden {
        Alias::new("upstream_migration").into_iden()
    }
}

/// Brings a mirror's tables up to date.
pub(crate) struct MirrorMigrator;

#[async_trait]
impl MigratorTrait for MirrorMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(mirror_tables::MirrorTables),
            Box::new(mirror_project_index::MirrorProjectIndex),
            Box::new(held_repositories::HeldRepositories),
            Box::new(comparison_indexes::RemovedRepositories),
            Box::new(origin_repositories::OriginRepositories),
            Box::new(origin_lists::OriginLists),
        ]
    }

    fn migration_table_name() -> DynIden {
        Alias::new("mirror_migration").into_iden()
    }
}

/// A primary key that is counted up and never given twice, not even after its row was deleted.
fn counted_key(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.integer().not_null().auto_increment().primary_key();
    column
}

/// A primary key that is the key of another table's row.
fn key_given_elsewhere(name: &'static str) -> ColumnDef {
    integer(name).primary_key().to_owned()
}

/// A unique index, named so that a violation leads back to its last column.
fn unique(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let named_column = columns.last().expect("a unique index has columns");
    let mut index = Index::create();
    index.name(format!("unique_{table}_{named_column}")).table(table).unique();
    for column in columns {
        index.col(*column);
    }
    index.to_owned()
}

/// An index that only makes look-ups fast.
fn lookup(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("lookup_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    index.to_owned()
}

/// A reference whose row goes away together with what it refers to.
fn belongs_to(table: &'static str, column: &'static str, target: &'static str) -> ForeignKeyCreateStatement {
    refers_to(table, column, target).on_delete(ForeignKeyAction::Cascade).to_owned()
}

/// A reference that keeps what it refers to from being deleted.
fn refers_to(table: &'static str, column: &'static str, target: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().name(format!("{table}_{column}")).from(table, column).to(target, "id").to_owned()
}
