//! Idempotency keys: who has claimed each, and the answer that is given again.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string, string_null, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("idempotency_keys")
            .col(string("account_id"))
            // Empty for an account's own keys; whose they are else.
            .col(string("scope"))
            .col(string("key"))
            .col(string("fingerprint"))
            // The customer that the call was for, as the request named it.
            .col(string_null("customer"))
            .col(string("request_id"))
            .col(string("state"))
            .col(string("owner"))
            .col(big_integer("lease_until"))
            .col(big_integer("expires"))
            .col(big_integer_null("status"))
            .col(text_null("headers"))
            .col(ColumnDef::new("body").blob().null())
            .primary_key(Index::create().col("account_id").col("scope").col("key"))
            .take();
        manager.create_table(table).await?;
        for (name, columns) in [
            ("idempotency_keys_expires", &["expires"][..]),
            ("idempotency_keys_customer", &["account_id", "customer"][..]),
        ] {
            let mut index = Index::create().name(name).table("idempotency_keys").take();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("idempotency_keys").take()).await
    }
}
