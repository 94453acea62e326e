//! Puts defaults, file and environment together.
//!
//! The defaults are the list of known keys and of their types: a text from the environment is
//! read as whatever type the default has, because a typed struct behind `serde(flatten)` no
//! longer says what it expects.

use std::collections::BTreeMap;

use config::{Config, File, FileFormat, Value};
use serde::de::DeserializeOwned;
use toml::Table;

use super::errors::Problems;
use super::explain::explain;

/// The variables a process was started with.
pub type Variables = BTreeMap<String, String>;

const CONFIG_FILE: &str = "CONFIG_FILE";

/// Merges all sources. A value that does not fit is in `problems` and stands at its default in the result, so that
/// the others can be judged. `None` when even the defaults do not fit `S`.
pub(super) fn merge<S: DeserializeOwned>(
    defaults: &[&str],
    variables: &Variables,
    problems: &mut Problems,
) -> Option<S> {
    let known = known_keys(defaults, problems)?;
    let mut overrides: Vec<(String, Value)> = from_file(&known, variables, problems);
    overrides.extend(from_environment(&known, variables, problems));

    let error = match read::<S>(&known, &overrides) {
        Ok(settings) => return Some(settings),
        Err(error) => error,
    };
    overrides.retain(|one| match why_unfit::<S>(&known, one) {
        None => true,
        Some(message) => {
            let is_list = matches!(known.get(&one.0), Some(toml::Value::Array(_)));
            problems.add(one.0.to_uppercase(), explain(&message, is_list));
            false
        }
    });
    let rest = read::<S>(&known, &overrides);
    if rest.is_err() {
        let names = known.keys().map(|key| key.to_uppercase());
        problems.add(
            "settings",
            format!("{error} (known variables: {})", names.collect::<Vec<_>>().join(", ")),
        );
    }
    rest.ok()
}

/// The union of the default texts; later texts win.
fn known_keys(defaults: &[&str], problems: &mut Problems) -> Option<Table> {
    let mut known = Table::new();
    for text in defaults {
        match text.parse::<Table>() {
            Ok(table) => known.extend(table),
            Err(error) => {
                problems.add("defaults", format!("the compiled-in defaults are broken: {error}"));
                return None;
            }
        }
    }
    Some(known)
}

fn from_file(known: &Table, variables: &Variables, problems: &mut Problems) -> Vec<(String, Value)> {
    let Some(path) = variables.get(CONFIG_FILE).filter(|path| !path.is_empty()) else {
        return Vec::new();
    };
    let parsed = std::fs::read_to_string(path)
        .map_err(|error| error.to_string())
        .and_then(|text| text.parse::<Table>().map_err(|error| error.to_string()));
    let table = match parsed {
        Ok(table) => table,
        Err(error) => {
            problems.add(CONFIG_FILE, format!("cannot read {path}: {error}"));
            return Vec::new();
        }
    };
    let mut values = Vec::new();
    for (key, value) in table {
        let Some(default) = known.get(&key) else {
            problems.add(
                key.to_uppercase(),
                format!("unknown key `{key}` in {path}; remove it or correct its spelling"),
            );
            continue;
        };
        match to_value(default, &value) {
            Some(value) => values.push((key, value)),
            None => problems.add(key.to_uppercase(), format!("must be {} in {path}", expected(default))),
        }
    }
    values
}

fn from_environment(known: &Table, variables: &Variables, problems: &mut Problems) -> Vec<(String, Value)> {
    let mut values = Vec::new();
    for (key, default) in known {
        let name = key.to_uppercase();
        let Some(text) = find_text(&name, variables, problems) else {
            continue;
        };
        match parse(default, &text) {
            Ok(value) => values.push((key.clone(), value)),
            // The value may be a secret, so it is not repeated.
            Err(()) => problems.add(name, format!("must be {}", expected(default))),
        }
    }
    values
}

