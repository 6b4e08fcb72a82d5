//! What operators do: accounts and their tokens, slots.

pub mod accounts;
pub mod credits;
pub mod slots;
pub mod tokens;

use super::member::{name as checked_name, read};
use crate::wire::error::{ApiError, Code};

fn no_account() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such account. GET /admin/ringside/accounts lists them.")
}
