//! The database's history: one file a step, one definition for SQLite and PostgreSQL.
//! `README.md` says how a step is written.

use sea_orm_migration::prelude::*;

mod m20261124_000001_accounts;
mod m20261124_000002_usage;
mod m20261125_000003_customers;
mod m20261125_000004_ledger;
mod m20261125_000005_rollups;
mod m20261125_000006_idempotency;
mod m20261125_000010_slots;
mod m20261126_000011_account_limits;
mod m20261126_000012_sums_behind;

/// All steps, in order. A step that has been released is never changed.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_accounts::Migration),
            Box::new(m20261124_000002_usage::Migration),
            Box::new(m20261125_000003_customers::Migration),
            Box::new(m20261125_000004_ledger::Migration),
            Box::new(m20261125_000005_rollups::Migration),
            Box::new(m20261125_000006_idempotency::Migration),
            Box::new(m20261125_000010_slots::Migration),
            Box::new(m20261126_000011_account_limits::Migration),
            Box::new(m20261126_000012_sums_behind::Migration),
        ]
    }
}
