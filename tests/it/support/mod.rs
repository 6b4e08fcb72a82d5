//! What the tests stand on.

pub mod app;
pub mod client;
pub mod postgres;
pub mod process;
pub mod upstream;
