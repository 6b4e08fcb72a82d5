//! Usage events, and how far the journal has been drained into them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, boolean, string, string_null, text, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let events = Table::create()
            .table("usage_events")
            .col(string("id").primary_key())
            .col(string("account_id"))
            .col(string("token_id"))
            .col(string("request_id"))
            .col(string_null("response_id"))
            .col(big_integer("created"))
            .col(string_null("customer"))
            .col(string("endpoint"))
            .col(string("reference"))
            .col(string("provider"))
            .col(string("model"))
            .col(big_integer("prompt_tokens"))
            .col(big_integer("completion_tokens"))
            .col(big_integer("cached_input_tokens"))
            .col(text("usage"))
            .col(text_null("raw_usage"))
            .col(boolean("estimated"))
            .col(big_integer("cost_nano_usd"))
            .col(big_integer("list_cost_nano_usd"))
            .col(big_integer_null("billable_nano_usd"))
            .col(string("price_version"))
            .col(text("tags"))
            .col(string_null("session_id"))
            .col(text("properties"))
            .col(string("status"))
            .col(string_null("error_code"))
            .col(big_integer("attempts"))
            .col(boolean("streamed"))
            .col(big_integer("latency_ms"))
            .col(big_integer_null("first_token_ms"))
            .take();
        manager.create_table(events).await?;
        for (name, columns) in [
            ("usage_events_account_created", &["account_id", "created"][..]),
            ("usage_events_request", &["request_id"][..]),
        ] {
            let mut index = Index::create().name(name).table("usage_events").take();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        let checkpoints = Table::create()
            .table("journal_checkpoints")
            .col(string("journal").primary_key())
            .col(big_integer("segment"))
            .col(big_integer("position"))
            .take();
        manager.create_table(checkpoints).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("journal_checkpoints").take()).await?;
        manager.drop_table(Table::drop().table("usage_events").take()).await
    }
}
