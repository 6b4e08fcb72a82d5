//! Sources: `$name`, `$a ?? $b`, and how a value is written.

use super::super::node::{Constant, Node};
use super::super::problem::suggest;
use super::super::vocab::{self, Kind};
use super::{Requests, Scope, Slot};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// A value to write.
pub(super) struct Expression {
    /// Rust that evaluates to a reference, or to an option where `optional`.
    pub code: TokenStream,
    pub optional: bool,
    pub kind: Kind,
}

impl Requests<'_> {
    /// A source written without `$`, as directives take it.
    pub(super) fn named(&mut self, node: &Node, scope: Scope<'_>) -> Expression {
        let text = node.text().unwrap_or("");
        if let Some(bare) = text.strip_prefix('$') {
            self.check.say(&node.at, format!("a directive names its source without `$`: `{bare}`"));
        }
        self.source(text.trim_start_matches('$'), node, scope)
    }

    /// `$a`, or `$a ?? $b`, or `$a ?? 4096`.
    pub(super) fn expression(&mut self, text: &str, node: &Node, scope: Scope<'_>) -> Expression {
        let mut alternatives = text.split("??").map(str::trim);
        let first = alternatives.next().unwrap_or("");
        let mut result = self.source(first.strip_prefix('$').unwrap_or(first), node, scope);
        for alternative in alternatives {
            if !result.optional {
                self.check.say(&node.at, format!("what stands left of `?? {alternative}` is never absent"));
                break;
            }
            let code = &result.code;
            if let Some(name) = alternative.strip_prefix('$') {
                let other = self.source(name, node, scope);
                let next = &other.code;
                result = if other.optional {
                    Expression { code: quote!(#code.or(#next)), ..result }
                } else {
                    Expression { code: quote!(#code.unwrap_or(#next)), optional: false, kind: other.kind }
                };
            } else if result.kind == Kind::OptionalRaw {
                let json = json_of(alternative);
                result = Expression { code: quote!(pass::or_else(#code, #json)), optional: false, kind: Kind::Raw };
            } else if let Ok(number) = alternative.parse::<i64>() {
                let number = proc_macro2::Literal::i64_unsuffixed(number);
                result = Expression { code: quote!(#code.unwrap_or(#number)), optional: false, kind: Kind::Integer };
            } else {
                let text = alternative.trim_matches('"');
                result = Expression { code: quote!(#code.unwrap_or(#text)), optional: false, kind: Kind::Text };
            }
        }
        result
    }

    /// `$join: [a, $b]`: one text.
    pub(super) fn joined(&mut self, pieces: &Node, scope: Scope<'_>) -> Expression {
        let Some(list) = pieces.list() else {
            self.check.say(&pieces.at, "`$join` is a list: texts and `$sources`, in order");
            return Expression { code: quote!(""), optional: false, kind: Kind::Text };
        };
        let mut code = quote!();
        for piece in list {
            let text = piece.text().unwrap_or("");
            if text.is_empty() {
                self.check.say(&piece.at, "`$join` puts texts together");
            } else if text.starts_with('$') {
                let expression = self.expression(text, piece, scope);
                if expression.kind != Kind::Text {
                    self.check
                        .say(&piece.at, format!("`$join` puts texts together that are never absent: `{text}` is none"));
                }
                let piece = expression.code;
                code.extend(quote!(#piece,));
            } else {
                code.extend(quote!(#text,));
            }
        }
        Expression { code: quote!([#code].concat().as_str()), optional: false, kind: Kind::Text }
    }

    pub(super) fn source(&mut self, name: &str, node: &Node, scope: Scope<'_>) -> Expression {
        let this = scope.this;
        if let Some(member) = name.strip_prefix("raw.") {
            self.read.insert(name.to_owned());
            return Expression { code: quote!(pass::member(v.raw, #member)), optional: true, kind: Kind::OptionalRaw };
        }
        let Some(row) = vocab::scope(scope.name).iter().find(|row| row.name == name) else {
            if let Some(around) = scope.around
                && around.knows(name)
            {
                return self.source(name, node, *around);
            }
            let hint = suggest(name, vocab::scope(scope.name).iter().map(|row| row.name));
            let place = if scope.name.is_empty() { "here" } else { scope.name };
            self.check.say(&node.at, format!("no source `{name}` in `{place}`; {hint}"));
            return Expression { code: quote!(None::<&str>), optional: true, kind: Kind::OptionalText };
        };
        if matches!(scope.name, "chat" | "plain") {
            self.read.insert(name.to_owned());
        } else if scope.name == "schema_format" {
            self.read.insert(format!("{}.{name}", scope.name));
        }
        let segments = name.split('.').map(|segment| format_ident!("{segment}"));
        let field = quote!(#this.#(#segments).*);
        let (code, optional) = match row.kind {
            Kind::Text => (quote!(&*#field), false),
            Kind::OptionalText => (quote!(#field.as_deref()), true),
            Kind::Bool | Kind::Integer => (quote!(#field), false),
            Kind::OptionalBool | Kind::OptionalInteger | Kind::OptionalFloat | Kind::OptionalRaw => (field, true),
            Kind::Raw => (quote!(&*#field), false),
            Kind::Strings => (quote!((!#field.is_empty()).then_some(&#field)), true),
            Kind::OptionalWord => (quote!(#field.map(|word| word.as_str())), true),
            Kind::Flag => (quote!(#field()), false),
            Kind::Made => (quote!(&*#field()?), false),
            Kind::OptionalMade => (quote!(#field().as_deref()), true),
            Kind::Picked(_) => (quote!(#field()), false),
            Kind::List(_) | Kind::Union(_) => (quote!(&#field), false),
            Kind::OptionalUnion(_) => (quote!(&#field), true),
            Kind::Itself(_) => (quote!(#this), false),
        };
        Expression { code, optional, kind: row.kind }
    }
}

/// JSON text that is known now.
pub(super) fn write_literal(slot: Slot<'_>, literal: &str) -> TokenStream {
    let open = slot_open(slot);
    quote!(#open w.literal(#literal);)
}

fn slot_open(slot: Slot<'_>) -> TokenStream {
    match slot {
        Slot::Member(key) => quote!(w.key(#key);),
        Slot::Item => quote!(w.item();),
    }
}

pub(super) fn write(slot: Slot<'_>, expression: &Expression) -> TokenStream {
    let (open, code) = (slot_open(slot), &expression.code);
    if expression.optional {
        quote!(if let Some(x) = #code { #open w.value(&x); })
    } else {
        quote!(#open w.value(&#code);)
    }
}

/// What stands right of a `??`, as JSON text.
fn json_of(alternative: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(alternative) {
        Ok(value) => value.to_string(),
        Err(_) => serde_json::Value::from(alternative).to_string(),
    }
}

/// A constant as JSON text.
pub(super) fn constant(node: &Node) -> String {
    match node.constant() {
        Some(Constant::Bool(truth)) => truth.to_string(),
        Some(Constant::Integer(number)) => number.to_string(),
        Some(Constant::Float(number)) => number.to_string(),
        Some(Constant::Text(text)) => serde_json::Value::from(text).to_string(),
        None => "null".to_owned(),
    }
}
