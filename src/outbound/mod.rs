//! The one client for URLs that a caller gave: nothing it fetches lies inside the operator's
//! network, whatever the URL says and whatever a name resolves to.
//!
//! A URL is checked as it is written ([`url`]), and the address that is connected to is checked
//! again where the name is resolved ([`resolver`]): between a check and a second look-up a name
//! could change what it means. No redirect is followed, no proxy is asked, size and time are
//! bounded. Calls to providers go another way (`upstream`): their URLs are the operator's.

mod address;
mod client;
mod resolver;
mod url;

pub use client::{Budget, Fetched, Outbound, OutboundError};
pub use url::UrlError;

/// Which addresses may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Public ones, over https.
    Public,
    /// This machine too, over http as well: for development and tests.
    AndLoopback,
}
