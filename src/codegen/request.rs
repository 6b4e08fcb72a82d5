//! `request:` → `fn encode`: the mapping is walked once, here; what runs is straight-line Rust
//! that writes JSON into one buffer.
//!
//! An object or list is opened, filled and closed; closing one that stayed empty takes it back,
//! its key included (`adapter::json`), so that absence needs no conditions of its own.

use super::members::DIRECTIVES;
use super::node::{Constant, Key, Node, Value};
use super::problem::suggest;
use super::spec::Checker;
use super::vocab::{self, CHAT_PARAMETERS, Kind};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use std::collections::BTreeSet;

/// Compiles mappings and notes what they read.
pub struct Requests<'c> {
    pub check: &'c mut Checker,
    /// Sources of the outermost scope that were read.
    pub read: BTreeSet<String>,
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

/// A value to write.
struct Expression {
    /// Rust that evaluates to a reference, or to an option where `optional`.
    code: TokenStream,
    optional: bool,
    kind: Kind,
}

impl Requests<'_> {
    /// The body of `encode` for a whole mapping. `scope` is `chat` or `plain`.
    pub fn encode(&mut self, request: &Node, scope: &str) -> TokenStream {
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
        if scope.name == "chat" && !request.has("$pass") {
            self.exhaustive(request);
        }
        quote!(#refused w.open(b'{'); #passed #own w.close_root(b'}');)
    }

    /// Names of a list directive.
    fn names(&mut self, request: &Node, directive: &str) -> Vec<String> {
        let Some(node) = request.get(directive) else {
            return Vec::new();
        };
        let Some(items) = node.list() else {
            self.check.say(&node.at, format!("`{directive}` is a list of names"));
            return Vec::new();
        };
        items.iter().filter_map(|item| item.text().map(str::to_owned)).collect()
    }

    /// A parameter that a spec names must be one that OpenAI has.
    fn known_parameters(&mut self, request: &Node, directive: &str) {
        for item in request.get(directive).and_then(Node::list).unwrap_or(&[]) {
            let name = item.text().unwrap_or("");
            let known = || CHAT_PARAMETERS.iter().map(|(name, _)| *name);
            // Look-alikes have members of their own to drop; a misspelt one of OpenAI's is a mistake.
            if !known().any(|other| other == name) {
                let hint = suggest(name, known());
                if hint.starts_with("did you mean") {
                    self.check.say(&item.at, format!("OpenAI's chat request has no `{name}`; {hint}"));
                }
            }
        }
    }

    fn refusals(&mut self, request: &Node) -> TokenStream {
        self.known_parameters(request, "$refuse");
        self.known_parameters(request, "$drop");
        let names = self.names(request, "$refuse");
        names.iter().map(|name| quote!(pass::refuse(v.raw, #name)?;)).collect()
    }

    /// Copies the caller's members, less what is dropped, refused or written otherwise.
    fn pass(&mut self, request: &Node) -> TokenStream {
        let limits = self.names(request, "$limit");
        let mut skipped: Vec<String> = self.names(request, "$drop");
        skipped.extend(self.names(request, "$refuse"));
        skipped.extend(limits.iter().cloned());
        for (key, _) in request.map().unwrap_or(&[]) {
            if !key.name.starts_with('$') {
                skipped.push(key.name.clone());
            }
        }
        let mut renames = quote!();
        if let Some(rename) = request.get("$rename") {
            for (key, to) in rename.map().unwrap_or(&[]) {
                let (from, to) = (&key.name, to.text().unwrap_or(""));
                renames.extend(quote!(#from => { w.key(#to); w.value(*raw); }));
            }
        }
        let skips = if skipped.is_empty() { quote!() } else { quote!(#(#skipped)|* => {}) };
        let limit = match limits.first() {
            Some(first) => quote!(pass::write_limit(v, &[#(#limits),*], #first, w);),
            None => quote!(),
        };
        quote!(for (name, raw) in v.raw { match &**name { #skips #renames name => { w.text_key(name); w.value(*raw); } } } #limit)
    }

    /// Without `$pass`, silence would drop a parameter unseen.
    fn exhaustive(&mut self, request: &Node) {
        let mut said: Vec<String> = self.names(request, "$drop");
        said.extend(self.names(request, "$refuse"));
        let silent: Vec<&str> = CHAT_PARAMETERS
            .iter()
            .filter(|(name, sources)| {
                !said.iter().any(|other| other == name) && !sources.iter().any(|source| self.read.contains(*source))
            })
            .map(|(name, _)| *name)
            .collect();
        if !silent.is_empty() {
            self.check.say(
                &request.at,
                format!("says nothing of {}: read it, `$drop` it or `$refuse` it", silent.join(", ")),
            );
        }
    }

    fn only_directives(&mut self, node: &Node, allowed: &[&str]) {
        for (key, _) in node.map().unwrap_or(&[]) {
            if !key.name.starts_with('$') || allowed.contains(&key.name.as_str()) {
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
            Value::Scalar { text, .. } if text.starts_with('$') => {
                let expression = self.expression(text, node, scope);
                write(slot, &expression)
            }
            Value::Scalar { .. } => {
                let literal = constant(node);
                let open = slot_open(slot);
                quote!(#open w.literal(#literal);)
            }
            Value::List(items) => {
                let items: TokenStream = items.iter().map(|item| self.value(Slot::Item, item, scope)).collect();
                block(slot, b'[', b']', &items)
            }
            Value::Map(members) => {
                let code = self.object(slot, node, members, scope);
                self.guarded(node, scope, code)
            }
        }
    }

    /// Lays `$if` and `$unless` round a value.
    fn guarded(&mut self, node: &Node, scope: Scope<'_>, code: TokenStream) -> TokenStream {
        let mut code = code;
        for (directive, negate) in [("$if", false), ("$unless", true)] {
            if let Some(source) = node.get(directive) {
                let condition = self.condition(source, scope);
                code = if negate { quote!(if !(#condition) { #code }) } else { quote!(if #condition { #code }) };
            }
        }
        code
    }

    fn object(&mut self, slot: Slot<'_>, node: &Node, members: &[(Key, Node)], scope: Scope<'_>) -> TokenStream {
        if let Some(source) = node.get("$each") {
            return self.each(slot, node, source, members, scope);
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

    /// The members of an object that the caller sent, less dropped and overridden ones.
    fn pass_object(&mut self, node: &Node, source: &Node, members: &[(Key, Node)]) -> TokenStream {
        let name = source.text().unwrap_or("");
        let mut skipped = self.names(node, "$drop");
        skipped.extend(members.iter().filter(|(key, _)| !key.name.starts_with('$')).map(|(key, _)| key.name.clone()));
        if name.is_empty() || name == "all" {
            self.check.say(&source.at, "here, `$pass` names the caller's member to copy");
        }
        quote!(pass::pass_object(v.raw, #name, &[#(#skipped),*], w);)
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
        let Kind::List(inner) = expression.kind else {
            let lists = vocab::scope(scope.name).iter().filter(|row| matches!(row.kind, Kind::List(_)));
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
            let refused = mapped.text() == Some("$refuse");
            let code = if refused {
                let (param, what) = (refused_param(union), variant.name);
                quote!(return Err(view::Refused { param: #param.to_owned(), what: #what });)
            } else {
                self.value(slot, mapped, Scope { name: variant.scope, this: &this, around: Some(&scope) })
            };
            // A variant that is left out or refused is not looked into.
            let unread = code.is_empty() || refused;
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
        if expression.kind != Kind::Text {
            self.check.say(&source.at, "`$match` compares a text, such as `model`");
            return quote!();
        }
        let text = &expression.code;
        let mut chain = match node.get("_") {
            Some(other) => self.value(slot, other, scope),
            None => {
                self.check.say(&node.at, "`$match` lacks `_`: what holds when nothing fits");
                quote!()
            }
        };
        for (key, mapped) in members.iter().rev().filter(|(key, _)| key.name != "_" && !key.name.starts_with('$')) {
            let (glob, code) = (&key.name, self.value(slot, mapped, scope));
            chain = quote!(if pass::fits(#glob, #text) { #code } else { #chain });
        }
        chain
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
            _ if expression.optional => quote!(#code.is_some()),
            _ => {
                self.check.say(&source.at, "this is always there: it needs no condition");
                quote!(true)
            }
        }
    }

    /// A source written without `$`, as directives take it.
    fn named(&mut self, node: &Node, scope: Scope<'_>) -> Expression {
        let text = node.text().unwrap_or("");
        if let Some(bare) = text.strip_prefix('$') {
            self.check.say(&node.at, format!("a directive names its source without `$`: `{bare}`"));
        }
        self.source(text.trim_start_matches('$'), node, scope)
    }

    /// `$a`, or `$a ?? $b`, or `$a ?? 4096`.
    fn expression(&mut self, text: &str, node: &Node, scope: Scope<'_>) -> Expression {
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

    fn source(&mut self, name: &str, node: &Node, scope: Scope<'_>) -> Expression {
        let this = scope.this;
        if let Some(member) = name.strip_prefix("raw.")
            && matches!(scope.name, "chat" | "plain")
        {
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
        if scope.name == "chat" {
            self.read.insert(name.to_owned());
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
            Kind::List(_) | Kind::Union(_) => (quote!(&#field), false),
            Kind::OptionalUnion(_) => (quote!(&#field), true),
            Kind::Itself(_) => (quote!(#this), false),
        };
        Expression { code, optional, kind: row.kind }
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

fn slot_open(slot: Slot<'_>) -> TokenStream {
    match slot {
        Slot::Member(key) => quote!(w.key(#key);),
        Slot::Item => quote!(w.item();),
    }
}

fn write(slot: Slot<'_>, expression: &Expression) -> TokenStream {
    let (open, code) = (slot_open(slot), &expression.code);
    if expression.optional {
        quote!(if let Some(x) = #code { #open w.value(&x); })
    } else {
        quote!(#open w.value(&#code);)
    }
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

/// A constant as JSON text.
fn constant(node: &Node) -> String {
    match node.constant() {
        Some(Constant::Bool(truth)) => truth.to_string(),
        Some(Constant::Integer(number)) => number.to_string(),
        Some(Constant::Float(number)) => number.to_string(),
        Some(Constant::Text(text)) => serde_json::Value::from(text).to_string(),
        None => "null".to_owned(),
    }
}
