//! I/O with providers: a call goes out, an answer or a stream of events comes back.
//!
//! Everything here is a mechanism: [`send`] with retries, [`signing`], [`submit`], [`framing`],
//! [`classification`] of failures by the rules of a spec, the built-in [`simulator`]. No byte of a provider is trusted.

mod body;
mod classification;
mod client;
mod deadline;
mod endpoint;
mod error;
pub mod framing;
mod retry;
mod send;
mod signing;
mod simulator;
mod stream;
mod submit;

pub use classification::{classify, classify_with, in_stream};
pub use endpoint::{Access, EndpointError, Endpoints};
pub use error::UpstreamError;
pub use framing::Event;
pub use send::{Answer, Call, Content, Limits, Operation, Upstream};
pub use stream::EventStream;
