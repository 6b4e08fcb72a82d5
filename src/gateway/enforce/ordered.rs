//! JSON whose members keep their order. Models answer in the order of a schema's properties, so
//! what is sent has the order in which the caller wrote them.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;
use std::fmt;

/// A value; what holds others keeps their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Ordered {
    Object(Members),
    Array(Vec<Ordered>),
    /// Anything that holds nothing.
    Plain(Value),
}

/// The members of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members(Vec<(String, Ordered)>);

impl Members {
    pub fn get(&self, name: &str) -> Option<&Ordered> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Ordered> {
        self.0.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn remove(&mut self, name: &str) -> Option<Ordered> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// In the place that a member of this name has, else behind the others.
    pub fn insert(&mut self, name: &str, value: impl Into<Ordered>) {
        let value = value.into();
        match self.get_mut(name) {
            Some(known) => *known = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Ordered)> {
        self.0.iter_mut().map(|(name, value)| (name.as_str(), value))
    }
}

impl Ordered {
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Ordered::Plain(value) => value.as_str(),
            _ => None,
        }
    }
}

impl From<Value> for Ordered {
    fn from(value: Value) -> Self {
        match value {
            Value::Object(members) => {
                Ordered::Object(Members(members.into_iter().map(|(name, value)| (name, value.into())).collect()))
            }
            Value::Array(items) => Ordered::Array(items.into_iter().map(Ordered::from).collect()),
            plain => Ordered::Plain(plain),
        }
    }
}

impl From<String> for Ordered {
    fn from(text: String) -> Self {
        Ordered::Plain(text.into())
    }
}

impl From<Members> for Ordered {
    fn from(members: Members) -> Self {
        Ordered::Object(members)
    }
}

impl fmt::Display for Ordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Ordered::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.0.len()))?;
                for (name, value) in &members.0 {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Ordered::Array(items) => serializer.collect_seq(items),
            Ordered::Plain(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let (mut members, mut places) = (Members::default(), std::collections::HashMap::new());
        while let Some((name, value)) = map.next_entry::<String, Ordered>()? {
            // Of several of one name the last counts, as everywhere.
            if let Some(at) = places.get(&name) {
                let known: &mut (String, Ordered) = &mut members.0[*at];
                known.1 = value;
            } else {
                places.insert(name.clone(), members.0.len());
                members.0.push((name, value));
            }
        }
        Ok(Ordered::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Ordered, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Ordered::Array(all))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Ordered, E> {
        Ok(Ordered::Plain(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_the_last_of_one_name_counts() {
        let text = r#"{"z":[1,-2,2.5,{"b":null,"a":true}],"a":"é","z2":{}}"#;
        let ordered: Ordered = serde_json::from_str(text).unwrap();
        assert_eq!(ordered.to_string(), text);
        let twice: Ordered = serde_json::from_str(r#"{"b":1,"a":2,"b":3}"#).unwrap();
        assert_eq!(twice.to_string(), r#"{"b":3,"a":2}"#);
    }
}
