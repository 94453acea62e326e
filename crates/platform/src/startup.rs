//! What every service does before anything else, in the order in which each step needs the one before.

use serde::de::DeserializeOwned;

use crate::settings::{ProcessSettings, Validate, load_or_exit};
use crate::{telemetry, tls};

/// Reads the settings of `service`, or prints every problem and ends the process with code 78; then starts its logs.
///
/// # Errors
///
/// The logs cannot be set up.
pub fn begin<S>(service: &'static str, defaults: &[&str]) -> anyhow::Result<S>
where
    S: DeserializeOwned + Validate + AsRef<ProcessSettings>,
{
    // The settings may name a file of authorities, which is read with this provider.
    tls::install_provider();
    let settings: S = load_or_exit(defaults);
    telemetry::init(service, settings.as_ref())?;
    Ok(settings)
}
