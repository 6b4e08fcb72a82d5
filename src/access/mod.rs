//! Who is calling: tokens, scopes, callers.
//!
//! Tokens are looked up by hash in memory; no call waits for the database. The index is read anew
//! when a token is made or ended here, and every few seconds for what other processes (the
//! commands) changed.

mod scope;
mod tokens;

pub use scope::{Scope, Scopes, UnknownScope};
pub use tokens::{AdminCaller, Made, ServerCaller, Tokens};
