//! The only reader of the time of day. Everything else takes a [`Clock`], so that tests own time.
