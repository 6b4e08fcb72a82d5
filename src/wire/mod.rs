//! Types of the public API, and no behaviour beyond parsing and writing them.

pub mod members;
pub mod usage;
