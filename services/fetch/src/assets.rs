//! The file of assets: what can be watched, and each provider's own name for it.

use std::collections::BTreeSet;

use domain::asset::Asset;
use serde::Deserialize;

/// The file as it was when this was built.
const BUILT_IN: &str = include_str!("../../../deploy/assets.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    asset: Vec<Asset>,
}

/// Reads the file at `path`, or the built-in one if it is empty.
///
/// # Errors
///
/// What is wrong, in one sentence.
pub fn load(path: &str) -> Result<Vec<Asset>, String> {
    if path.is_empty() {
        return parse(BUILT_IN);
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    parse(&text).map_err(|error| format!("{path}: {error}"))
}

fn parse(text: &str) -> Result<Vec<Asset>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let mut seen = BTreeSet::new();
    match file.asset.iter().find(|asset| !seen.insert(&asset.ticker)) {
        Some(twice) => Err(format!("{} is listed twice", twice.ticker)),
        None => Ok(file.asset),
    }
}

#[cfg(test)]
mod tests {
    use domain::ticker::ProviderId;

    use super::*;

    #[test]
    fn the_built_in_file_names_every_asset_at_the_listing_providers() {
        let assets = load("").unwrap();
        assert!(assets.len() >= 20);
        for asset in &assets {
            assert!(asset.symbol_at(ProviderId::CoinGecko).is_some(), "{}", asset.ticker);
            assert!(asset.symbol_at(ProviderId::CoinMarketCap).is_some(), "{}", asset.ticker);
        }
    }

    #[test]
    fn mistakes_are_told() {
        let twice = "[[asset]]\nticker='BTC'\nname='a'\n[[asset]]\nticker='btc'\nname='b'";
        assert!(parse(twice).unwrap_err().contains("BTC is listed twice"));
        assert!(
            parse("[[asset]]\nticker='BTC'\nname='a'\nbinanse='x'")
                .unwrap_err()
                .contains("binanse")
        );
        assert!(load("/nonexistent/assets.toml").unwrap_err().contains("cannot read"));
    }
}
