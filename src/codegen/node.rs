//! YAML with places: every value and key knows its file, line and column.
//!
//! Aliases are copied in where they stand; the number of nodes of a file is bounded, so that a
//! file of aliases of aliases ends in a message and not in memory.

use super::problem::{Place, Problem};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::HashMap;
use std::rc::Rc;

/// Nodes of one file, aliases written out. The largest spec has some thousands.
const MOST_NODES: usize = 200_000;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    pub value: Value,
    pub at: Place,
}

/// What stands there.
#[derive(Clone, Debug)]
pub enum Value {
    /// `~`, `null` or nothing.
    Null,
    /// Text as written; `plain` unless it was quoted, and only plain text is a number or a truth.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key of a map and where it stands.
#[derive(Clone, Debug)]
pub struct Key {
    pub name: String,
    pub at: Place,
}

/// A constant of a request mapping.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant<'a> {
    Text(&'a str),
    Bool(bool),
    Integer(i64),
    Float(f64),
}

impl Node {
    /// Reads a file.
    ///
    /// # Errors
    /// The first place that is no YAML, or no YAML that a spec may use.
    pub fn parse(file: &str, text: &str) -> Result<Node, Problem> {
        Reader { file: file.into(), anchors: HashMap::new(), nodes: 0 }.read(text)
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The members of a map.
    pub fn map(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// A member of a map, unless it is absent.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.map()?.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// Whether a map has this member.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The scalar as a typed constant: plain `true`, `1` and `0.5` are no texts.
    pub fn constant(&self) -> Option<Constant<'_>> {
        let Value::Scalar { text, plain } = &self.value else {
            return None;
        };
        if !plain {
            return Some(Constant::Text(text));
        }
        Some(match text.as_str() {
            "true" => Constant::Bool(true),
            "false" => Constant::Bool(false),
            other => match (other.parse::<i64>(), other.parse::<f64>()) {
                (Ok(number), _) => Constant::Integer(number),
                (_, Ok(number))
                    if number.is_finite() && other.starts_with(|c: char| c.is_ascii_digit() || c == '-') =>
                {
                    Constant::Float(number)
                }
                _ => Constant::Text(other),
            },
        })
    }

    /// Lays `over` on this: maps merge member by member, `~` removes, anything else replaces.
    pub fn overlay(&mut self, over: Node) {
        match (&mut self.value, over.value) {
            (Value::Map(base), Value::Map(members)) => {
                for (key, node) in members {
                    let known = base.iter().position(|(other, _)| other.name == key.name);
                    match (known, node.is_null()) {
                        (Some(index), true) => {
                            base.remove(index);
                        }
                        (Some(index), false) => {
                            base[index].0.at = key.at;
                            base[index].1.overlay(node);
                        }
                        (None, true) => {}
                        (None, false) => base.push((key, node)),
                    }
                }
            }
            (_, value) => *self = Node { value, at: over.at },
        }
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Node::count).sum(),
            Value::Map(members) => members.iter().map(|(_, node)| 1 + node.count()).sum(),
            _ => 0,
        }
    }
}

struct Reader {
    file: Rc<str>,
    /// What an anchor stands for, with how many nodes it is.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl Reader {
    fn read(mut self, text: &str) -> Result<Node, Problem> {
        let mut events = Parser::new_from_str(text);
        let mut document = None;
        while let Some((event, span)) = self.next(&mut events)? {
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::StreamEnd => {}
                _ if document.is_some() => {
                    return Err(Problem::new(self.place(span), "one document a file: take out the `---`"));
                }
                event => document = Some(self.node(event, span, &mut events, 0)?),
            }
        }
        document.ok_or_else(|| Problem::new(Place { file: self.file.clone(), line: 1, column: 1 }, "the file is empty"))
    }

    fn place(&self, span: Span) -> Place {
        Place { file: self.file.clone(), line: span.start.line(), column: span.start.col() + 1 }
    }

    fn next<'t>(
        &self,
        events: &mut Parser<'t, saphyr_parser::StrInput<'t>>,
    ) -> Result<Option<(Event<'t>, Span)>, Problem> {
        match events.next() {
            None => Ok(None),
            Some(Ok(pair)) => Ok(Some(pair)),
            Some(Err(error)) => {
                let mark = error.marker();
                let at = Place { file: self.file.clone(), line: mark.line(), column: mark.col() + 1 };
                Err(Problem::new(at, format!("not YAML: {}", error.info())))
            }
        }
    }

    fn node<'t>(
        &mut self,
        event: Event<'t>,
        span: Span,
        events: &mut Parser<'t, saphyr_parser::StrInput<'t>>,
        depth: usize,
    ) -> Result<Node, Problem> {
        let at = self.place(span);
        self.nodes += 1;
        if self.nodes > MOST_NODES || depth > 100 {
            return Err(Problem::new(at, "too large: the file holds more values than any spec needs"));
        }
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, _) => (anchor, scalar(&text, style)),
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next(events)? {
                        Some((Event::SequenceEnd, _)) | None => break,
                        Some((event, span)) => items.push(self.node(event, span, events, depth + 1)?),
                    }
                }
                (anchor, Value::List(items))
            }
            Event::MappingStart(anchor, _) => (anchor, Value::Map(self.members(events, depth)?)),
            Event::Alias(anchor) => {
                let Some((node, count)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Problem::new(at, "this alias names no anchor above it"));
                };
                self.nodes += count;
                return Ok(node);
            }
            _ => return Err(Problem::new(at, "this can't stand here")),
        };
        let node = Node { value, at };
        if anchor > 0 {
            let count = node.count();
            self.anchors.insert(anchor, (node.clone(), count));
        }
        Ok(node)
    }

    fn members<'t>(
        &mut self,
        events: &mut Parser<'t, saphyr_parser::StrInput<'t>>,
        depth: usize,
    ) -> Result<Vec<(Key, Node)>, Problem> {
        let mut members: Vec<(Key, Node)> = Vec::new();
        loop {
            let (name, at) = match self.next(events)? {
                Some((Event::MappingEnd, _)) | None => return Ok(members),
                Some((Event::Scalar(name, ..), span)) => (name.into_owned(), self.place(span)),
                Some((_, span)) => return Err(Problem::new(self.place(span), "a key is a word")),
            };
            if name == "<<" {
                return Err(Problem::new(
                    at,
                    "`<<` is not used here: `extends` and aliases of whole values do its work",
                ));
            }
            if members.iter().any(|(key, _)| key.name == name) {
                return Err(Problem::new(at, format!("`{name}` stands here twice")));
            }
            let Some((event, span)) = self.next(events)? else {
                return Ok(members);
            };
            let node = self.node(event, span, events, depth + 1)?;
            members.push((Key { name, at }, node));
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    let plain = style == ScalarStyle::Plain;
    if plain && matches!(text, "" | "~" | "null") {
        return Value::Null;
    }
    Value::Scalar { text: text.to_owned(), plain }
}
