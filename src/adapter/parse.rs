//! What generated code parses a provider's JSON into.
//!
//! Providers are lax: a member may be absent, `null`, or of another type than documented. All of
//! these read as absent here, so that one odd member never costs the answer. Texts are borrowed
//! from the input where they hold no escapes (`Option<Cow<str>>` would never borrow with serde).

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// Visitor methods that read what is not wanted as absent.
macro_rules! otherwise_absent {
    ($($kind:ident)*) => { $(otherwise_absent!(@ $kind);)* };
    (@ unit) => {
        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> { Ok(Default::default()) }
    };
    (@ bool) => {
        fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> { Ok(Default::default()) }
    };
    (@ number) => {
        fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> { Ok(Default::default()) }
        fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> { Ok(Default::default()) }
        fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> { Ok(Default::default()) }
    };
    (@ text) => {
        fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> { Ok(Default::default()) }
    };
    (@ list) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
    };
    (@ map) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
    };
    (@ expecting) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("any value") }
    };
}

/// A string.
#[derive(Default)]
pub struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    /// The string, where there is one.
    #[inline]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The string, or an empty one.
    #[inline]
    pub fn or_empty(&self) -> &str {
        self.0.as_deref().unwrap_or("")
    }

    /// Whether there is a string.
    pub fn is_present(&self) -> bool {
        self.0.is_some()
    }
}

impl<'a> Text<'a> {
    /// This string.
    pub fn of(text: &'a str) -> Self {
        Self(Some(Cow::Borrowed(text)))
    }

    /// The string itself.
    pub fn into_inner(self) -> Option<Cow<'a, str>> {
        self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;
            otherwise_absent!(expecting unit bool number list map);
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A string, or a number or truth as its text: for codes, which providers write either way.
#[derive(Default)]
pub struct Word<'a>(Option<Cow<'a, str>>);

impl<'a> Word<'a> {
    /// This text.
    pub fn of(text: &'a str) -> Self {
        Self(Some(Cow::Borrowed(text)))
    }
}

