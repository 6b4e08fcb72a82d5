//! Accounts and the tokens that speak for them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string, string_null, string_uniq};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let accounts = Table::create()
            .table("accounts")
            .col(string("id").primary_key())
            .col(string("name"))
            .col(string_null("email"))
            .col(string("plan"))
            .col(string("billing"))
            .col(big_integer("markup_basis_points"))
            .col(big_integer("created"))
            .take();
        manager.create_table(accounts).await?;
        let tokens = Table::create()
            .table("tokens")
            .col(string("id").primary_key())
            // Admin tokens belong to no account.
            .col(string_null("account_id"))
            .col(string("name"))
            .col(string_uniq("hash"))
            .col(string("last_four"))
            .col(string("scopes"))
            .col(big_integer("created"))
            .col(big_integer_null("expires"))
            .col(big_integer_null("revoked"))
            .foreign_key(ForeignKey::create().from("tokens", "account_id").to("accounts", "id"))
            .take();
        manager.create_table(tokens).await?;
        let index = Index::create().name("tokens_account").table("tokens").col("account_id").take();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("tokens").take()).await?;
        manager.drop_table(Table::drop().table("accounts").take()).await
    }
}
