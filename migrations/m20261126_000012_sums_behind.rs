//! Sums of usage events may be behind the events: how far they have come, and one index less for each event to be in.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string};
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            // Ids are in the order of their bytes, whatever language the database's other texts are in.
            let bytes = r#"ALTER TABLE usage_events ALTER COLUMN id TYPE varchar COLLATE "C""#;
            connection.execute_unprepared(bytes).await?;
        }
        // One row: the id of the last event that is in the sums, and the generation of the process that served last and
        // knew of this. Until one does, others add to the sums themselves.
        let progress = Table::create()
            .table("usage_sums_progress")
            .if_not_exists()
            .col(string("name").primary_key())
            .col(string("last_event"))
            .col(big_integer("generation"))
            .take();
        manager.create_table(progress).await?;
        let begin = "INSERT INTO usage_sums_progress (name, last_event, generation) VALUES ('usage_events', '', -1) \
                     ON CONFLICT (name) DO NOTHING";
        connection.execute_unprepared(begin).await?;
        // Events of a customer are found by what the account calls it.
        let index = Index::drop().if_exists().name("usage_events_customer").table("usage_events").to_owned();
        manager.drop_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = ["account_id", "customer_id", "created"];
        let mut index = Index::create().name("usage_events_customer").table("usage_events").take();
        for column in columns {
            index.col(column);
        }
        manager.create_index(index).await?;
        manager.drop_table(Table::drop().table("usage_sums_progress").take()).await?;
        super::m20261125_000005_rollups::fill(manager).await
    }
}
