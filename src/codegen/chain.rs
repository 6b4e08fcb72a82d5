//! `extends`: a spec laid over its ancestors.

use super::node::{Node, Value};
use super::problem::{Place, Problem, suggest};
use std::collections::BTreeMap;

/// A spec with everything it inherits.
pub struct Chain<'c> {
    pub id: &'c str,
    pub merged: Node,
    /// The spec's own text first, then its ancestors'.
    own: Vec<(&'c str, &'c Node)>,
}

impl<'c> Chain<'c> {
    /// Follows `extends` from `id`.
    pub fn new(id: &'c str, specs: &'c BTreeMap<String, Node>) -> Result<Self, Problem> {
        let mut own: Vec<(&str, &Node)> = Vec::new();
        let mut next = specs.get_key_value(id);
        while let Some((id, node)) = next {
            own.push((id, node));
            let Some(extends) = node.get("extends") else {
                break;
            };
            let parent = extends.text().unwrap_or("");
            if own.iter().any(|(other, _)| *other == parent) {
                return Err(Problem::new(extends.at.clone(), format!("`extends: {parent}` goes round in a circle")));
            }
            next = specs.get_key_value(parent);
            if next.is_none() {
                let hint = suggest(parent, specs.keys().map(String::as_str));
                return Err(Problem::new(extends.at.clone(), format!("there is no spec `{parent}` to extend; {hint}")));
            }
        }
        let start: Place = own.first().map_or_else(
            || Place { file: id.into(), line: 1, column: 1 },
            |(_, node)| Place { file: node.at.file.clone(), line: 1, column: 1 },
        );
        let mut merged = Node { value: Value::Map(Vec::new()), at: start.clone() };
        for (position, (_, node)) in own.iter().enumerate().rev() {
            let mut layer = (*node).clone();
            if position > 0
                && let Value::Map(members) = &mut layer.value
            {
                // A parent's models are its own.
                members.retain(|(key, _)| key.name != "models");
            }
            merged.overlay(layer);
        }
        merged.at = start;
        Ok(Self { id, merged, own })
    }

    /// Who says something of one of `keys` (dotted) last; `None` for the spec itself.
    pub fn owner(&self, keys: &[&str]) -> Option<&'c str> {
        let says = |node: &Node| {
            keys.iter().any(|path| {
                let mut at = Some(node);
                for key in path.split('.') {
                    at = at.and_then(|node| node.get(key));
                }
                at.is_some()
            })
        };
        let position = self.own.iter().position(|(_, node)| says(node)).unwrap_or(0);
        (position > 0).then(|| self.own[position].0)
    }
}
