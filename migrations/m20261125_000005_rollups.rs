//! Sums of usage events by hour, day and month, for reports; filled from the events that are there.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string};
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend, Statement};
use time::{Date, OffsetDateTime};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Tables, and the key's columns behind `account_id`, `span` and `start`.
const TABLES: [(&str, &[&str]); 2] =
    [("usage_by_account", &["provider", "model"]), ("usage_by_customer", &["customer", "provider", "model"])];

const SUMS: [&str; 8] = [
    "calls",
    "errors",
    "prompt_tokens",
    "completion_tokens",
    "cached_input_tokens",
    "cost_nano_usd",
    "list_cost_nano_usd",
    "billable_nano_usd",
];

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, dimensions) in TABLES {
            let mut table = Table::create().table(name).if_not_exists().take();
            // `span` is `hour`, `day` or `month`; `start` its first millisecond.
            table.col(string("account_id")).col(string("span")).col(big_integer("start"));
            let mut key = Index::create().col("account_id").col("span").col("start").take();
            for dimension in dimensions {
                table.col(string(*dimension));
                key.col(*dimension);
            }
            for sum in SUMS {
                table.col(big_integer(sum));
            }
            table.primary_key(&mut key);
            if manager.get_database_backend() == DatabaseBackend::Sqlite {
                // Rows lie in the order of the key, so that a report reads them in one go.
                table.extra("WITHOUT ROWID");
            }
            manager.create_table(table).await?;
        }
        for (name, table, columns) in [
            ("usage_by_customer_customer", "usage_by_customer", &["account_id", "customer", "span", "start"][..]),
            ("usage_events_customer_created", "usage_events", &["account_id", "customer", "created"][..]),
        ] {
            let mut index = Index::create().name(name).table(table).if_not_exists().take();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        fill(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::drop().name("usage_events_customer_created").table("usage_events").to_owned();
        manager.drop_index(index).await?;
        for (name, _) in TABLES {
            manager.drop_table(Table::drop().table(name).take()).await?;
        }
        Ok(())
    }
}

/// Sums up the events that are there. A step that a crash cut is begun anew.
pub(super) async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let backend = manager.get_database_backend();
    let range = Statement::from_string(backend, "SELECT MIN(created) AS first, MAX(created) AS last FROM usage_events");
    let range = connection.query_one_raw(range).await?;
    let (first, last) = match range {
        Some(row) => (row.try_get::<Option<i64>>("", "first")?, row.try_get::<Option<i64>>("", "last")?),
        None => (None, None),
    };
    for (table, dimensions) in TABLES {
        connection.execute_unprepared(&format!("DELETE FROM {table}")).await?;
        let (Some(first), Some(last)) = (first, last) else { continue };
        for (span, length) in [("hour", HOUR), ("day", DAY)] {
            let start = format!("created / {length} * {length}");
            connection.execute_unprepared(&summing(table, dimensions, span, &start, "")).await?;
        }
        let mut month = first_of_month(first);
        while month <= last {
            let next = first_of_month(month + 32 * DAY);
            let only = format!("WHERE created >= {month} AND created < {next}");
            connection.execute_unprepared(&summing(table, dimensions, "month", &month.to_string(), &only)).await?;
            month = next;
        }
    }
    Ok(())
}

fn summing(table: &str, dimensions: &[&str], span: &str, start: &str, only: &str) -> String {
    let names = dimensions.join(", ");
    let values = names.replace("customer", "COALESCE(customer, '')");
    format!(
        "INSERT INTO {table} (account_id, span, start, {names}, {}) \
         SELECT account_id, '{span}', {start}, {values}, COUNT(*), \
         SUM(CASE WHEN status IN ('ok', 'aborted') THEN 0 ELSE 1 END), \
         SUM(prompt_tokens), SUM(completion_tokens), SUM(cached_input_tokens), \
         SUM(cost_nano_usd), SUM(list_cost_nano_usd), SUM(COALESCE(billable_nano_usd, 0)) \
         FROM usage_events {only} GROUP BY 1, 3, {}",
        SUMS.join(", "),
        (4..4 + dimensions.len()).map(|column| column.to_string()).collect::<Vec<_>>().join(", "),
    )
}

/// The first millisecond of the month that `at` lies in.
fn first_of_month(at: i64) -> i64 {
    let at = OffsetDateTime::from_unix_timestamp(at.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let first = Date::from_calendar_date(at.year(), at.month(), 1).unwrap_or(Date::MIN);
    first.midnight().assume_utc().unix_timestamp() * 1000
}
