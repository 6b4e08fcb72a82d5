//! What a report is grouped by.

use crate::clock::Timestamp;
use crate::store::rollups::{Dimension, Span};
use std::collections::BTreeMap;

/// One word of `group_by`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    Time(Span),
    Model,
    Provider,
    Customer,
    /// A call with two tags counts in both groups.
    Tag,
    Session,
    /// By its name, in lower case.
    Property(String),
}

/// Why a text is no `group_by`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    #[error("`{0}` is none of hour, day, month, model, provider, customer, tag, session, property:<name>")]
    Unknown(String),
    #[error("`{0}` is given twice")]
    Twice(String),
    #[error("at most {MOST} groups can be combined")]
    TooMany,
}

/// Groups of one report.
const MOST: usize = 6;

/// Reads words that commas separate.
///
/// # Errors
/// [`GroupError`].
pub fn parse(text: &str) -> Result<Vec<Group>, GroupError> {
    let mut groups = Vec::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let group = match word {
            "hour" => Group::Time(Span::Hour),
            "day" => Group::Time(Span::Day),
            "month" => Group::Time(Span::Month),
            "model" => Group::Model,
            "provider" => Group::Provider,
            "customer" => Group::Customer,
            "tag" => Group::Tag,
            "session" => Group::Session,
            _ => match word.strip_prefix("property:").map(str::trim) {
                Some(name) if !name.is_empty() => Group::Property(name.to_lowercase()),
                _ => return Err(GroupError::Unknown(word.chars().filter(|c| !c.is_control()).take(80).collect())),
            },
        };
        if groups.contains(&group) {
            return Err(GroupError::Twice(group.name()));
        }
        groups.push(group);
    }
    if groups.len() > MOST { Err(GroupError::TooMany) } else { Ok(groups) }
}

impl Group {
    /// Its word, which is also the name of its member in a row.
    pub fn name(&self) -> String {
        match self {
            Group::Time(Span::Hour) => "hour".to_owned(),
            Group::Time(Span::Day) => "day".to_owned(),
            Group::Time(Span::Month) => "month".to_owned(),
            Group::Model => "model".to_owned(),
            Group::Provider => "provider".to_owned(),
            Group::Customer => "customer".to_owned(),
            Group::Tag => "tag".to_owned(),
            Group::Session => "session".to_owned(),
            Group::Property(name) => format!("property:{name}"),
        }
    }

    /// Whether only the events themselves know it.
    pub(super) fn is_of_events(&self) -> bool {
        matches!(self, Group::Tag | Group::Session | Group::Property(_))
    }

    /// The span that it tells apart.
    pub(super) fn span(&self) -> Option<Span> {
        match self {
            Group::Time(span) => Some(*span),
            _ => None,
        }
    }

    /// Whether it is read from that dimension.
    pub(super) fn reads(&self, dimension: Dimension) -> bool {
        match self {
            Group::Time(_) => matches!(dimension, Dimension::Time { .. }),
            Group::Model => dimension == Dimension::Model,
            Group::Provider => dimension == Dimension::Provider,
            Group::Customer => dimension == Dimension::Customer,
            Group::Tag => dimension == Dimension::Tags,
            Group::Session => dimension == Dimension::Session,
            Group::Property(_) => dimension == Dimension::Properties,
        }
    }

    /// The groups that a value belongs to: one, or one for each tag.
    ///
    /// # Errors
    /// When the value is not what the database should hold.
    pub(super) fn labels(&self, value: Option<&str>) -> Result<Vec<Option<String>>, String> {
        let text = value.unwrap_or_default();
        Ok(match self {
            Group::Time(span) => {
                let at: i64 = text.parse().map_err(|_| format!("time {text:?}"))?;
                vec![Some(label(*span, Timestamp(at)))]
            }
            Group::Model | Group::Provider | Group::Customer | Group::Session => vec![value.map(str::to_owned)],
            Group::Tag => {
                let tags: Vec<String> = serde_json::from_str(text).map_err(|error| format!("tags: {error}"))?;
                if tags.is_empty() { vec![None] } else { tags.into_iter().map(Some).collect() }
            }
            Group::Property(name) => {
                let mut properties: BTreeMap<String, String> =
                    serde_json::from_str(text).map_err(|error| format!("properties: {error}"))?;
                vec![properties.remove(name)]
            }
        })
    }
}

/// `2026-11-24T14:00:00Z`, `2026-11-24` or `2026-11`.
fn label(span: Span, at: Timestamp) -> String {
    match span {
        Span::Hour => Span::Hour.floor(at).rfc3339(),
        Span::Day => at.day(),
        Span::Month => at.month().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_their_order() {
        let groups = parse("day, customer,property:Plan,tag").unwrap();
        let names: Vec<_> = groups.iter().map(Group::name).collect();
        assert_eq!(names, ["day", "customer", "property:plan", "tag"]);
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_group_is_told() {
        assert_eq!(parse("day,week"), Err(GroupError::Unknown("week".to_owned())));
        assert_eq!(parse("property:"), Err(GroupError::Unknown("property:".to_owned())));
        assert_eq!(parse("property:a,property:A"), Err(GroupError::Twice("property:a".to_owned())));
        assert_eq!(parse("hour,day,month,model,provider,customer,tag"), Err(GroupError::TooMany));
    }

    #[test]
    fn a_call_with_two_tags_is_in_two_groups_and_one_without_in_none() {
        assert_eq!(Group::Tag.labels(Some(r#"["a","b"]"#)), Ok(vec![Some("a".to_owned()), Some("b".to_owned())]));
        assert_eq!(Group::Tag.labels(Some("[]")), Ok(vec![None]));
        let property = Group::Property("plan".to_owned());
        assert_eq!(property.labels(Some(r#"{"plan":"pro"}"#)), Ok(vec![Some("pro".to_owned())]));
        assert_eq!(property.labels(Some("{}")), Ok(vec![None]));
        assert!(Group::Tag.labels(None).is_err());
    }
}
