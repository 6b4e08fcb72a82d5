//! Types of the public API, and no behaviour beyond parsing and writing them.

mod body;
pub mod chat;
pub mod error;
pub mod event;
pub mod limits;
pub mod members;
pub mod model;
pub mod plain;
pub mod request_error;
pub mod usage;
