//! Slots that were re-pointed by the API, and the last good text of the slots file.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let slots = Table::create()
            .table("slots")
            .col(string("alias").primary_key())
            // As JSON: targets, weights, what is failed over on.
            .col(text("definition"))
            .col(big_integer("updated"))
            // Which admin token.
            .col(string("updated_by"))
            .take();
        manager.create_table(slots).await?;
        let files = Table::create()
            .table("good_files")
            .col(string("name").primary_key())
            .col(text("content"))
            .col(big_integer("updated"))
            .take();
        manager.create_table(files).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("slots").take()).await?;
        manager.drop_table(Table::drop().table("good_files").take()).await
    }
}
