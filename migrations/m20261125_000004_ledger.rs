//! Wallets, their entries, holds of calls that run, and what each call held and debited.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, boolean, string, string_null, text, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let wallets = Table::create()
            .table("wallets")
            // An account's or a customer's id.
            .col(string("owner").primary_key())
            .col(string("account_id"))
            .col(string_null("customer_id"))
            // The sum of the entries.
            .col(big_integer("balance_nano_usd"))
            .col(boolean("open"))
            .take();
        manager.create_table(wallets).await?;
        let entries = Table::create()
            .table("wallet_entries")
            .col(string("id").primary_key())
            .col(string("owner"))
            .col(string("kind"))
            .col(big_integer("amount_nano_usd"))
            // The usage event that a debit is for.
            .col(string_null("event_id"))
            .col(text_null("note"))
            .col(big_integer("created"))
            .take();
        manager.create_table(entries).await?;
        let index = Index::create().name("wallet_entries_owner").table("wallet_entries").col("owner").col("id").take();
        manager.create_index(index).await?;
        let holds = Table::create()
            .table("holds")
            // The id of the usage event that will settle it.
            .col(string("id").primary_key())
            .col(string("account_id"))
            .col(string_null("customer_id"))
            .col(big_integer("created"))
            // The usage event that stands if nothing else comes.
            .col(text("event"))
            .take();
        manager.create_table(holds).await?;
        for column in ["held_nano_usd", "customer_debit_nano_usd", "account_debit_nano_usd"] {
            let table = Table::alter().table("usage_events").add_column(big_integer_null(column)).take();
            manager.alter_table(table).await?;
        }
        let serving =
            Table::create().table("serving").col(string("name").primary_key()).col(big_integer("generation")).take();
        manager.create_table(serving).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["serving", "holds", "wallet_entries", "wallets"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        for column in ["held_nano_usd", "customer_debit_nano_usd", "account_debit_nano_usd"] {
            manager.alter_table(Table::alter().table("usage_events").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
