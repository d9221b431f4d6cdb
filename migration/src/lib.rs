//! The schema, one file a step, the same steps on SQLite and PostgreSQL.
//!
//! Steps are written as SQL in PostgreSQL's words, because that is what an operator reads; [`dialect`]
//! says how each word reads on SQLite. A step is never edited once it has been released.

#![allow(
    elided_lifetimes_in_paths,
    reason = "the trait's own signatures leave SchemaManager's lifetime out, and async_trait needs them alike"
)]

use sea_orm_migration::{MigrationTrait, async_trait::async_trait};
pub use sea_orm_migration::{MigratorTrait, SchemaManager};

mod dialect;
mod m20261101_000001_write_path;
mod m20261101_000002_organization;
mod m20261101_000003_branch;
mod m20261101_000004_brand;
mod m20261101_000005_training;
mod m20261101_000006_pairing;
mod m20261126_000007_points;
mod m20261126_000008_scores;
mod m20261126_000009_platform;
mod m20261127_000010_campaign;

/// Runs the steps in order and remembers which have run (table `seaql_migrations`).
pub struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261101_000001_write_path::Migration),
            Box::new(m20261101_000002_organization::Migration),
            Box::new(m20261101_000003_branch::Migration),
            Box::new(m20261101_000004_brand::Migration),
            Box::new(m20261101_000005_training::Migration),
            Box::new(m20261101_000006_pairing::Migration),
            Box::new(m20261126_000007_points::Migration),
            Box::new(m20261126_000008_scores::Migration),
            Box::new(m20261126_000009_platform::Migration),
            Box::new(m20261127_000010_campaign::Migration),
        ]
    }
}
