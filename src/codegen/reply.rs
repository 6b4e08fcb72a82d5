//! `response:` and `stream:` → `fn decode`, `fn on_event`, and the structs they parse into.
//!
//! A struct holds just the members that some sink reads, borrowed from the input; a member has
//! the type of the sink's parameter that it feeds, and anything else in its place reads as absent.

use super::checker::Checker;
use super::node::{Node, Value};
use super::problem::suggest;
use super::vocab::{ERROR_BODY, Leaf, Parameter, SINKS, Sink};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use std::collections::BTreeMap;

/// What is read at one place of the provider's JSON.
#[derive(Default)]
struct Shape {
    leaf: Option<Leaf>,
    list: bool,
    /// A text may stand in the list's place.
    or_text: bool,
    members: BTreeMap<String, Shape>,
}

impl Shape {
    /// The shape at `path`, and the Rust that reaches it from `this`.
    fn reach(&mut self, path: &str) -> (&mut Shape, TokenStream) {
        let (mut shape, mut code) = (self, quote!());
        for segment in path.split('.').filter(|segment| !segment.is_empty()) {
            shape = shape.members.entry(segment.to_owned()).or_default();
            let field = field(segment);
            code = quote!(#code.#field);
        }
        (shape, code)
    }

    fn borrows(&self) -> bool {
        self.or_text || matches!(self.leaf, Some(Leaf::Text | Leaf::Word | Leaf::Raw)) || self.members_borrow()
    }

    /// Whether the struct that holds the members does.
    fn members_borrow(&self) -> bool {
        self.members.values().any(Shape::borrows)
    }

    /// Declares the structs under this shape. Returns the type.
    fn declare(&self, name: &str, out: &mut Vec<TokenStream>) -> TokenStream {
        let fields: Vec<TokenStream> = self
            .members
            .iter()
            .map(|(key, shape)| {
                let (field, kind) = (field(key), shape.kind(&format!("{name}{}", camel(key)), out));
                let borrow = shape.borrows().then(|| quote!(borrow,));
                quote!(#[serde(#borrow default, rename = #key)] #field: #kind)
            })
            .collect();
        let (ident, lifetime) = (format_ident!("{name}"), self.members_borrow().then(|| quote!(<'a>)));
        out.push(quote!(#[derive(serde::Deserialize, Default)] struct #ident #lifetime { #(#fields),* }));
        quote!(#ident #lifetime)
    }

    fn kind(&self, name: &str, out: &mut Vec<TokenStream>) -> TokenStream {
        let one = match (self.leaf, self.members.is_empty()) {
            (None, true) => quote!(parse::Present),
            (None, false) => {
                let object = self.declare(name, out);
                quote!(parse::Object<#object>)
            }
            (Some(Leaf::Text | Leaf::Word), false) => {
                let object = self.declare(name, out);
                quote!(parse::WordOr<'a, #object>)
            }
            (Some(_), false) => {
                let object = self.declare(name, out);
                quote!(parse::Both<'a, #object>)
            }
            (Some(Leaf::Text), true) => quote!(parse::Text<'a>),
            (Some(Leaf::Word), true) => quote!(parse::Word<'a>),
            (Some(Leaf::Raw), true) => quote!(parse::Raw<'a>),
            (Some(Leaf::Integer | Leaf::Index), true) => quote!(parse::Integer),
            (Some(Leaf::Bool), true) => quote!(parse::Truth),
        };
        match (self.list, self.or_text) {
            (true, true) => quote!(parse::ListOrText<'a, #one>),
            (true, false) => quote!(parse::List<#one>),
            (false, _) => one,
        }
    }
}

fn field(segment: &str) -> Ident {
    let clean: String = segment.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format_ident!("m_{clean}")
}

fn camel(segment: &str) -> String {
    let mut camel = String::new();
    let mut upper = true;
    for c in segment.chars() {
        if !c.is_ascii_alphanumeric() {
            upper = true;
        } else if upper {
            camel.extend(c.to_uppercase());
            upper = false;
        } else {
            camel.push(c);
        }
    }
    camel
}

/// Compiles replies.
pub struct Replies<'c> {
    pub check: &'c mut Checker,
}

impl Replies<'_> {
    /// Only an item of a list can be read as a whole.
    fn root(&mut self, shape: &Shape, node: &Node) {
        if shape.leaf.is_some() || shape.list {
            self.check.say(&node.at, "`$` alone is the item that `$each` has come to; around it, write `$member`");
        }
    }

    /// `fn <prefix>_decode`, with its structs.
    pub fn decode(&mut self, prefix: &str, response: &Node) -> TokenStream {
        let mut shape = Shape::default();
        let code = self.actions(response, &mut shape, &quote!(body));
        self.root(&shape, response);
        let (function, name) = (format_ident!("{prefix}_decode"), format!("{}Body", camel(prefix)));
        let (structs, parsed) = parsed(&shape, &name, &quote!(body));
        quote!(#structs pub fn #function(data: &[u8], reply: &mut Reply) -> Result<(), serde_json::Error> { #parsed #code Ok(()) })
    }

    /// `fn chat_on_event`, with its structs.
    pub fn on_event(&mut self, on: &Node, text: &[String]) -> TokenStream {
        let Some(members) = on.map() else {
            self.check.say(&on.at, "`on` is a map: an event's name (`_` for any other), and the sinks it feeds");
            return quote!();
        };
        let (mut all_structs, mut arms, mut other) = (quote!(), quote!(), quote!());
        for (key, node) in members {
            let mut shape = Shape::default();
            let code = self.actions(node, &mut shape, &quote!(body));
            self.root(&shape, node);
            let name = if key.name == "_" { "AnyEvent".to_owned() } else { format!("{}Event", camel(&key.name)) };
            let (structs, parsed) = if text.contains(&key.name) {
                self.of_text(&shape, &name, node)
            } else {
                parsed(&shape, &name, &quote!(body))
            };
            all_structs.extend(structs);
            if key.name == "_" {
                other = quote!(#parsed #code);
            } else {
                let event = &key.name;
                arms.extend(quote!(#event => { #parsed #code }));
            }
        }
        let body =
            if arms.is_empty() { quote!(let _ = event; #other) } else { quote!(match event { #arms _ => { #other } }) };
        quote!(#all_structs pub fn chat_on_event(event: &str, data: &[u8], reply: &mut Reply) -> Result<(), serde_json::Error> { #body Ok(()) })
    }

    /// The struct of an event whose data is text, and the statement that makes it.
    fn of_text(&mut self, shape: &Shape, name: &str, node: &Node) -> (TokenStream, TokenStream) {
        if shape.members.keys().any(|member| member != "text") {
            self.check.say(&node.at, "this event's data is text: it has nothing to read but `$text`");
        }
        if shape.members.is_empty() {
            return (quote!(), quote!());
        }
        let (mut structs, ident) = (Vec::new(), format_ident!("{name}"));
        shape.declare(name, &mut structs);
        let kind = match shape.members.get("text").and_then(|text| text.leaf) {
            Some(Leaf::Text) => quote!(parse::Text),
            _ => quote!(parse::Word),
        };
        let statement = quote!(
            let text = String::from_utf8_lossy(data);
            let body = #ident { m_text: #kind::of(&text) };
        );
        (quote!(#(#structs)*), statement)
    }

    /// `fn error_parse`: an error body's members.
    pub fn errors(&mut self, body: &Node) -> TokenStream {
        self.check.only(body, "`errors.body`", ERROR_BODY);
        let mut shape = Shape::default();
        let mut fills = quote!();
        for (key, node) in body.map().unwrap_or(&[]) {
            let value = self.text_argument(node, Leaf::Word, &mut shape, &quote!(body));
            let member = format_ident!("{}", key.name);
            fills.extend(quote!(if let Some(text) = #value { error.#member = text.to_owned(); }));
        }
        self.root(&shape, body);
        let mut structs = Vec::new();
        let declared = shape.declare("ErrorBodyMembers", &mut structs);
        drop(declared);
        let lifetime = shape.members_borrow().then(|| quote!(<'_>));
        quote!(#(#structs)* pub fn error_parse(data: &[u8]) -> ErrorBody {
            let mut error = ErrorBody::default();
            if let Ok(body) = serde_json::from_slice::<parse::Object<ErrorBodyMembers #lifetime>>(data) { #fills }
            error
        })
    }

    fn actions(&mut self, node: &Node, shape: &mut Shape, this: &TokenStream) -> TokenStream {
        match &node.value {
            Value::Scalar { text, .. } if text == "ignore" => quote!(),
            Value::Scalar { text, .. } if text == "done" => quote!(reply.done();),
            Value::List(items) => items.iter().map(|item| self.actions(item, shape, this)).collect(),
            Value::Map(_) if node.has("$each") => self.each(node, shape, this),
            Value::Map(_) if node.has("$by") => self.by(node, shape, this),
            Value::Map(_) if node.has("$key") => self.by_key(node, shape, this),
            Value::Map(members) => members
                .iter()
                .map(|(key, arguments)| {
                    let Some(sink) = SINKS.iter().find(|sink| sink.name == key.name) else {
                        let known =
                            SINKS.iter().map(|sink| sink.name).chain(["$each", "$by", "$key", "done", "ignore"]);
                        self.check.say(&key.at, format!("no sink `{}`; {}", key.name, suggest(&key.name, known)));
                        return quote!();
                    };
                    self.call(sink, arguments, shape, this)
                })
                .collect(),
            _ => {
                self.check.say(&node.at, "expected a sink, a list of sinks, `ignore` or `done`");
                quote!()
            }
        }
    }

    /// A path without its `$`.
    fn path(&mut self, node: &Node) -> String {
        match node.text().and_then(|text| text.strip_prefix('$')) {
            Some(path) => path.trim().to_owned(),
            None => {
                self.check.say(&node.at, "expected a `$path` into the provider's JSON");
                // Not the whole: that would be a mistake of its own.
                "unread".to_owned()
            }
        }
    }

    fn each(&mut self, node: &Node, shape: &mut Shape, this: &TokenStream) -> TokenStream {
        self.check.only(node, "`$each`", &["$each", "$do", "$text"]);
        let Some(list) = node.get("$each") else {
            return quote!();
        };
        let path = self.path(list);
        let (inner, code) = shape.reach(&path);
        inner.list = true;
        let Some(actions) = node.get("$do") else {
            self.check.say(&node.at, "`$each` lacks `$do`: the sinks that each item feeds");
            return quote!();
        };
        let body = self.actions(actions, inner, &quote!(item));
        let instead = match node.get("$text") {
            Some(sink) => self.text_instead(sink, inner, &quote!(#this #code)),
            None => quote!(),
        };
        quote!(#instead for item in &#this #code { #body })
    }

    /// The sink that takes a text which stands in a list's place.
    fn text_instead(&mut self, sink: &Node, list: &mut Shape, value: &TokenStream) -> TokenStream {
        let name = sink.text().unwrap_or("");
        let texts = || SINKS.iter().filter(|sink| matches!(sink.name, "text" | "reasoning" | "refusal"));
        if !texts().any(|known| known.name == name) {
            let hint = suggest(name, texts().map(|sink| sink.name));
            self.check.say(&sink.at, format!("`$text` names a sink that takes a text; {hint}"));
            return quote!();
        }
        list.or_text = true;
        let method = format_ident!("{name}");
        quote!(if let Some(text) = #value.text() { reply.#method(text); })
    }

    fn by(&mut self, node: &Node, shape: &mut Shape, this: &TokenStream) -> TokenStream {
        let Some(tag) = node.get("$by") else {
            return quote!();
        };
        let path = self.path(tag);
        let (reached, code) = shape.reach(&path);
        // Words that are truths in the provider's JSON are compared as their text.
        let truths = node.map().unwrap_or(&[]).iter().any(|(key, _)| matches!(key.name.as_str(), "true" | "false"));
        match reached.leaf {
            None | Some(Leaf::Text) if truths => reached.leaf = Some(Leaf::Word),
            None => reached.leaf = Some(Leaf::Text),
            Some(Leaf::Text | Leaf::Word) => {}
            Some(_) => self.check.say(&tag.at, format!("`${path}` is read as two different types")),
        }
        let (mut arms, mut other) = (quote!(), None);
        for (key, mapped) in node.map().unwrap_or(&[]).iter().filter(|(key, _)| key.name != "$by") {
            let body = self.actions(mapped, shape, this);
            if key.name == "_" {
                other = Some(body);
            } else {
                let word = &key.name;
                arms.extend(quote!(#word => { #body }));
            }
        }
        if other.is_none() {
            self.check.say(&node.at, "`$by` lacks `_`: what any other word means, or `_: ignore`");
        }
        quote!(match #this #code.or_empty() { #arms _ => { #other } })
    }

    fn by_key(&mut self, node: &Node, shape: &mut Shape, this: &TokenStream) -> TokenStream {
        let Some(base) = node.get("$key") else {
            return quote!();
        };
        let base = self.path(base);
        let mut code = quote!();
        for (key, mapped) in node.map().unwrap_or(&[]).iter().filter(|(key, _)| key.name != "$key" && key.name != "_") {
            let body = self.actions(mapped, shape, this);
            let (_, reached) = shape.reach(&format!("{base}.{}", key.name));
            code.extend(quote!(if #this #reached.is_present() { #body }));
        }
        code
    }

    fn call(&mut self, sink: &Sink, arguments: &Node, shape: &mut Shape, this: &TokenStream) -> TokenStream {
        let method = format_ident!("{}", sink.name);
        if let [Parameter { name: "", leaf }] = sink.parameters {
            if arguments.text().is_none() {
                self.check.say(&arguments.at, format!("`{}` takes one `$path`", sink.name));
                return quote!();
            }
            return match leaf {
                Leaf::Index => {
                    let value = self.argument(arguments, Leaf::Index, shape, this);
                    quote!(reply.#method(parse::index(#value).unwrap_or(0));)
                }
                Leaf::Raw => {
                    let value = self.argument(arguments, Leaf::Raw, shape, this);
                    quote!(if let Some(raw) = #value { reply.#method(raw); })
                }
                Leaf::Bool => {
                    let value = self.argument(arguments, Leaf::Bool, shape, this);
                    quote!(if let Some(truth) = #value { reply.#method(truth); })
                }
                _ => {
                    let value = self.text_argument(arguments, *leaf, shape, this);
                    match sink.name {
                        "finish" => {
                            quote!(if let Some(text) = #value && !text.is_empty() { reply.finish(finish(text)); })
                        }
                        "signature" | "seal" | "redacted" => {
                            quote!(if let Some(text) = #value && !text.is_empty() { reply.#method(text); })
                        }
                        _ => quote!(if let Some(text) = #value { reply.#method(text); }),
                    }
                }
            };
        }
        let known: Vec<&str> = sink.parameters.iter().map(|parameter| parameter.name).collect();
        self.check.only(arguments, &format!("`{}`", sink.name), &known);
        let part = format_ident!("{}Part", camel(sink.name));
        let (mut fields, mut present) = (quote!(), Vec::new());
        for parameter in sink.parameters {
            let name = format_ident!("{}", parameter.name);
            let Some(argument) = arguments.get(parameter.name) else {
                continue;
            };
            let value = match parameter.leaf {
                Leaf::Text | Leaf::Word => self.text_argument(argument, parameter.leaf, shape, this),
                leaf => self.argument(argument, leaf, shape, this),
            };
            present.push(quote!(#value.is_some()));
            fields.extend(match parameter.leaf {
                Leaf::Text | Leaf::Word if matches!(parameter.name, "fingerprint" | "service_tier") => {
                    quote!(#name: #value,)
                }
                Leaf::Text | Leaf::Word | Leaf::Raw => quote!(#name: #value.unwrap_or(""),),
                Leaf::Index => quote!(#name: parse::index(#value),),
                Leaf::Integer | Leaf::Bool => quote!(#name: #value,),
            });
        }
        let rest = (arguments.map().is_some_and(|given| given.len() < sink.parameters.len()))
            .then(|| quote!(..Default::default()));
        let call = quote!(reply.#method(#part { #fields #rest }););
        match sink.name {
            // An element of the provider's list is a call, whatever it holds.
            "tool" => call,
            _ if present.is_empty() => quote!(),
            _ => quote!(if #(#present)||* { #call }),
        }
    }

    /// A text: a constant, or the first of the paths that is there.
    fn text_argument(&mut self, node: &Node, leaf: Leaf, shape: &mut Shape, this: &TokenStream) -> TokenStream {
        if let Some(text) = node.text()
            && !text.starts_with('$')
        {
            return quote!(Some(#text));
        }
        self.argument(node, leaf, shape, this)
    }

    fn argument(&mut self, node: &Node, leaf: Leaf, shape: &mut Shape, this: &TokenStream) -> TokenStream {
        let Some(text) = node.text() else {
            self.check.say(&node.at, "expected a `$path` into the provider's JSON");
            return quote!(None);
        };
        let mut chain: Option<TokenStream> = None;
        for alternative in text.split("??").map(str::trim) {
            let Some(path) = alternative.strip_prefix('$') else {
                self.check.say(&node.at, format!("`{alternative}` is no path: it begins with `$`"));
                continue;
            };
            // `$` alone is the item of a list.
            if !path.is_empty() && path.split('.').any(str::is_empty) {
                self.check.say(&node.at, format!("`{alternative}` is no path: `$a.b` reads member `b` of member `a`"));
                continue;
            }
            let (reached, value) = match path.split_once("[].") {
                None => {
                    let (reached, code) = shape.reach(path);
                    (reached, quote!(#this #code.get()))
                }
                Some((list, member)) if !member.contains("[]") => {
                    let (list, code) = shape.reach(list);
                    list.list = true;
                    let (reached, inner) = list.reach(member);
                    (reached, quote!(#this #code.iter().find_map(|item| item #inner.get())))
                }
                Some(_) => {
                    self.check.say(&node.at, format!("`{alternative}` goes through more than one list"));
                    continue;
                }
            };
            reached.leaf = Some(match (reached.leaf, leaf) {
                (None | Some(Leaf::Integer | Leaf::Index), Leaf::Integer | Leaf::Index) | (None, _) => leaf,
                // A word is a text too.
                (Some(Leaf::Text | Leaf::Word), Leaf::Text | Leaf::Word) if reached.leaf != Some(leaf) => Leaf::Word,
                (Some(other), leaf) if other == leaf => leaf,
                (Some(other), _) => {
                    self.check.say(&node.at, format!("`{alternative}` is read as two different types"));
                    other
                }
            });
            chain = Some(match chain {
                None => value,
                Some(before) => quote!(#before.or_else(|| #value)),
            });
        }
        chain.unwrap_or_else(|| quote!(None))
    }
}

/// The structs of a shape, and the statement that parses into them; nothing where nothing is read.
fn parsed(shape: &Shape, name: &str, variable: &TokenStream) -> (TokenStream, TokenStream) {
    if shape.members.is_empty() {
        return (quote!(), quote!());
    }
    let mut structs = Vec::new();
    shape.declare(name, &mut structs);
    let (ident, lifetime) = (format_ident!("{name}"), shape.borrows().then(|| quote!(<'_>)));
    (quote!(#(#structs)*), quote!(let #variable: #ident #lifetime = serde_json::from_slice(data)?;))
}

/// The `finish` table as a function: the provider's words, then OpenAI's own.
pub fn finish_table(finish: &[(String, String)]) -> TokenStream {
    let arms = finish.iter().map(|(theirs, ours)| quote!(#theirs => #ours,));
    quote!(fn finish(reason: &str) -> &str {
        match reason {
            #(#arms)*
            "stop" | "length" | "tool_calls" | "content_filter" | "function_call" => reason,
            _ => "stop",
        }
    })
}
