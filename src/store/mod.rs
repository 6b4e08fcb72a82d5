//! The database: the only room that knows sea-orm.
//!
//! One file of queries an aggregate, plain functions over a connection or a transaction. SQLite
//! and PostgreSQL run the same definitions and the same queries.

pub mod accounts;
mod batch;
mod connect;
pub mod customers;
pub mod drain;
mod entity;
pub mod event_list;
pub mod events;
pub mod holds;
pub mod idempotency;
mod lock;
#[path = "../../migrations/mod.rs"]
mod migrations;
pub mod rollups;
pub mod slots;
pub mod tokens;
pub mod wallets;
mod writing;

pub use connect::{Claim, Store, StoreError};
pub use lock::Ours;