impl Word<'_> {
    /// The text, where there is one that is not empty.
    #[inline]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// The text, or an empty one.
    #[inline]
    pub fn or_empty(&self) -> &str {
        self.0.as_deref().unwrap_or("")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Word<'de>;
            otherwise_absent!(expecting unit list map);
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Word<'de>, E> {
                Ok(Word(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Word<'de>, E> {
                Ok(Word(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Word<'de>, E> {
                Ok(Word(Some(Cow::Owned(truth.to_string()))))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Word<'de>, E> {
                Ok(Word(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Word<'de>, E> {
                Ok(Word(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Word<'de>, E> {
                Ok(Word(Some(Cow::Owned(number.to_string()))))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Any JSON but `null`, as text.
#[derive(Default)]
pub struct Raw<'a>(Option<&'a RawValue>);

impl<'a> Raw<'a> {
    /// The text, where there is any.
    #[inline]
    pub fn get(&self) -> Option<&'a str> {
        self.0.map(RawValue::get).filter(|text| *text != "null")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Raw(Some(raw)))
    }
}

/// A whole number; `3.0` is one, and so is what lies beyond 64 bits, as the nearest that fits.
#[derive(Default)]
pub struct Integer(Option<i64>);

impl Integer {
    /// The number, where there is one.
    #[inline]
    pub fn get(&self) -> Option<i64> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Integer;
            otherwise_absent!(expecting unit bool text list map);
            fn visit_i64<E>(self, number: i64) -> Result<Integer, E> {
                Ok(Integer(Some(number)))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Integer, E> {
                Ok(Integer(Some(i64::try_from(number).unwrap_or(i64::MAX))))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Integer, E> {
                Ok(Integer(number.is_finite().then_some(number as i64)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A number as an index: not below zero, and not absurd.
#[inline]
pub fn index(number: Option<i64>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

/// `true` or `false`.
#[derive(Default)]
pub struct Truth(Option<bool>);

impl Truth {
    /// The truth, where there is one.
    #[inline]
    pub fn get(&self) -> Option<bool> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Truth;
            otherwise_absent!(expecting unit number text list map);
            fn visit_bool<E>(self, truth: bool) -> Result<Truth, E> {
                Ok(Truth(Some(truth)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Whether a member is there at all, and not `null`.
#[derive(Default)]
pub struct Present(bool);

impl Present {
    /// Whether it is.
    pub fn is_present(&self) -> bool {
        self.0
    }
}

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Present(Option::<IgnoredAny>::deserialize(deserializer)?.is_some()))
    }
}

/// An object, or an empty one where there is none.
#[derive(Default)]
pub struct Object<T> {
    value: T,
    present: bool,
}

impl<T> Object<T> {
    /// Whether there is an object.
    #[inline]
    pub fn is_present(&self) -> bool {
        self.present
    }

    /// The object itself, or an empty one.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Object<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Reader<T> {
            type Value = Object<T>;
            otherwise_absent!(expecting unit bool number text list);
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                let value = T::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Object { value, present: true })
            }
        }
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

/// An object of which both the text and members are wanted.
#[derive(Default)]
pub struct Both<'a, T> {
    raw: Raw<'a>,
    value: T,
}

impl<'a, T> Both<'a, T> {
    /// The text, where there is any.
    #[inline]
    pub fn get(&self) -> Option<&'a str> {
        self.raw.get()
    }
}

impl<T> Deref for Both<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de> + Default> Deserialize<'de> for Both<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        let value = match raw.0 {
            Some(text) if text.get().starts_with('{') => serde_json::from_str(text.get()).map_err(de::Error::custom)?,
            _ => T::default(),
        };
        Ok(Both { raw, value })
    }
}

/// A text (or a number or truth as its text), or an object in its place.
#[derive(Default)]
pub struct WordOr<'a, T> {
    word: Word<'a>,
    value: T,
}

impl<T> WordOr<'_, T> {
    /// The text, where there is one that is not empty.
    #[inline]
    pub fn get(&self) -> Option<&str> {
        self.word.get()
    }
}

impl<T> Deref for WordOr<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de> + Default> Deserialize<'de> for WordOr<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        // An object is no word and a word no object: each reads the other as absent.
        if raw.starts_with('{') {
            let value = serde_json::from_str(raw).map_err(de::Error::custom)?;
            return Ok(WordOr { word: Word::default(), value });
        }
        let word = serde_json::from_str(raw).map_err(de::Error::custom)?;
        Ok(WordOr { word, value: T::default() })
    }
}

/// A list, or a text in its place.
#[derive(Default)]
pub struct ListOrText<'a, T> {
    text: Text<'a>,
    list: List<T>,
}

impl<T> ListOrText<'_, T> {
    /// The text, where one stands in the list's place.
    #[inline]
    pub fn text(&self) -> Option<&str> {
        self.text.get()
    }

    /// The list's members; none where a text stands in its place.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.list.iter()
    }
}

impl<'l, T> IntoIterator for &'l ListOrText<'_, T> {
    type Item = &'l T;
    type IntoIter = std::slice::Iter<'l, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de> + Default> Deserialize<'de> for ListOrText<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let mut read = ListOrText { text: Text::default(), list: List(Vec::new()) };
        if raw.starts_with('[') {
            read.list = serde_json::from_str(raw).map_err(de::Error::custom)?;
        } else {
            read.text = serde_json::from_str(raw).map_err(de::Error::custom)?;
        }
        Ok(read)
    }
}

/// A list, or an empty one where there is none.
#[derive(Default)]
pub struct List<T>(Vec<T>);

