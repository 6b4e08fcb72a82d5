//! `request:` → `fn encode`: the mapping is walked once, here; what runs is straight-line Rust
//! that writes JSON into one buffer.
//!
//! An object or list is opened, filled and closed; closing one that stayed empty takes it back,
//! its key included (`adapter::json`), so that absence needs no conditions of its own.

mod copied;
mod source;

use super::checker::Checker;
use super::members::DIRECTIVES;
use super::node::{Constant, Key, Node, Value};
use super::problem::suggest;
use super::vocab::{self, Kind, RequestMember};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use source::{Expression, constant, write, write_literal};
use std::collections::BTreeSet;

/// Compiles mappings and notes what they read.
pub struct Requests<'c> {
    pub check: &'c mut Checker,
    /// Sources of the outermost scope that were read; those of a schema's format with its name before them.
    pub read: BTreeSet<String>,
    /// Whether images that are URLs are to be fetched first.
    pub fetches: bool,
}

/// Where a value goes.
#[derive(Clone, Copy)]
enum Slot<'k> {
    Member(&'k str),
    Item,
}

/// The scope a mapping reads, and the variable that holds it; what it lacks is looked up around it.
#[derive(Clone, Copy)]
struct Scope<'s> {
    name: &'s str,
    this: &'s TokenStream,
    around: Option<&'s Scope<'s>>,
}

impl Scope<'_> {
    fn depth(&self) -> usize {
        self.around.map_or(0, |around| around.depth() + 1)
    }

    fn knows(&self, name: &str) -> bool {
        vocab::scope(self.name).iter().any(|row| row.name == name)
            || self.around.is_some_and(|around| around.knows(name))
    }
}

