//! The integration tests: the real application, over real sockets.

mod support;

mod admin;
mod attribution;
mod bad_input;
mod chat;
mod durability;
mod frames;
mod idempotency;
mod operations;
mod prices;
mod report_laws;
mod reports;
mod server;
mod submissions;
mod upstream;
