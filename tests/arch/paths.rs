//! What a Rust file names: its paths, words and attributes, outside comments and test modules.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What the rules look at in one file.
#[derive(Default)]
pub struct Named {
    /// Every path with at least two segments, `use` groups spelled out: `["crate", "money", "Rate"]`.
    /// `self` and `super` at the front are resolved to `crate` where the file's place allows it.
    pub paths: Vec<Path>,
    /// Identifiers and the insides of string literals.
    pub words: Vec<Word>,
    /// The first words of attributes and of what is nested in `cfg_attr`.
    pub attributes: Vec<Word>,
}

pub struct Path {
    pub line: usize,
    pub segments: Vec<String>,
}

pub struct Word {
    pub line: usize,
    pub text: String,
    pub literal: bool,
}

impl Named {
    /// Reads the file at `path` below the repository's root. `with_tests` keeps `#[cfg(test)]` items.
    pub fn read(path: &str, text: &str, with_tests: bool) -> Self {
        let tokens: TokenStream =
            text.parse().unwrap_or_else(|error| panic!("{path} is no Rust that can be read: {error}"));
        let mut reader = Reader { named: Self::default(), module: module_of(path), with_tests, quoted: false };
        reader.walk(tokens);
        reader.named
    }
}

/// `src/upstream/framing/sse.rs` is `["upstream", "framing", "sse"]`; the crate's root is empty.
fn module_of(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib" || last == "main") {
        module.pop();
    }
    module
}

struct Reader {
    named: Named,
    module: Vec<String>,
    with_tests: bool,
    /// Inside `quote!`, where paths are those of the generated code.
    quoted: bool,
}

impl Reader {
    fn walk(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = self.step(&tokens, at);
        }
    }

    /// Reads what begins at `at`; gives the index after it.
    fn step(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        match &tokens[at] {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                let group = if is_punct(tokens.get(at + 1), '!') { at + 2 } else { at + 1 };
                match tokens.get(group) {
                    Some(TokenTree::Group(attribute)) if attribute.delimiter() == Delimiter::Bracket => {
                        if !self.with_tests && is_cfg_test(&attribute.stream()) {
                            return after_item(tokens, group + 1);
                        }
                        self.attribute(attribute.stream());
                        group + 1
                    }
                    _ => at + 1,
                }
            }
            TokenTree::Group(group) => {
                self.walk(group.stream());
                at + 1
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if text.contains('"') {
                    let line = literal.span().start().line;
                    self.named.words.push(Word { line, text, literal: true });
                }
                at + 1
            }
            TokenTree::Ident(ident) if ident == "quote" && is_punct(tokens.get(at + 1), '!') => {
                let outside = std::mem::replace(&mut self.quoted, true);
                self.walk(tokens.get(at + 2).cloned().into_iter().collect());
                self.quoted = outside;
                (at + 3).min(tokens.len())
            }
            TokenTree::Ident(ident) if ident == "mod" => self.inline_module(tokens, at),
            TokenTree::Ident(_) => {
                let (branches, next) = read_path(tokens, at);
                for branch in branches {
                    self.path(branch);
                }
                next
            }
            TokenTree::Punct(_) => at + 1,
        }
    }

    /// `mod name { … }`: what is inside has one more segment above it.
    fn inline_module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) = (tokens.get(at + 1), tokens.get(at + 2)) {
            self.module.push(name.to_string());
            self.walk(body.stream());
            self.module.pop();
            return at + 3;
        }
        at + 1
    }

    /// Documentation is a comment; every other attribute counts with its words.
    fn attribute(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let Some(TokenTree::Ident(name)) = tokens.first() else {
            return;
        };
        if name == "doc" {
            return;
        }
        for token in &tokens {
            match token {
                TokenTree::Ident(ident) => {
                    let line = ident.span().start().line;
                    self.named.attributes.push(Word { line, text: ident.to_string(), literal: false });
                }
                // `cfg_attr(condition, allow(…))` hides an attribute one level down.
                TokenTree::Group(group) if name == "cfg_attr" => self.attribute_list(group.stream()),
                _ => {}
            }
        }
        self.walk(tokens.into_iter().collect());
    }

    fn attribute_list(&mut self, tokens: TokenStream) {
        for token in tokens {
            if let TokenTree::Ident(ident) = token {
                let line = ident.span().start().line;
                self.named.attributes.push(Word { line, text: ident.to_string(), literal: false });
            }
        }
    }

    fn path(&mut self, (line, segments): (usize, Vec<String>)) {
        for segment in &segments {
            self.named.words.push(Word { line, text: segment.clone(), literal: false });
        }
        if segments.len() < 2 || self.quoted {
            return;
        }
        let segments = self.resolved(segments);
        self.named.paths.push(Path { line, segments });
    }

    /// `super::x` in `src/a/b.rs` is `crate::a::x`.
    fn resolved(&self, segments: Vec<String>) -> Vec<String> {
        let supers = segments.iter().take_while(|segment| *segment == "super").count();
        let own = segments[0] == "self";
        if (supers == 0 && !own) || supers > self.module.len() {
            return segments;
        }
        let above = &self.module[..self.module.len() - supers];
        let rest = &segments[supers + usize::from(own)..];
        std::iter::once("crate".to_owned()).chain(above.iter().cloned()).chain(rest.iter().cloned()).collect()
    }
}

type Branch = (usize, Vec<String>);

/// Reads a path at `at`; a group at its end (`use a::{b, c::d}`) gives a path for each member.
fn read_path(tokens: &[TokenTree], mut at: usize) -> (Vec<Branch>, usize) {
    let mut segments = Vec::new();
    let mut line = 0;
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(ident)) => {
                line = ident.span().start().line;
                segments.push(ident.to_string());
                at += 1;
            }
            Some(TokenTree::Punct(star)) if star.as_char() == '*' && !segments.is_empty() => {
                segments.push("*".to_owned());
                return (vec![(line, segments)], at + 1);
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace && !segments.is_empty() => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                return (read_group(&segments, &inner), at + 1);
            }
            _ => return (vec![(line, segments)], at),
        }
        if is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':') {
            match tokens.get(at + 2) {
                // A turbofish ends the path; its types are read as paths of their own.
                Some(TokenTree::Punct(punct)) if punct.as_char() != '*' => {
                    return (vec![(line, segments)], at + 2);
                }
                Some(TokenTree::Literal(_)) | None => return (vec![(line, segments)], at + 2),
                _ => at += 2,
            }
        } else {
            return (vec![(line, segments)], at);
        }
    }
}

fn read_group(prefix: &[String], inner: &[TokenTree]) -> Vec<Branch> {
    let mut branches = Vec::new();
    let mut at = 0;
    while at < inner.len() {
        if !matches!(inner[at], TokenTree::Ident(_)) {
            at += 1;
            continue;
        }
        let (members, next) = read_path(inner, at);
        for (line, member) in members {
            // `use a::{self}` names a.
            let member = member.into_iter().filter(|segment| segment != "self");
            branches.push((line, prefix.iter().cloned().chain(member).collect()));
        }
        // `as other` is a new name, not a path.
        at = if matches!(inner.get(next), Some(TokenTree::Ident(ident)) if ident == "as") { next + 2 } else { next };
    }
    branches
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// `cfg(test)` and `cfg(all(test, …))`, but not `cfg(not(test))`.
fn is_cfg_test(attribute: &TokenStream) -> bool {
    let text = attribute.to_string().replace(' ', "");
    text == "test" || text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// The index after the item that begins at `at`, which may have more attributes.
fn after_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return at,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return at,
            _ => {}
        }
    }
    at
}
