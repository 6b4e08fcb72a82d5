//! Types of the public API.

pub mod error;
pub mod model;
