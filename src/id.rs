//! Identifiers: prefix and 26 characters of Crockford base 32, sortable by time of making.
