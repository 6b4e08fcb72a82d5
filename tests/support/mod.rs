//! What test targets share: the built program as a process, an upstream that replays, and
//! OpenAI's schemas. (`tests/it` runs the application inside the test's process instead.)

pub mod gateway;
pub mod recording;
pub mod replay;
pub mod schema;
