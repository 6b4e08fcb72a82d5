#![doc = include_str!("ARCHITECTURE.md")]

pub mod adapter;
pub mod clock;
pub mod codegen;
pub mod config;
pub mod id;
pub mod money;
pub mod near;
pub mod telemetry;
pub mod upstream;
pub mod wire;
