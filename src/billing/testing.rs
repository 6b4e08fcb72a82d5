//! Prices for tests, written as in a spec.

use super::price_file::compiled;
use super::prices::{Abilities, Entry, Sheet};
use crate::adapter::price::Price;
use crate::adapter::provider::ModelKind;
use crate::clock::Timestamp;
use crate::codegen::node::Node;
use crate::codegen::price;
use crate::codegen::spec::Checker;
use std::sync::Arc;

/// The price that a text means.
pub fn priced(text: &str) -> Price {
    let node = Node::parse("price", text).unwrap_or_else(|problem| panic!("{problem}"));
    let mut check = Checker::default();
    let price = price::read(&node, &[], &mut check);
    assert!(check.problems.is_empty(), "{text}: {:?}", check.problems);
    compiled(&price)
}

/// A chat model of that price, looked up in the autumn of 2026.
pub fn entry(price: Price) -> Entry {
    Entry {
        kind: ModelKind::Chat,
        price: Sheet::Listed(Arc::new(price)),
        // 2026-11-23T12:00:00Z, a Monday.
        at: Timestamp(1_795_435_200_000),
        context_window: 0,
        max_output_tokens: 0,
        capabilities: Abilities::Spec(&[]),
        version: "test".into(),
    }
}
