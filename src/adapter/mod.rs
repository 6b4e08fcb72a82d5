//! What generated adapters call, and nothing that knows a provider.
//!
//! `build.rs` compiles `providers/*.yaml` to one module a provider, included in [`generated`].
//! Each fills a [`Provider`] of the static table [`generated::ALL`] with plain functions on
//! bytes: `encode` reads the normalised request ([`view`]) and writes the provider's JSON
//! ([`json`]); `decode` and `on_event` read the provider's JSON ([`parse`]) and feed sinks
//! ([`reply`]). No I/O happens here.

pub mod glob;
pub mod json;
pub mod normalise;
pub mod parse;
pub mod pass;
pub mod price;
pub mod provider;
pub mod reply;
mod transcript;
pub mod verbatim;
pub mod view;

pub use provider::Provider;

/// The compiled specs.
#[expect(
    clippy::borrow_deref_ref,
    clippy::collapsible_else_if,
    clippy::collapsible_if,
    clippy::collapsible_match,
    clippy::if_not_else,
    clippy::needless_option_as_deref,
    clippy::nonminimal_bool,
    clippy::redundant_closure_for_method_calls,
    clippy::single_match,
    clippy::struct_field_names,
    clippy::unnecessary_literal_unwrap,
    clippy::unreadable_literal,
    non_snake_case,
    reason = "generated code is uniform, not terse"
)]
pub mod generated {
    include!(concat!(env!("OUT_DIR"), "/providers.rs"));
}