impl<T> List<T> {
    /// The items.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<'l, T> IntoIterator for &'l List<T> {
    type Item = &'l T;
    type IntoIter = std::slice::Iter<'l, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Reader<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_unit<E>(self) -> Result<List<T>, E> {
                Ok(List(Vec::new()))
            }
            fn visit_bool<E>(self, _: bool) -> Result<List<T>, E> {
                Ok(List(Vec::new()))
            }
            fn visit_i64<E>(self, _: i64) -> Result<List<T>, E> {
                Ok(List(Vec::new()))
            }
            fn visit_u64<E>(self, _: u64) -> Result<List<T>, E> {
                Ok(List(Vec::new()))
            }
            fn visit_f64<E>(self, _: f64) -> Result<List<T>, E> {
                Ok(List(Vec::new()))
            }
            fn visit_str<E>(self, _: &str) -> Result<List<T>, E> {
                Ok(List(Vec::new()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<List<T>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(List(Vec::new()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
        }
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Default)]
    struct Inner<'a> {
        #[serde(borrow, default)]
        text: Text<'a>,
        #[serde(default)]
        number: Integer,
    }

    #[derive(serde::Deserialize, Default)]
    struct Outer<'a> {
        #[serde(borrow, default)]
        object: Object<Inner<'a>>,
        #[serde(borrow, default)]
        list: List<Object<Inner<'a>>>,
        #[serde(borrow, default)]
        both: Both<'a, Inner<'a>>,
        #[serde(borrow, default)]
        word: Word<'a>,
        #[serde(borrow, default)]
        word_or: WordOr<'a, Inner<'a>>,
        #[serde(borrow, default)]
        list_or: ListOrText<'a, Object<Inner<'a>>>,
        #[serde(default)]
        truth: Truth,
    }

    #[test]
    fn whatever_stands_in_a_members_place_the_rest_is_read() {
        for odd in ["null", "true", "1", "-1.5", "\"text\"", "[1,[2]]", "{\"a\":{}}", "1e400"] {
            for member in ["object", "list", "both", "word", "word_or", "list_or", "truth"] {
                let json = format!(r#"{{"{member}":{odd},"rest":1}}"#);
                let parsed: Result<Outer<'_>, _> = serde_json::from_str(&json);
                // A number beyond a float is no JSON that serde_json reads.
                assert!(parsed.is_ok() || odd == "1e400", "{json}");
            }
        }
    }

    #[test]
    fn members_of_the_right_type_are_read_and_borrowed() {
        let json = r#"{"object":{"text":"a","number":3.0},"list":[{"text":"b\n"},null,7],"both":{"number":4},"word":404,"truth":true}"#;
        let outer: Outer<'_> = serde_json::from_str(json).expect("valid");
        assert_eq!((outer.object.text.get(), outer.object.number.get()), (Some("a"), Some(3)));
        assert!(matches!(outer.object.text.0, Some(Cow::Borrowed(_))));
        let texts: Vec<_> = outer.list.iter().map(|inner| inner.text.get()).collect();
        assert_eq!(texts, [Some("b\n"), None, None]);
        assert_eq!((outer.both.get(), outer.both.number.get()), (Some(r#"{"number":4}"#), Some(4)));
        assert_eq!((outer.word.get(), outer.truth.get()), (Some("404"), Some(true)));
    }
    #[test]
    fn a_text_in_the_place_of_an_object_or_a_list_is_read_as_one() {
        let read = |json: &str| {
            let outer: Outer<'_> = serde_json::from_str(json).expect("valid");
            let texts: Vec<String> =
                outer.list_or.into_iter().filter_map(|it| it.text.get().map(str::to_owned)).collect();
            (
                outer.word_or.get().map(str::to_owned),
                outer.word_or.text.get().map(str::to_owned),
                outer.list_or.text().map(str::to_owned),
                texts,
            )
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read(r#"{"word_or":"a\u0062","list_or":"c"}"#), (some("ab"), None, some("c"), vec![]));
        assert_eq!(
            read(r#"{"word_or":{"text":"a"},"list_or":[{"text":"b"},7,{"text":"c"}]}"#),
            (None, some("a"), None, vec!["b".to_owned(), "c".to_owned()])
        );
        assert_eq!(read("{}"), (None, None, None, vec![]));
    }
}
