//! Tables as sea-orm sees them.

pub mod account;
pub mod checkpoint;
pub mod customer;
pub mod good_file;
pub mod hold;
pub mod idempotency_key;
pub mod serving;
pub mod slot;
pub mod token;
pub mod usage_event;
pub mod wallet;
pub mod wallet_entry;