/// The variable's own text, or that of the file its `_FILE` companion names.
fn find_text(name: &str, variables: &Variables, problems: &mut Problems) -> Option<String> {
    let plain = variables.get(name).filter(|text| !text.is_empty());
    let file_name = format!("{name}_FILE");
    let file = variables.get(&file_name).filter(|text| !text.is_empty());
    match (plain, file) {
        (None, None) => None,
        (Some(text), None) => Some(text.clone()),
        (Some(_), Some(_)) => {
            problems.add(name, format!("is set twice, also by {file_name}; keep one of them"));
            None
        }
        (None, Some(path)) => match std::fs::read_to_string(path) {
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                problems.add(file_name, format!("cannot read {path}: {error}"));
                None
            }
        },
    }
}

/// Reads a text as the type of the default.
fn parse(default: &toml::Value, text: &str) -> Result<Value, ()> {
    let text = text.trim();
    match default {
        toml::Value::String(_) => Ok(Value::from(text)),
        toml::Value::Integer(_) => text.parse::<i64>().map(Value::from).map_err(drop),
        toml::Value::Float(_) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::from(number)),
            _ => Err(()),
        },
        toml::Value::Boolean(_) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Value::from(true)),
            "false" | "0" | "no" | "off" => Ok(Value::from(false)),
            _ => Err(()),
        },
        toml::Value::Array(items) => {
            let text_item = toml::Value::String(String::new());
            let item = items.first().unwrap_or(&text_item);
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| parse(item, part))
                .collect::<Result<Vec<_>, ()>>()
                .map(Value::from)
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => Err(()),
    }
}

/// Takes a value of the file when it has the type of the default.
fn to_value(default: &toml::Value, value: &toml::Value) -> Option<Value> {
    match (default, value) {
        (toml::Value::String(_), toml::Value::String(text)) => Some(Value::from(text.as_str())),
        (toml::Value::Integer(_), toml::Value::Integer(number)) => Some(Value::from(*number)),
        (toml::Value::Float(_), toml::Value::Float(number)) => Some(Value::from(*number)),
        #[expect(clippy::cast_precision_loss, reason = "settings are small numbers")]
        (toml::Value::Float(_), toml::Value::Integer(number)) => Some(Value::from(*number as f64)),
        (toml::Value::Boolean(_), toml::Value::Boolean(flag)) => Some(Value::from(*flag)),
        (toml::Value::Array(items), toml::Value::Array(values)) => {
            let text_item = toml::Value::String(String::new());
            let item = items.first().unwrap_or(&text_item);
            values
                .iter()
                .map(|value| to_value(item, value))
                .collect::<Option<Vec<_>>>()
                .map(Value::from)
        }
        _ => None,
    }
}

fn expected(default: &toml::Value) -> &'static str {
    match default {
        toml::Value::String(_) => "a text",
        toml::Value::Integer(_) => "a whole number",
        toml::Value::Float(_) => "a number",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Array(_) => "a list, comma separated",
        toml::Value::Datetime(_) | toml::Value::Table(_) => "left alone: it cannot be set this way",
    }
}

fn read<S: DeserializeOwned>(known: &Table, overrides: &[(String, Value)]) -> Result<S, config::ConfigError> {
    build(known, overrides)?.try_deserialize()
}

fn build(known: &Table, overrides: &[(String, Value)]) -> Result<Config, config::ConfigError> {
    let mut builder = Config::builder().add_source(File::from_str(&known.to_string(), FileFormat::Toml));
    for (key, value) in overrides {
        builder = builder.set_override(key, value.clone())?;
    }
    builder.build()
}

/// Says why a value does not fit, by trying it alone over the defaults: the error of a flattened struct does not name
/// its key. `None` if it fits, or if the defaults themselves do not.
fn why_unfit<S: DeserializeOwned>(known: &Table, one: &(String, Value)) -> Option<String> {
    let alone = std::slice::from_ref(one);
    let error = read::<S>(known, alone).err()?;
    if read::<S>(known, &[]).is_err() {
        return None;
    }
    // Unlike config, serde_json says which values would fit.
    let json: Option<serde_json::Value> = build(known, alone).and_then(Config::try_deserialize).ok();
    let better = json.and_then(|json| serde_json::from_value::<S>(json).err());
    Some(better.map_or_else(|| error.to_string(), |better| better.to_string()))
}
