//! What a person did to the market: crashes and rallies that stay, and prices fixed down exactly.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::assets::AssetId;
use crate::clock::Millis;

/// Interventions remembered per asset; older ones are folded together.
const KEPT: usize = 500;

/// A change by a factor that begins at `start`, is complete at `end`, and stays.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Move {
    start: Millis,
    end: Millis,
    log: f64,
}

/// A price fixed down from a time on, until let go.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Pin {
    from: Millis,
    until: Option<Millis>,
    price: f64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Interventions {
    moves: Vec<Move>,
    pins: Vec<Pin>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Overrides {
    assets: HashMap<AssetId, Interventions>,
}

impl Overrides {
    /// Starts a move of `percent` over `length`; the caller has checked that it is above -100.
    pub fn add_move(&mut self, asset: AssetId, percent: f64, start: Millis, length: Millis) {
        self.add(asset, (1.0 + percent / 100.0).ln(), start, length);
    }

    /// Takes a move of `percent` back, over `length` from `start` on.
    pub fn add_return(&mut self, asset: AssetId, percent: f64, start: Millis, length: Millis) {
        self.add(asset, -(1.0 + percent / 100.0).ln(), start, length);
    }

    fn add(&mut self, asset: AssetId, log: f64, start: Millis, length: Millis) {
        let moves = &mut self.assets.entry(asset).or_default().moves;
        moves.push(Move {
            start,
            end: start + length.max(0),
            log,
        });
        if moves.len() > KEPT {
            let oldest = moves.remove(0);
            moves[0].log += oldest.log;
        }
    }

    /// Nails the price from `from` on.
    pub fn pin(&mut self, asset: AssetId, price: f64, from: Millis) {
        self.unpin(asset, from);
        let pins = &mut self.assets.entry(asset).or_default().pins;
        pins.push(Pin {
            from,
            until: None,
            price,
        });
        if pins.len() > KEPT {
            pins.remove(0);
        }
    }

    /// Lets the price go; whether it was fixed.
    pub fn unpin(&mut self, asset: AssetId, at: Millis) -> bool {
        let Some(interventions) = self.assets.get_mut(&asset) else {
            return false;
        };
        let Some(last) = interventions.pins.last_mut().filter(|pin| pin.until.is_none()) else {
            return false;
        };
        last.until = Some(at);
        if last.from >= at {
            interventions.pins.pop();
        }
        true
    }

    /// Forgets every move and lets every price go.
    pub fn clear(&mut self) {
        self.assets.clear();
    }

    /// The fixed price at a time.
    pub fn pinned(&self, asset: AssetId, at: Millis) -> Option<f64> {
        let pins = &self.assets.get(&asset)?.pins;
        pins.iter()
            .rev()
            .find(|pin| pin.from <= at && pin.until.is_none_or(|until| at < until))
            .map(|pin| pin.price)
    }

    /// What the moves have made of the price so far.
    pub fn factor(&self, asset: AssetId, at: Millis) -> f64 {
        let Some(interventions) = self.assets.get(&asset) else {
            return 1.0;
        };
        let log: f64 = interventions
            .moves
            .iter()
            .filter(|change| at >= change.start)
            .map(|change| {
                let length = (change.end - change.start) as f64;
                let done = if length > 0.0 {
                    ((at - change.start) as f64 / length).min(1.0)
                } else {
                    1.0
                };
                change.log * done
            })
            .sum();
        if log == 0.0 { 1.0 } else { log.exp() }
    }

    /// Whether nothing was done to the asset between two times, so that the market's own candles are right up to a
    /// factor.
    pub fn quiet(&self, asset: AssetId, from: Millis, to: Millis) -> bool {
        self.assets.get(&asset).is_none_or(|interventions| {
            interventions
                .moves
                .iter()
                .all(|change| change.end < from || change.start >= to)
                && interventions
                    .pins
                    .iter()
                    .all(|pin| pin.until.is_some_and(|until| until <= from) || pin.from >= to)
        })
    }

    /// The moments between two times at which something began or ended.
    pub fn edges(&self, asset: AssetId, from: Millis, to: Millis) -> Vec<Millis> {
        let Some(interventions) = self.assets.get(&asset) else {
            return Vec::new();
        };
        let mut edges: Vec<Millis> = interventions
            .moves
            .iter()
            .flat_map(|change| [change.start - 1, change.start, change.end])
            .chain(interventions.pins.iter().flat_map(|pin| {
                let until = pin.until.unwrap_or(pin.from);
                [pin.from - 1, pin.from, until - 1, until]
            }))
            .filter(|edge| *edge > from && *edge < to)
            .collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_grows_and_stays() {
        let mut overrides = Overrides::default();
        overrides.add_move(0, -20.0, 1_000, 10_000);
        assert_eq!(overrides.factor(0, 999), 1.0);
        assert!((overrides.factor(0, 6_000) - 0.8_f64.sqrt()).abs() < 1e-12);
        assert!((overrides.factor(0, 11_000) - 0.8).abs() < 1e-12);
        assert!((overrides.factor(0, 99_000) - 0.8).abs() < 1e-12);
        assert_eq!(overrides.factor(1, 99_000), 1.0);
        assert!(overrides.quiet(0, 12_000, 20_000) && !overrides.quiet(0, 5_000, 20_000));
    }

    #[test]
    fn a_move_that_is_taken_back_leaves_nothing() {
        let mut overrides = Overrides::default();
        overrides.add_move(0, -12.0, 1_000, 10_000);
        overrides.add_return(0, -12.0, 20_000, 10_000);
        assert!((overrides.factor(0, 15_000) - 0.88).abs() < 1e-12);
        assert!((overrides.factor(0, 25_000) - 0.88_f64.sqrt()).abs() < 1e-12);
        assert_eq!(overrides.factor(0, 30_000), 1.0);
    }

    #[test]
    fn a_pin_holds_until_it_is_let_go() {
        let mut overrides = Overrides::default();
        overrides.pin(0, 50.0, 1_000);
        overrides.pin(0, 60.0, 2_000);
        assert_eq!(overrides.pinned(0, 999), None);
        assert_eq!(overrides.pinned(0, 1_500), Some(50.0));
        assert_eq!(overrides.pinned(0, 2_500), Some(60.0));
        assert!(overrides.unpin(0, 3_000));
        assert!(!overrides.unpin(0, 3_000));
        assert_eq!(overrides.pinned(0, 3_000), None);
        assert_eq!(overrides.pinned(0, 2_999), Some(60.0));
    }

    #[test]
    fn memory_is_bounded_and_the_present_survives() {
        let mut overrides = Overrides::default();
        for step in 0..2_000 {
            overrides.add_move(0, 1.0, step, 0);
        }
        assert!((overrides.factor(0, 5_000) / 1.01_f64.powi(2_000) - 1.0).abs() < 1e-9);
        assert_eq!(overrides.assets[&0].moves.len(), KEPT);
    }
}
