//! The integration tests: the real application, over real sockets.

mod support;

mod admin;
mod attribution;
mod bad_input;
mod bounds;
mod caps;
mod chat;
mod customers;
mod durability;
mod frames;
mod idempotency;
mod kills;
mod limits;
mod losses;
mod operations;
mod prices;
mod purge;
mod report_laws;
mod reports;
mod schema;
mod schema_suite;
mod server;
mod slots;
mod submissions;
mod upstream;
mod wallets;
