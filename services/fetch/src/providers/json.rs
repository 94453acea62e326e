//! Reading JSON of others: entry by entry, in the order of the document, from the raw text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::ProviderError;

/// The members of a JSON object in their order, keys repeated if the document repeats them.
#[derive(Debug)]
pub struct Pairs<T>(pub Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(0));
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

impl<T> Pairs<T> {
    /// The first member of that name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// What a document is, seen from outside; the parts are read one by one, so a bad one spoils only itself.
#[derive(Debug)]
pub enum Document<'a> {
    List(Vec<&'a RawValue>),
    Map(Pairs<&'a RawValue>),
}

impl<'a> Document<'a> {
    /// Reads a part of a document.
    pub fn of(raw: &'a RawValue) -> Option<Self> {
        match raw.get().as_bytes().first() {
            Some(b'[') => serde_json::from_str(raw.get()).ok().map(Self::List),
            Some(b'{') => serde_json::from_str(raw.get()).ok().map(Self::Map),
            _ => None,
        }
    }
}

/// A body without the byte order mark that some proxies put in front of it.
pub fn strip_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Reads a whole body.
///
/// # Errors
///
/// What is no JSON array or object: HTML, a truncated text, a bare `NaN`, nothing at all.
pub fn document(body: &[u8]) -> Result<Document<'_>, ProviderError> {
    let text = strip_bom(body);
    let start = text.trim_ascii_start().first();
    match start {
        None => return Err(ProviderError::payload("empty body")),
        Some(b'<') => return Err(ProviderError::payload("HTML instead of JSON")),
        Some(_) => {}
    }
    let raw: &RawValue =
        serde_json::from_slice(text).map_err(|error| ProviderError::payload(format_args!("not JSON: {error}")))?;
    Document::of(raw).ok_or_else(|| ProviderError::payload("neither an array nor an object"))
}

/// A JSON string's content, or the text of a number: names and ids come as either.
pub fn text(raw: &RawValue) -> Option<String> {
    let raw = raw.get();
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(raw).ok(),
        b'0'..=b'9' | b'-' => Some(raw.to_owned()),
        _ => None,
    }
}

/// Reads a field as [`text`] does; anything else is unknown.
pub fn lenient_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw = Option::<&'de RawValue>::deserialize(deserializer)?;
    Ok(raw.and_then(text).filter(|text| !text.is_empty()))
}

/// Reads a list of words, each either a text or an object with a `slug` or `name`; what is neither is left out.
pub fn lenient_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let raw = Option::<&'de RawValue>::deserialize(deserializer)?;
    let Some(Document::List(items)) = raw.and_then(Document::of) else {
        return Ok(Vec::new());
    };
    let word = |item: &RawValue| match Document::of(item) {
        Some(Document::Map(fields)) => ["slug", "name"].into_iter().find_map(|name| text(fields.get(name)?)),
        Some(Document::List(_)) => None,
        None => text(item),
    };
    Ok(items.into_iter().filter_map(word).collect())
}
