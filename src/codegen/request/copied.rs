//! What a mapping copies of the caller's request, leaves out or refuses: `$pass`, `$drop`,
//! `$rename`, `$refuse`, `$limit`; and that it is silent about nothing.

use super::super::node::{Key, Node};
use super::super::problem::suggest;
use super::super::vocab::{CHAT_PARAMETERS, RequestMember};
use super::Requests;
use proc_macro2::TokenStream;
use quote::quote;

impl Requests<'_> {
    /// Names of a list directive.
    pub(super) fn names(&mut self, request: &Node, directive: &str) -> Vec<String> {
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
    pub(super) fn known_parameters(&mut self, request: &Node, directive: &str) {
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

    pub(super) fn refusals(&mut self, request: &Node) -> TokenStream {
        self.known_parameters(request, "$refuse");
        self.known_parameters(request, "$drop");
        let names = self.names(request, "$refuse");
        names.iter().map(|name| quote!(pass::refuse(v.raw, #name)?;)).collect()
    }

    /// Copies the caller's members, less what is dropped, refused or written otherwise.
    pub(super) fn pass(&mut self, request: &Node) -> TokenStream {
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
    pub(super) fn exhaustive(&mut self, request: &Node, parameters: &[RequestMember]) {
        let mut said: Vec<String> = self.names(request, "$drop");
        said.extend(self.names(request, "$refuse"));
        let silent: Vec<&str> = parameters
            .iter()
            .filter(|(name, sources)| {
                let read = sources.iter().any(|source| self.read.contains(*source));
                !read && !said.iter().any(|other| other == name) && !self.read.contains(&format!("raw.{name}"))
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

    /// The members of an object that the caller sent, less dropped and overridden ones.
    pub(super) fn pass_object(&mut self, node: &Node, source: &Node, members: &[(Key, Node)]) -> TokenStream {
        let name = source.text().unwrap_or("");
        let mut skipped = self.names(node, "$drop");
        skipped.extend(members.iter().filter(|(key, _)| !key.name.starts_with('$')).map(|(key, _)| key.name.clone()));
        if name.is_empty() || name == "all" {
            self.check.say(&source.at, "here, `$pass` names the caller's member to copy");
        }
        quote!(pass::pass_object(v.raw, #name, &[#(#skipped),*], w);)
    }
}
