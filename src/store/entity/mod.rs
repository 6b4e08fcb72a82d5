//! Tables as sea-orm sees them.

pub mod account;
pub mod checkpoint;
pub mod idempotency_key;
pub mod token;
pub mod usage_event;
