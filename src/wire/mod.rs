//! Types of the public API, and no behaviour beyond parsing and writing them.

pub mod error;
pub mod members;
pub mod model;
pub mod usage;
