#![doc = include_str!("ARCHITECTURE.md")]

pub mod adapter;
pub mod codegen;
pub mod money;
pub mod wire;
