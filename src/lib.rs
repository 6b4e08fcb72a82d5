#![doc = include_str!("ARCHITECTURE.md")]

pub mod config;
pub mod http;
pub mod money;
pub mod near;
pub mod telemetry;
pub mod wire;
