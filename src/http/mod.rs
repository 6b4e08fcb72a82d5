//! HTTP: routes, extractors, and errors as answers. Business steps are in `gateway`.

pub mod body;
pub mod connection;
pub mod error;
pub mod server;
