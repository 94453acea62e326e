//! A JSON object, read field by field: all violations at once, unknown and repeated fields refused, numbers exact.
//!
//! serde alone stops at the first violation, keeps the last of repeated keys, and rounds numbers to 64 bits
//! (docs/adr/0011-validation-by-hand.md).

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use contracts::problem::ProblemKind;
use platform::problem::FieldError;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use super::validate::Violation;
use crate::error::ApiError;
use crate::error::violations::{Violations, shorten};

/// The fields of a body that are not read yet.
pub struct Fields {
    fields: Vec<(String, Box<RawValue>)>,
    violations: Violations,
    is_object: bool,
}

impl Fields {
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let raw: Box<RawValue> = serde_json::from_slice(body).map_err(|error| {
            ApiError::new(ProblemKind::MalformedJson).detail(format!(
                "The body is not valid JSON: line {}, column {}.",
                error.line(),
                error.column()
            ))
        })?;
        let mut violations = repeated_keys(raw.get());
        let (fields, is_object) = match serde_json::from_str::<Pairs>(raw.get()) {
            Ok(Pairs(fields)) => (fields, true),
            Err(_) => {
                violations.push(|| FieldError::new(&["body"], "object_type", "must be a JSON object"));
                (Vec::new(), false)
            }
        };
        Ok(Self {
            fields,
            violations,
            is_object,
        })
    }

    /// Reads the field `name`, which has to be there.
    pub fn required<T>(&mut self, name: &str, read: impl Fn(&RawValue) -> Result<T, Violation>) -> Option<T> {
        match self.take(name) {
            Some(raw) => self.keep(name, read(&raw)),
            None if !self.is_object => None,
            None => self.keep(name, Err(Violation::new("missing", "is required"))),
        }
    }

    /// Reads the field `name`, which may be absent.
    pub fn optional<T>(&mut self, name: &str, read: impl Fn(&RawValue) -> Result<T, Violation>) -> Option<T> {
        let raw = self.take(name)?;
        self.keep(name, read(&raw))
    }

    fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        let at = self.fields.iter().position(|(key, _)| key == name)?;
        let (_, raw) = self.fields.remove(at);
        // Repeats have been reported as such; they are not unknown fields too.
        self.fields.retain(|(key, _)| key != name);
        Some(raw)
    }

    fn keep<T>(&mut self, name: &str, outcome: Result<T, Violation>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(Violation { kind, msg, params }) => {
                self.violations
                    .push(|| FieldError::new(&["body", name], kind, msg).with_params(params));
                None
            }
        }
    }

    /// Ends the reading: what was not read is unknown.
    pub fn finish(mut self) -> Violations {
        for (name, _) in &self.fields {
            self.violations
                .push(|| FieldError::new(&["body", name], "extra_forbidden", "is not a known field"));
        }
        self.violations
    }
}

/// The pairs of an object in their order, repeats included.
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

/// Every key that stands twice in one object, at any depth.
fn repeated_keys(json: &str) -> Violations {
    let found = RefCell::new(Violations::default());
    let walk = Walk {
        parent: None,
        step: Step::Key("body"),
        found: &found,
    };
    // What cannot be walked, such as too deep nesting, is reported by the reader that follows.
    let _ = walk.deserialize(&mut serde_json::Deserializer::from_str(json));
    found.into_inner()
}

/// One value of the body and the way to it. The path is built only for a violation: a body may name thousands of keys.
struct Walk<'a> {
    parent: Option<&'a Walk<'a>>,
    step: Step<'a>,
    found: &'a RefCell<Violations>,
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl Walk<'_> {
    fn path(&self) -> Vec<String> {
        let mut path = self.parent.map(Walk::path).unwrap_or_default();
        path.push(match self.step {
            Step::Key(key) => shorten(key).into_owned(),
            Step::Index(index) => index.to_string(),
        });
        path
    }

    fn repeated(&self, key: &str) -> FieldError {
        let path = self.path();
        let key = shorten(key);
        let loc: Vec<&str> = path.iter().map(String::as_str).chain([key.as_ref()]).collect();
        FieldError::new(&loc, "duplicate_key", "stands more than once")
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if seen.contains(&key) {
                self.found.borrow_mut().push(|| self.repeated(&key));
            }
            map.next_value_seed(Walk {
                parent: Some(&self),
                step: Step::Key(&key),
                found: self.found,
            })?;
            seen.insert(key);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for index in 0.. {
            let element = Walk {
                parent: Some(&self),
                step: Step::Index(index),
                found: self.found,
            };
            if seq.next_element_seed(element)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::rule::{self, Rule};

    fn ticker(raw: &RawValue) -> Result<domain::ticker::Ticker, Violation> {
        rule::string(rule::ticker()).read(raw)
    }

    fn violations(fields: Fields) -> Vec<(String, String)> {
        let found = fields.finish().into_listed();
        found.into_iter().map(|e| (e.loc.join("."), e.kind)).collect()
    }

    fn found(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(loc, kind)| ((*loc).to_owned(), (*kind).to_owned()))
            .collect()
    }

    #[test]
    fn missing_wrong_unknown_and_repeated_fields_are_all_named() {
        let mut fields = Fields::parse(br#"{"b": 1, "c": "x", "d": {"e": [{"f": 1, "f": 2}]}, "b": 2}"#).unwrap();
        assert_eq!(fields.required("a", ticker), None);
        assert_eq!(fields.required("b", ticker), None);
        assert_eq!(
            violations(fields),
            found(&[
                ("body.d.e.0.f", "duplicate_key"),
                ("body.b", "duplicate_key"),
                ("body.a", "missing"),
                ("body.b", "string_type"),
                ("body.c", "extra_forbidden"),
                ("body.d", "extra_forbidden"),
            ])
        );
    }

    #[test]
    fn non_object_body_is_one_violation() {
        let mut fields = Fields::parse(b"[1]").unwrap();
        assert_eq!(fields.required("a", ticker), None);
        assert_eq!(violations(fields), found(&[("body", "object_type")]));
    }

    #[test]
    fn invalid_json_is_malformed() {
        for body in [&b""[..], b"{", b"{\"a\": 1,}", b"\xff", b"{} {}"] {
            let error = Fields::parse(body).err().unwrap();
            assert_eq!(error.kind, ProblemKind::MalformedJson, "{body:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(Fields::parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn repeated_keys_below_a_long_one_stay_small() {
        let repeats = vec!["\"a\":1"; 5_000].join(",");
        let body = format!("{{\"{}\":{{{repeats}}}}}", "x".repeat(30_000));
        let found = Fields::parse(body.as_bytes()).unwrap().finish();
        let error = found.into_result(ProblemKind::ValidationFailed).unwrap_err();
        assert_eq!(error.errors.len(), 100);
        assert_eq!(
            error.detail,
            "The request breaks 5000 rules: 100 are listed, and 4900 more."
        );
        assert_eq!(error.errors[0].loc[1].chars().count(), 64);
        assert!(serde_json::to_string(&error.errors).unwrap().len() < 20_000);
    }

    #[test]
    fn good_fields_are_read() {
        let mut fields = Fields::parse(br#"{"t": "btc", "n": 70000.10}"#).unwrap();
        assert_eq!(fields.required("t", ticker).unwrap().as_str(), "BTC");
        let exact = fields.required("n", |raw| rule::decimal_text(raw).map(str::to_owned));
        assert_eq!(exact.unwrap(), "70000.10");
        assert!(fields.finish().is_empty());
    }
}
