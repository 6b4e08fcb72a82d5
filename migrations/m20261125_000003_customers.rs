//! Customers of accounts, and the caps of both.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string, string_null, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let customers = Table::create()
            .table("customers")
            .col(string("id").primary_key())
            .col(string("account_id"))
            .col(string("external_id"))
            .col(string_null("name"))
            // Null: the account's default for customers.
            .col(big_integer_null("monthly_budget_nano_usd"))
            .col(big_integer_null("rate_limit_rpm"))
            .col(big_integer_null("rate_limit_tpm"))
            .col(text("metadata"))
            .col(big_integer_null("archived"))
            .col(big_integer("created"))
            .foreign_key(ForeignKey::create().from("customers", "account_id").to("accounts", "id"))
            .take();
        manager.create_table(customers).await?;
        let unique = Index::create()
            .name("customers_account_external")
            .table("customers")
            .col("account_id")
            .col("external_id")
            .unique()
            .take();
        manager.create_index(unique).await?;
        // SQLite adds one column a statement.
        for column in ["monthly_budget_nano_usd", "default_customer_budget_nano_usd"] {
            let table = Table::alter().table("accounts").add_column(big_integer_null(column)).take();
            manager.alter_table(table).await?;
        }
        let account = Table::alter().table("usage_events").add_column(string_null("customer_id")).take();
        manager.alter_table(account).await?;
        let index = Index::create()
            .name("usage_events_customer")
            .table("usage_events")
            .col("account_id")
            .col("customer_id")
            .col("created")
            .take();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("usage_events_customer").table("usage_events").to_owned()).await?;
        manager.alter_table(Table::alter().table("usage_events").drop_column("customer_id").take()).await?;
        for column in ["monthly_budget_nano_usd", "default_customer_budget_nano_usd"] {
            manager.alter_table(Table::alter().table("accounts").drop_column(column).take()).await?;
        }
        manager.drop_table(Table::drop().table("customers").take()).await
    }
}
