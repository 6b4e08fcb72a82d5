//! The integration tests: the real application, over real sockets.

mod support;

mod admin;
mod bad_input;
mod chat;
mod durability;
mod operations;
mod prices;
mod server;
mod upstream;
