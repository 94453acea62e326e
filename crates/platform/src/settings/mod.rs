//! Typed settings: commented defaults compiled in, then an optional file, then the environment.
//!
//! Every key is flat and lower case; its public name is the same in upper case, so
//! `poll_interval_seconds` is set by `POLL_INTERVAL_SECONDS`. Any key is also read from the file
//! that `<NAME>_FILE` points to, which is how secrets arrive. An empty variable counts as not set.
//! All problems are reported at once, each with the name of the variable to change, and the
//! process ends with code 78. This module is the only reader of the environment.

mod database_url;
mod errors;
mod explain;
mod groups;
mod merge;
mod sealing;

use serde::de::DeserializeOwned;

pub use database_url::{AddressError, DatabaseAddress};
pub use errors::{EXIT_CODE, Problems, SettingsError, Validate};
pub use groups::{
    AppEnv, LogSettings, POSTGRES_DEFAULTS, PROCESS_DEFAULTS, PostgresSettings, ProcessSettings, RABBIT_DEFAULTS,
    REDIS_DEFAULTS, RabbitSettings, RedisSettings,
};
pub use merge::Variables;
pub use sealing::{SEALING_DEFAULTS, SealingSettings};

/// Reads settings from the default texts, the file named by `CONFIG_FILE`, and the environment.
///
/// Later default texts override earlier ones, so a service can change a shared default.
///
/// # Errors
///
/// All problems found, each with the variable's name.
pub fn load<S>(defaults: &[&str]) -> Result<S, SettingsError>
where
    S: DeserializeOwned + Validate,
{
    load_from(defaults, &environment())
}

/// Does what [`load`] does with the given variables instead of the process's own.
///
/// # Errors
///
/// All problems found, each with the variable's name.
pub fn load_from<S>(defaults: &[&str], variables: &Variables) -> Result<S, SettingsError>
where
    S: DeserializeOwned + Validate,
{
    let mut problems = Problems::default();
    let settings = merge::merge::<S>(defaults, variables, &mut problems);
    if let Some(settings) = &settings {
        settings.validate(&mut problems);
    }
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(SettingsError::from(problems)),
    }
}

/// Reads settings, or prints every problem to standard error and ends the process with code 78.
#[must_use]
pub fn load_or_exit<S>(defaults: &[&str]) -> S
where
    S: DeserializeOwned + Validate,
{
    load(defaults).unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(EXIT_CODE)
    })
}

/// The variables of this process; those that are not text are of no setting and left out.
#[must_use]
pub fn environment() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests;
