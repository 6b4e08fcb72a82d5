//! What reads the nodes of a spec: texts, words, numbers, lists, each with its complaint.

use super::members::Member;
use super::node::Node;
use super::problem::{Place, Problem, suggest};

/// Reads nodes and collects what is wrong, so that one run says everything.
#[derive(Default)]
pub struct Checker {
    pub problems: Vec<Problem>,
}

impl Checker {
    pub fn say(&mut self, at: &Place, text: impl Into<String>) {
        self.problems.push(Problem::new(at.clone(), text));
    }

    /// Complains of members that are not in `known`.
    pub fn only(&mut self, node: &Node, what: &str, known: &[&str]) {
        let Some(members) = node.map() else {
            self.say(&node.at, format!("expected a map: {what} has {}", known.join(", ")));
            return;
        };
        for (key, _) in members {
            if !known.contains(&key.name.as_str()) {
                let hint = suggest(&key.name, known.iter().copied());
                self.say(&key.at, format!("{what} has no `{}`; {hint}", key.name));
            }
        }
    }

    /// The same, of a map whose members are listed in [`members`].
    pub fn members(&mut self, node: &Node, what: &str, known: &[Member]) {
        let names: Vec<&str> = known.iter().map(|member| member.name).collect();
        self.only(node, what, &names);
    }

    pub fn required<'n>(&mut self, node: &'n Node, what: &str, name: &str) -> Option<&'n Node> {
        let found = node.get(name);
        if found.is_none() && node.map().is_some() {
            self.say(&node.at, format!("{what} lacks `{name}`"));
        }
        found
    }

    pub fn text(&mut self, node: &Node, what: &str) -> String {
        match node.text() {
            Some(text) => text.to_owned(),
            None => {
                self.say(&node.at, format!("{what} is a text, not {}", node.kind()));
                String::new()
            }
        }
    }

    pub fn optional_text(&mut self, node: &Node, name: &str) -> Option<String> {
        node.get(name).map(|value| self.text(value, &format!("`{name}`")))
    }

    pub fn required_text(&mut self, node: &Node, what: &str, name: &str) -> String {
        match self.required(node, what, name) {
            Some(value) => self.text(value, &format!("`{name}`")),
            None => String::new(),
        }
    }

    pub fn word(
        &mut self,
        node: Option<&Node>,
        name: &str,
        words: &[(&str, &'static str)],
        default: &'static str,
    ) -> &'static str {
        let Some(node) = node else { return default };
        let text = self.text(node, &format!("`{name}`"));
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, rust)) => rust,
            None => {
                let hint = suggest(&text, words.iter().map(|(word, _)| *word));
                self.say(&node.at, format!("`{name}` can't be `{text}`; {hint}"));
                default
            }
        }
    }

    pub fn texts(&mut self, node: &Node, what: &str) -> Vec<String> {
        let Some(items) = node.list() else {
            self.say(&node.at, format!("{what} is a list of texts"));
            return Vec::new();
        };
        items.iter().map(|item| self.text(item, what)).collect()
    }

    pub fn number<T: std::str::FromStr>(&mut self, node: &Node, what: &str) -> Option<T> {
        let number = node.text().and_then(|text| text.parse().ok());
        if number.is_none() {
            self.say(&node.at, format!("{what} is a whole number"));
        }
        number
    }

    pub fn pairs(&mut self, node: Option<&Node>, what: &str) -> Vec<(String, String)> {
        let Some(node) = node else { return Vec::new() };
        let Some(members) = node.map() else {
            self.say(&node.at, format!("{what} is a map of names and texts"));
            return Vec::new();
        };
        members.iter().map(|(key, value)| (key.name.clone(), self.text(value, &format!("`{}`", key.name)))).collect()
    }
}
