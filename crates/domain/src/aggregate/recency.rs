//! A fresh exchange is never outvoted by older words.
//!
//! How long a word may vote depends on how fast the market moves: an older word that still agrees with the newest
//! exchange counts, one that the market has left behind does not. An exchange that every other word contradicts may
//! also be wrong; then its own next word decides, unless the others have spoken meanwhile.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::input::{ClassifiedInput, Parameters, Reason, WANTED_SOURCES};
use super::jump::agrees;
use super::memory::{Contest, Memory};
use crate::ticker::ProviderId;

/// Words that are so close in time speak of the same market.
const EQUAL_AGE: SignedDuration = SignedDuration::from_secs(3);

/// An older word this close to the newest exchange, as a fraction of its price, still speaks of the same market.
const TOLERANCE: Decimal = Decimal::from_parts(3, 0, 0, false, 3);

/// The newest word of an exchange among those that take part.
fn newest_exchange(classified: &[ClassifiedInput]) -> Option<(ProviderId, Timestamp, Decimal)> {
    classified
        .iter()
        .filter(|j| j.excluded.is_none() && j.observation.provider.is_exchange())
        .filter_map(|j| Some((j.observation.provider, j.observation.as_of(), j.usd_price?)))
        .max_by_key(|(_, as_of, _)| *as_of)
}

/// Leaves out the words that the market has left behind. Gives the contest as it stands then.
pub(super) fn exclude_outdated(
    classified: &mut [ClassifiedInput],
    memory: &Memory,
    parameters: &Parameters,
    steps: &mut Vec<String>,
) -> Option<Contest> {
    let (provider, as_of, price) = newest_exchange(classified)?;
    let mut contest = memory.contest.clone().filter(|contest| contest.provider == provider);
    if let Some(contest) = &mut contest {
        let confirms = as_of > contest.spoke_at && agrees(price, contest.price, parameters.jump_limit);
        contest.confirmed |= confirms;
    }
    let confirmed_since = contest
        .as_ref()
        .filter(|contest| contest.confirmed)
        .map(|contest| contest.since);
    let mut exclude = |input: &mut ClassifiedInput| {
        input.excluded = Some(Reason::Outdated);
        let name = input.observation.provider;
        steps.push(format!("{name} left out: {provider} has moved on since its word"));
    };
    let takes_part = |input: &&mut ClassifiedInput| input.excluded.is_none() && input.observation.provider != provider;
    for input in classified.iter_mut().filter(takes_part) {
        if confirmed_since.is_some_and(|since| input.observation.as_of() < since) {
            exclude(input);
        }
    }
    let few = classified.iter().filter(|j| j.excluded.is_none()).count() < WANTED_SOURCES;
    for input in classified.iter_mut().filter(takes_part) {
        let is_older = as_of.duration_since(input.observation.as_of()) > EQUAL_AGE;
        let distance = input.usd_price.map_or(Decimal::ZERO, |other| (other - price).abs());
        // What is further apart is a matter of outliers, of which three words are needed to tell.
        let is_left_behind = distance > TOLERANCE * price && (few || distance <= parameters.outlier_floor * price);
        if is_older && is_left_behind {
            exclude(input);
        }
    }
    contest
}

/// The contest after outliers were removed: begun, going on, or over.
pub(super) fn next_contest(
    classified: &[ClassifiedInput],
    carried: Option<Contest>,
    parameters: &Parameters,
) -> Option<Contest> {
    let newest = classified
        .iter()
        .filter(|j| j.observation.provider.is_exchange())
        .filter(|j| matches!(j.excluded, None | Some(Reason::Outlier)))
        .filter_map(|j| Some((j, j.usd_price?)))
        .max_by_key(|(j, _)| j.observation.as_of());
    let (input, price) = newest?;
    let (provider, spoke_at) = (input.observation.provider, input.observation.as_of());
    let carried = carried.filter(|contest| contest.provider == provider);
    if input.excluded.is_none() {
        let others_are_silent = classified.iter().any(|j| j.excluded == Some(Reason::Outdated));
        return carried
            .filter(|contest| contest.confirmed && others_are_silent)
            .map(|contest| Contest {
                spoke_at,
                price,
                ..contest
            });
    }
    match carried {
        Some(contest) if contest.confirmed || agrees(price, contest.price, parameters.jump_limit) => Some(Contest {
            spoke_at,
            price,
            ..contest
        }),
        Some(_) | None => Some(Contest {
            provider,
            since: spoke_at,
            spoke_at,
            price,
            confirmed: false,
        }),
    }
}

#[cfg(test)]
mod tests;
