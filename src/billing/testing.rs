//! Prices for tests, written as in a spec, calls that want something, and events.

use super::price_file::compiled;
use super::prices::{Abilities, Entry, Sheet};
use super::{Payer, Terms, Wish};
use crate::adapter::price::Price;
use crate::adapter::provider::ModelKind;
use crate::clock::Timestamp;
use crate::codegen::checker::Checker;
use crate::codegen::node::Node;
use crate::codegen::price;
use crate::wire::event::UsageEvent;
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

/// The account `acct_1`, which pays afterwards and has no budget.
pub fn payer() -> Payer {
    Payer { account: "acct_1".into(), monthly_budget: None, default_customer_budget: None, prepaid: false }
}

/// A chat call of 10 tokens of input that asks for so many of output.
pub fn wish(entry: &Entry, output: u64) -> Wish<'_> {
    Wish {
        entry,
        terms: Terms::default(),
        service_tier: None,
        input: 10,
        has_output: true,
        stated: Some(output),
        floor: 0,
        choices: 1,
        thinking: None,
        billable: None,
    }
}

/// An event of a call that ended well and cost nothing.
pub fn event(id: &str, account: &str, created: Timestamp) -> UsageEvent {
    let event = serde_json::json!({
        "id": id, "account_id": account, "token_id": "tok_1", "request_id": "req_1", "response_id": null,
        "created": created.0, "customer": null, "customer_id": null, "endpoint": "/v1/chat/completions",
        "reference": "fc:sim/echo", "provider": "sim", "model": "echo", "usage": crate::wire::usage::Usage::default(),
        "raw_usage": null, "estimated": false, "cost": 0, "list_cost": 0, "billable": null, "held": 0,
        "customer_debit": null, "account_debit": null, "price_version": "", "tags": [], "session_id": null,
        "properties": {}, "status": "ok", "error_code": null, "attempts": 1, "streamed": false, "latency_ms": 1,
        "first_token_ms": null
    });
    serde_json::from_value(event).unwrap_or_else(|error| panic!("{error}"))
}