impl Requests<'_> {
    /// The body of `encode` for a whole mapping. `scope` is `chat` or `plain`; `parameters` are
    /// those that it must say something of, with the sources that read them.
    pub fn encode(&mut self, request: &Node, scope: &str, parameters: &[RequestMember]) -> TokenStream {
        let this = quote!(v);
        let scope = Scope { name: scope, this: &this, around: None };
        let Some(members) = request.map() else {
            self.check.say(&request.at, "`request` is a map: the members of the provider's request");
            return quote!();
        };
        let refused = self.refusals(request);
        let passed = match request.get("$pass") {
            Some(pass) if pass.text() == Some("all") => self.pass(request),
            Some(pass) => {
                self.check.say(&pass.at, "at the top, `$pass` can only be `all`");
                quote!()
            }
            None => {
                for name in ["$rename", "$limit"] {
                    if let Some(node) = request.get(name) {
                        self.check.say(&node.at, format!("`{name}` needs `$pass: all` beside it"));
                    }
                }
                quote!()
            }
        };
        self.only_directives(request, &["$pass", "$drop", "$rename", "$refuse", "$limit"]);
        let own = self.members(members, scope);
        if !request.has("$pass") {
            self.exhaustive(request, parameters);
        }
        quote!(#refused w.open(b'{'); #passed #own w.close_root(b'}');)
    }

    fn only_directives(&mut self, node: &Node, allowed: &[&str]) {
        for (key, _) in node.map().unwrap_or(&[]) {
            // What may be left out on a condition may also have something else in its place.
            let name = if key.name == "$else" { "$if" } else { key.name.as_str() };
            if !key.name.starts_with('$') || allowed.contains(&name) {
                continue;
            }
            if DIRECTIVES.iter().any(|known| known.name == key.name) {
                self.check.say(&key.at, format!("`{}` can't stand here", key.name));
            } else {
                let hint = suggest(&key.name, DIRECTIVES.iter().map(|known| known.name));
                self.check.say(&key.at, format!("no directive `{}`; {hint}", key.name));
            }
        }
    }

    fn members(&mut self, members: &[(Key, Node)], scope: Scope<'_>) -> TokenStream {
        let own = members.iter().filter(|(key, _)| !key.name.starts_with('$'));
        own.map(|(key, node)| self.value(Slot::Member(&key.name), node, scope)).collect()
    }

    fn value(&mut self, slot: Slot<'_>, node: &Node, scope: Scope<'_>) -> TokenStream {
        match &node.value {
            Value::Null => {
                self.check.say(&node.at, "nothing stands here: write a value, a `$source` or take the key out");
                quote!()
            }
            Value::Scalar { text, .. } if text == "$omit" => quote!(),
            Value::Scalar { text, .. } if text == "$refuse" => {
                self.check.say(&node.at, "`$refuse` stands for a variant of a `$by`");
                quote!()
            }
            Value::Scalar { text, .. } if text == "$fetch" => {
                self.check.say(&node.at, "`$fetch` stands for the variant `image_url` of a `$by`");
                quote!()
            }
            Value::Scalar { text, .. } if text.starts_with('$') => {
                let expression = self.expression(text, node, scope);
                write(slot, &expression)
            }
            Value::Scalar { .. } => write_literal(slot, &constant(node)),
            // What is written as empty is meant to be; what becomes empty is left out.
            Value::List(items) if items.is_empty() => write_literal(slot, "[]"),
            Value::Map(members) if members.is_empty() => write_literal(slot, "{}"),
            Value::List(items) => {
                let items: TokenStream = items.iter().map(|item| self.value(Slot::Item, item, scope)).collect();
                block(slot, b'[', b']', &items)
            }
            Value::Map(members) => {
                let code = self.object(slot, node, members, scope);
                self.guarded(slot, node, scope, code)
            }
        }
    }

    /// Lays `$if` and `$unless` round a value, `$else` beside them.
    fn guarded(&mut self, slot: Slot<'_>, node: &Node, scope: Scope<'_>, code: TokenStream) -> TokenStream {
        let mut conditions = Vec::new();
        for (directive, negate) in [("$if", false), ("$unless", true)] {
            if let Some(source) = node.get(directive) {
                let condition = self.condition(source, scope);
                conditions.push(if negate { quote!(!(#condition)) } else { condition });
            }
        }
        let otherwise = node.get("$else").map(|other| (other, self.value(slot, other, scope)));
        if conditions.is_empty() {
            if let Some((other, _)) = otherwise {
                self.check.say(&other.at, "`$else` needs `$if` or `$unless` beside it");
            }
            return code;
        }
        either(&quote!(#(#conditions)&&*), &code, &otherwise.map(|(_, code)| code).unwrap_or_default())
    }

    fn object(&mut self, slot: Slot<'_>, node: &Node, members: &[(Key, Node)], scope: Scope<'_>) -> TokenStream {
        if let Some(source) = node.get("$each") {
            return self.each(slot, node, source, members, scope);
        }
        if let Some(items) = node.get("$items") {
            self.only_directives(node, &["$items", "$if", "$unless"]);
            return self.items(slot, items, scope);
        }
        if let Some(source) = node.get("$by") {
            self.only_directives(node, &["$by", "$if", "$unless"]);
            return self.by(slot, node, source, members, scope);
        }
        if node.has("$match") {
            self.only_directives(node, &["$match", "$if", "$unless"]);
            return self.by_glob(slot, node, members, scope);
        }
        if node.has("$get") {
            self.only_directives(node, &["$get", "$max", "$min", "$if", "$unless"]);
            return self.clamped(slot, node, scope);
        }
        if let Some(pieces) = node.get("$join") {
            self.only_directives(node, &["$join", "$if", "$unless"]);
            let joined = self.joined(pieces, scope);
            return write(slot, &joined);
        }
        if let Some(source) = node.get("$not") {
            self.only_directives(node, &["$not", "$if", "$unless"]);
            let expression = self.named(source, scope);
            if expression.kind != Kind::OptionalBool {
                self.check.say(&source.at, "`$not` turns a truth round, such as `parallel_tool_calls`");
            }
            let code = &expression.code;
            let turned = quote!(#code.map(|truth| !truth));
            return write(slot, &Expression { code: turned, optional: true, kind: Kind::OptionalBool });
        }
        if let Some(source) = node.get("$pass") {
            self.only_directives(node, &["$pass", "$drop", "$if", "$unless"]);
            let inner = self.pass_object(node, source, members);
            let own = self.members(members, scope);
            return block(slot, b'{', b'}', &quote!(#inner #own));
        }
        self.only_directives(node, &["$if", "$unless"]);
        let inner = self.members(members, scope);
        block(slot, b'{', b'}', &inner)
    }

    fn each(
        &mut self,
        slot: Slot<'_>,
        node: &Node,
        source: &Node,
        members: &[(Key, Node)],
        scope: Scope<'_>,
    ) -> TokenStream {
        let expression = self.named(source, scope);
        let (Kind::List(inner) | Kind::Picked(inner)) = expression.kind else {
            let is_list = |kind| matches!(kind, Kind::List(_) | Kind::Picked(_));
            let lists = vocab::scope(scope.name).iter().filter(|row| is_list(row.kind));
            let hint = suggest(source.text().unwrap_or("").trim_start_matches('$'), lists.map(|row| row.name));
            self.check.say(&source.at, format!("`$each` goes over a list; {hint}"));
            return quote!();
        };
        // Each depth has a variable of its own, so that inner mappings still reach outer scopes.
        let (list, item) = (&expression.code, format_ident!("item{}", scope.depth()));
        let item = quote!(#item);
        let inner_scope = Scope { name: inner, this: &item, around: Some(&scope) };
        let body = if let Some(by) = node.get("$by") {
            self.only_directives(node, &["$each", "$by", "$if", "$unless"]);
            self.by(Slot::Item, node, by, members, inner_scope)
        } else if let Some(items) = node.get("$items") {
            self.only_directives(node, &["$each", "$items", "$if", "$unless"]);
            self.items(Slot::Item, items, inner_scope)
        } else if let Some(pass) = node.get("$pass") {
            self.only_directives(node, &["$each", "$pass", "$drop", "$if", "$unless"]);
            if inner != "message" || pass.text() != Some("all") {
                self.check.say(&pass.at, "here, `$pass: all` copies the members of each of `messages`");
            }
            let mut skipped = self.names(node, "$drop");
            skipped
                .extend(members.iter().filter(|(key, _)| !key.name.starts_with('$')).map(|(key, _)| key.name.clone()));
            let own = self.members(members, inner_scope);
            block(Slot::Item, b'{', b'}', &quote!(pass::pass_message(#item.raw, &[#(#skipped),*], w); #own))
        } else {
            self.only_directives(node, &["$each", "$if", "$unless"]);
            let own = self.members(members, inner_scope);
            block(Slot::Item, b'{', b'}', &own)
        };
        let walk = quote!(for #item in #list { #body });
        match slot {
            Slot::Item => walk,
            Slot::Member(_) => block(slot, b'[', b']', &walk),
        }
    }

    /// `$items: [a, b]`: items of the list around it, where one would stand.
    fn items(&mut self, slot: Slot<'_>, items: &Node, scope: Scope<'_>) -> TokenStream {
        let Some(list) = items.list() else {
            self.check.say(&items.at, "`$items` is a list: what stands in place of one item");
            return quote!();
        };
        if let Slot::Member(name) = slot {
            self.check.say(
                &items.at,
                format!("`$items` stands where an item of a list does: `{name}` may hold the list itself"),
            );
            return quote!();
        }
        list.iter().map(|item| self.value(Slot::Item, item, scope)).collect()
    }

    fn by(
        &mut self,
        slot: Slot<'_>,
        node: &Node,
        source: &Node,
        members: &[(Key, Node)],
        scope: Scope<'_>,
    ) -> TokenStream {
        let expression = self.named(source, scope);
        let union = match expression.kind {
            Kind::Union(name) | Kind::OptionalUnion(name) | Kind::Itself(name) => name,
            _ => {
                self.check.say(&source.at, format!("`{}` has no variants to branch on", source.text().unwrap_or("")));
                return quote!();
            }
        };
        let known = vocab::variants(union);
        for (key, _) in members.iter().filter(|(key, _)| !key.name.starts_with('$')) {
            if !known.iter().any(|variant| variant.name == key.name) {
                let hint = suggest(&key.name, known.iter().map(|variant| variant.name));
                self.check.say(&key.at, format!("no variant `{}`; {hint}", key.name));
            }
        }
        let union_ident = format_ident!("{union}");
        let mut arms = quote!();
        for variant in known {
            let Some(mapped) = node.get(variant.name) else {
                let name = variant.name;
                self.check.say(
                    &node.at,
                    format!("says nothing of `{name}`: map it, or write `{name}: $omit` or `{name}: $refuse`"),
                );
                continue;
            };
            let (ident, variable) = (format_ident!("{}", variant.rust), format_ident!("variant{}", scope.depth()));
            let this = quote!(#variable);
            let fetched = mapped.text() == Some("$fetch");
            if fetched && variant.name != "image_url" {
                self.check.say(&mapped.at, "`$fetch` stands for `image_url`: only images are fetched");
            }
            self.fetches |= fetched;
            // None is left by then.
            let refused = fetched || mapped.text() == Some("$refuse");
            let code = if refused {
                let (param, what) = (refused_param(union), variant.name);
                quote!(return Err(view::Refused { param: #param.to_owned(), what: #what });)
            } else {
                self.value(slot, mapped, Scope { name: variant.scope, this: &this, around: Some(&scope) })
            };
            // A variant that is left out, refused or mapped to a constant is not looked into.
            let unread = refused || !code.to_string().contains(&variable.to_string());
            arms.extend(match variant.scope {
                _ if unread && !variant.scope.is_empty() => {
                    quote!(view::#union_ident::#ident(_) => { #code })
                }
                "" => quote!(view::#union_ident::#ident => { #code }),
                _ => quote!(view::#union_ident::#ident(#this) => { #code }),
            });
        }
        let code = &expression.code;
        match expression.kind {
            Kind::OptionalUnion(_) => quote!(if let Some(union) = #code { match union { #arms } }),
            _ => quote!(match #code { #arms }),
        }
    }

    /// `{ $match: model, "glob": …, _: … }`: the first glob that fits.
    fn by_glob(&mut self, slot: Slot<'_>, node: &Node, members: &[(Key, Node)], scope: Scope<'_>) -> TokenStream {
        let Some(source) = node.get("$match") else {
            return quote!();
        };
        let expression = self.named(source, scope);
        if !matches!(expression.kind, Kind::Text | Kind::OptionalText | Kind::OptionalWord) {
            self.check.say(&source.at, "`$match` compares a text, such as `model`");
            return quote!();
        }
        let (code, text) = (&expression.code, quote!(text));
        let mut chain = match node.get("_") {
            Some(other) => self.value(slot, other, scope),
            None => {
                self.check.say(&node.at, "`$match` lacks `_`: what holds when nothing fits");
                quote!()
            }
        };
        for (key, mapped) in members.iter().rev().filter(|(key, _)| key.name != "_" && !key.name.starts_with('$')) {
            let (glob, code) = (&key.name, self.value(slot, mapped, scope));
            chain = either(&quote!(pass::fits(#glob, #text)), &code, &chain);
        }
        if expression.optional {
            quote!(if let Some(#text) = #code { #chain })
        } else {
            quote!({ let #text = #code; #chain })
        }
    }

    fn clamped(&mut self, slot: Slot<'_>, node: &Node, scope: Scope<'_>) -> TokenStream {
        let Some(source) = node.get("$get") else {
            return quote!();
        };
        let expression = self.named(source, scope);
        let float = expression.kind == Kind::OptionalFloat;
        if !float && expression.kind != Kind::OptionalInteger {
            self.check.say(&source.at, "`$get` with bounds reads an optional number");
        }
        let mut code = expression.code;
        for (directive, method) in [("$max", "min"), ("$min", "max")] {
            let Some(bound) = node.get(directive) else {
                continue;
            };
            let method = format_ident!("{method}");
            match (float, bound.constant()) {
                (true, Some(Constant::Float(number))) => code = quote!(#code.map(|x| x.#method(#number))),
                (true, Some(Constant::Integer(number))) => {
                    let number = number as f64;
                    code = quote!(#code.map(|x| x.#method(#number)));
                }
                (false, Some(Constant::Integer(number))) => {
                    let number = proc_macro2::Literal::i64_unsuffixed(number);
                    code = quote!(#code.map(|x| x.#method(#number)));
                }
                _ => self.check.say(&bound.at, format!("`{directive}` is a number")),
            }
        }
        write(slot, &Expression { code, optional: true, kind: expression.kind })
    }

    /// Whether a source is there, or true.
    fn condition(&mut self, source: &Node, scope: Scope<'_>) -> TokenStream {
        let expression = self.named(source, scope);
        let code = &expression.code;
        match expression.kind {
            Kind::Bool | Kind::Flag => quote!(#code),
            Kind::OptionalBool => quote!(#code == Some(true)),
            Kind::List(_) => quote!(!#code.is_empty()),
            Kind::Picked(_) => quote!(#code.next().is_some()),
            _ if expression.optional => quote!(#code.is_some()),
            _ => {
                self.check.say(&source.at, "this is always there: it needs no condition");
                quote!(true)
            }
        }
    }
}

/// The caller's member that a union's variants are found in.
fn refused_param(union: &str) -> &'static str {
    match union {
        "ToolChoice" => "tool_choice",
        "ResponseFormat" => "response_format",
        _ => "messages",
    }
}

/// One or the other; nothing is written of a side where nothing stands.
fn either(condition: &TokenStream, code: &TokenStream, otherwise: &TokenStream) -> TokenStream {
    let otherwise = (!otherwise.is_empty()).then(|| quote!(else { #otherwise }));
    quote!(if #condition { #code } #otherwise)
}

/// Opens, fills and closes; what stayed empty is taken back by `close`.
fn block(slot: Slot<'_>, open: u8, close: u8, inner: &TokenStream) -> TokenStream {
    let (open, close) = (proc_macro2::Literal::byte_character(open), proc_macro2::Literal::byte_character(close));
    let begin = match slot {
        Slot::Member(key) => quote!(w.open_member(#key, #open)),
        Slot::Item => quote!(w.open_item(#open)),
    };
    quote!({ let mark = #begin; #inner w.close(mark, #close); })
}
