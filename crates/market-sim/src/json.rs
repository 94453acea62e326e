//! JSON with the venue's own order of keys, its own spelling of numbers, and every price marked.
//!
//! Marked prices are what an absurd answer replaces. Unlike a general value this can also write what is not JSON at
//! all, such as a bare `NaN`, because a venue in trouble can too.

use std::fmt::Write as _;

use crate::assets::AssetId;
use crate::fault_kind::CorruptPrice;

/// A value as a venue writes it.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Int(i64),
    /// A number, spelt as given.
    Number(String),
    Text(String),
    /// A price of an asset, spelt as given; in quotes or not.
    Price {
        asset: AssetId,
        spelling: String,
        /// Whether the venue sends strings.
        quoted: bool,
    },
    Array(Vec<Json>),
    /// An object, in the order of its pairs.
    Object(Vec<(String, Json)>),
}

impl Json {
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }

    /// A float in its shortest spelling; `null` where JSON has none.
    pub fn float(value: f64) -> Self {
        if value.is_finite() {
            Self::Number(format!("{value}"))
        } else {
            Self::Null
        }
    }

    /// A float rounded to `decimals` and written without trailing zeros.
    pub fn rounded(value: f64, decimals: usize) -> Self {
        if value.is_finite() {
            Self::Number(shorten(&format!("{value:.decimals$}")))
        } else {
            Self::Null
        }
    }

    /// A number if there is one.
    pub fn optional(value: Option<f64>, spell: impl Fn(f64) -> Json) -> Self {
        value.map_or(Self::Null, spell)
    }

    /// An object from pairs in order.
    pub fn object<K: Into<String>>(pairs: impl IntoIterator<Item = (K, Json)>) -> Self {
        Self::Object(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// The text on the wire, where `absurd` says what replaces an asset's price.
    pub fn write(&self, absurd: &dyn Fn(AssetId) -> Option<CorruptPrice>) -> String {
        let mut out = String::new();
        self.write_to(&mut out, absurd);
        out
    }

    fn write_to(&self, out: &mut String, absurd: &dyn Fn(AssetId) -> Option<CorruptPrice>) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Int(value) => {
                let _ = write!(out, "{value}");
            }
            Self::Number(spelling) => out.push_str(spelling),
            Self::Text(text) => write_text(out, text),
            Self::Price {
                asset,
                spelling,
                quoted,
            } => match absurd(*asset) {
                Some(what) => out.push_str(what.spelling(*quoted)),
                None if *quoted => write_text(out, spelling),
                None => out.push_str(spelling),
            },
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write_to(out, absurd);
                }
                out.push(']');
            }
            Self::Object(pairs) => {
                out.push('{');
                for (index, (key, value)) in pairs.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_text(out, key);
                    out.push(':');
                    value.write_to(out, absurd);
                }
                out.push('}');
            }
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

/// Cuts trailing zeros after the point, and the point.
pub fn shorten(spelling: &str) -> String {
    if !spelling.contains('.') {
        return spelling.to_owned();
    }
    let cut = spelling.trim_end_matches('0').trim_end_matches('.');
    if cut == "-0" { "0".to_owned() } else { cut.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_spelling_are_kept() {
        let value = Json::object([
            ("b", Json::Number("1.50".into())),
            ("a", Json::text("x\"y")),
            (
                "price",
                Json::Price {
                    asset: 0,
                    spelling: "3.20".into(),
                    quoted: true,
                },
            ),
        ]);
        assert_eq!(value.write(&|_| None), r#"{"b":1.50,"a":"x\"y","price":"3.20"}"#);
    }

    #[test]
    fn an_absurd_price_replaces_only_that_price() {
        let value = Json::Array(vec![
            Json::Price {
                asset: 0,
                spelling: "1".into(),
                quoted: false,
            },
            Json::Price {
                asset: 1,
                spelling: "2".into(),
                quoted: false,
            },
        ]);
        let text = value.write(&|asset| (asset == 1).then_some(CorruptPrice::Nan));
        assert_eq!(text, "[1,NaN]");
    }

    #[test]
    fn trailing_zeros_go() {
        assert_eq!(shorten("1.500"), "1.5");
        assert_eq!(shorten("100"), "100");
        assert_eq!(shorten("-0.000"), "0");
    }
}
