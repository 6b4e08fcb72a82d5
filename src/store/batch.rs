//! Rows in batches of a few fixed sizes, so that a statement of each size is prepared once and not
//! for every number of rows that happens to come.

use super::StoreError;
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement, Value};
use std::fmt::Write as _;

/// Rows of one statement, the largest first: PostgreSQL takes at most 65,535 values, SQLite 32,766,
/// and no table that is written in batches has more than 40 columns. Each statement is a round trip to
/// the server or the thread that runs it.
const SIZES: [usize; 10] = [512, 256, 128, 64, 32, 16, 8, 4, 2, 1];
/// SQLite's thread is near, so that a round trip costs little; the values of more rows, and SQLite's places for them,
/// leave a processor's cache before they are used.
const MOST_OF_SQLITE: usize = 64;

/// Cuts `rows` into as few batches as the sizes allow.
pub(super) fn batches<T>(backend: DatabaseBackend, mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    let most = if backend == DatabaseBackend::Sqlite { MOST_OF_SQLITE } else { SIZES[0] };
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len().min(most))?;
        let (batch, rest) = rows.split_at(size);
        rows = rest;
        Some(batch)
    })
}

/// Where rows go.
pub(super) struct Into<'t> {
    pub table: &'t str,
    pub columns: &'t [&'t str],
    /// What follows the rows: `ON CONFLICT …`, or nothing.
    pub conflict: &'t str,
}

/// Inserts rows whose values `fill` gives, in the order of the columns, and says how many were
/// written.
///
/// The statement is written here and not by the query builder: it makes and drops an expression for
/// each value, which costs every call more than SQLite's own work on its rows.
///
/// # Errors
/// [`StoreError`], and what `fill` gives.
pub(super) async fn insert<T>(
    transaction: &impl ConnectionTrait,
    into: &Into<'_>,
    rows: &[T],
    fill: impl Fn(&T, &mut Vec<Value>) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let (backend, mut written) = (transaction.get_database_backend(), 0);
    for batch in batches(backend, rows) {
        let mut values = Vec::with_capacity(batch.len() * into.columns.len());
        for row in batch {
            fill(row, &mut values)?;
        }
        let statement = Statement::from_sql_and_values(backend, into.sql(backend, batch.len()), values);
        written += transaction.execute_raw(statement).await?.rows_affected();
    }
    Ok(written)
}

impl Into<'_> {
    fn sql(&self, backend: DatabaseBackend, rows: usize) -> String {
        let Self { table, columns, conflict } = self;
        let mut sql = format!("INSERT INTO {table} (\"{}\") VALUES ", columns.join("\", \""));
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..columns.len() {
                sql.push_str(if column == 0 { "" } else { ", " });
                match backend {
                    // SQLite takes `$1` for a name, and looks names up one by one: a large batch would take seconds.
                    DatabaseBackend::Sqlite => sql.push('?'),
                    _ => _ = write!(sql, "${}", row * columns.len() + column + 1),
                }
            }
            sql.push(')');
        }
        sql.push(' ');
        sql.push_str(conflict);
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_batch_and_sizes_are_few() {
        let rows: Vec<usize> = (0..1000).collect();
        let sizes = |backend| {
            let cut: Vec<&[usize]> = batches(backend, &rows).collect();
            assert_eq!(cut.concat(), rows);
            cut.iter().map(|batch| batch.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(DatabaseBackend::Postgres), [512, 256, 128, 64, 32, 8]);
        assert_eq!(sizes(DatabaseBackend::Sqlite), [[64; 15].as_slice(), &[32, 8]].concat());
        assert_eq!(batches::<u8>(DatabaseBackend::Sqlite, &[]).count(), 0);
    }

    #[test]
    fn every_value_has_its_place() {
        let into = Into { table: "wallets", columns: &["owner", "open"], conflict: "ON CONFLICT DO NOTHING" };
        let sql = "INSERT INTO wallets (\"owner\", \"open\") VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING";
        assert_eq!(into.sql(DatabaseBackend::Postgres, 2), sql);
        let sql = "INSERT INTO wallets (\"owner\", \"open\") VALUES (?, ?), (?, ?) ON CONFLICT DO NOTHING";
        assert_eq!(into.sql(DatabaseBackend::Sqlite, 2), sql);
    }
}
