//! HTTP: routes, extractors, answers, and the server itself. Business lives below.

mod account;
mod admin;
mod answer;
mod body;
mod chat;
mod connection;
mod customers;
mod edge;
mod embeddings;
mod error;
mod explained;
mod export;
mod extract;
mod gateway_answer;
mod health;
mod idempotency;
mod leftover;
mod list;
mod member;
mod metadata;
mod metrics;
mod missing;
mod models;
mod moderations;
mod query;
mod refusal;
mod reports;
pub mod router;
pub mod server;
pub mod state;
mod usage;
mod wallet;

pub use error::explain;
