//! Thousands of small tokens that only listings know: made up by number, cheap enough to be made anew for each answer.
//!
//! Their ids never change, whatever the seed. Some share a symbol, and of some the supply is unknown, spelt in all the
//! ways in which venues spell that.

use crate::clock::{DAY, HOUR, Millis};
use crate::rng::{key, smooth, uniform};

/// Their numbers at CoinMarketCap begin after this one.
const FIRST_COINMARKETCAP: i64 = 100_000;

/// How a venue says that it does not know a supply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// It is known.
    Known,
    Null,
    Zero,
    EmptyText,
    /// The field is not there.
    Missing,
}

/// One of the small tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TailToken {
    /// From 1, by size.
    pub number: usize,
}

impl TailToken {
    pub fn coinmarketcap(self) -> i64 {
        FIRST_COINMARKETCAP + self.number as i64
    }

    pub fn slug(self) -> String {
        format!("token-{}", self.number)
    }

    /// The id at CoinGecko: mostly the slug, for some another one.
    pub fn coingecko(self) -> String {
        if self.number % 7 == 2 {
            format!("token-{}-coin", self.number)
        } else {
            self.slug()
        }
    }

    /// Some share it with the token before, and one with the largest of all.
    pub fn symbol(self) -> String {
        match self.number {
            9 => "BTC".to_owned(),
            number if number % 40 == 5 => format!("TK{}", number - 1),
            number => format!("TK{number}"),
        }
    }

    pub fn name(self) -> String {
        format!("Token {}", self.number)
    }

    pub fn supply_spelling(self) -> Spelling {
        match self.number % 50 {
            3 | 13 | 23 | 33 | 43 => Spelling::Null,
            6 | 26 => Spelling::Zero,
            17 => Spelling::EmptyText,
            31 => Spelling::Missing,
            _ => Spelling::Known,
        }
    }

    fn key(self, what: &str) -> u64 {
        key(self.number as u64, what)
    }

    /// Between a hundredth of a cent and a hundred dollars.
    fn usual_price(self) -> f64 {
        10_f64.powf(6.0 * uniform(self.key("tail price"), 0) - 4.0)
    }

    pub fn price(self, at: Millis) -> f64 {
        let path = self.key("tail path");
        self.usual_price() * (0.01 * smooth(path, at, HOUR) + 0.08 * smooth(path ^ 1, at, DAY)).exp()
    }

    /// The change of the price over a time, in percent.
    pub fn change(self, at: Millis, length: Millis) -> f64 {
        (self.price(at) / self.price(at - length) - 1.0) * 100.0
    }

    /// Smaller from token to token, all below the assets of the catalogue.
    pub fn supply(self) -> f64 {
        (4e8 / (self.number as f64).powf(1.05) / self.usual_price()).ceil()
    }

    pub fn turnover(self, at: Millis) -> f64 {
        0.02 * self.supply() * self.price(at) * (0.4 * smooth(self.key("tail turnover"), at, DAY)).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_their_ids_and_their_prices_move() {
        let token = TailToken { number: 12 };
        assert_eq!((token.coinmarketcap(), token.slug()), (100_012, "token-12".to_owned()));
        let now = 1_790_000_000_000;
        assert!((token.price(now) / token.price(now + HOUR) - 1.0).abs() > 1e-9);
        assert_eq!(TailToken { number: 45 }.symbol(), TailToken { number: 44 }.symbol());
        let shrinks = (1..5_000).all(|number| {
            let cap = |number| TailToken { number }.supply() * TailToken { number }.usual_price();
            cap(number) > 0.0 && cap(number + 100) < cap(number)
        });
        assert!(shrinks);
    }
}
