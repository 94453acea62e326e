//! The catalogue: every watched asset with the venues' names for it, coins that only the listing venue knows, and what
//! a believable market of each looks like.

use serde::Deserialize;

/// An asset's place in the catalogue.
pub type AssetId = usize;

const NAMES: &str = include_str!("../../../deploy/assets.toml");

/// Coins that are not watched.
const OTHER_COINS: &str = include_str!("other_coins.toml");

/// Assets that move together beyond what the whole market does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sector {
    /// Money and forks of it.
    Money,
    Platform,
    Application,
    Meme,
    /// Worth a dollar by promise.
    Stable,
}

/// Starting values and temper of one asset.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Price in dollars around which the synthetic path wanders.
    pub price: f64,
    /// Decimals of the exchange's price step.
    pub decimals: usize,
    pub circulating: f64,
    pub total: f64,
    /// Coins there can ever be.
    pub max: Option<f64>,
    /// Turnover of a day over all markets, in dollars.
    pub daily_turnover: f64,
    /// How strongly it follows the whole market.
    pub beta: f64,
    /// Annual volatility of its own.
    pub volatility: f64,
    pub sector: Sector,
    /// Highest price ever, and its day.
    pub ath: (f64, &'static str),
    /// Lowest price ever, and its day.
    pub atl: (f64, &'static str),
    pub added: &'static str,
    pub market_pairs: i64,
    /// Number of its picture at CoinGecko.
    pub image: u32,
}

#[derive(Debug, Clone)]
pub struct Asset {
    pub ticker: String,
    pub name: String,
    pub binance: Option<String>,
    pub coingecko: Option<String>,
    pub coinmarketcap: Option<u32>,
    /// What its market looks like.
    pub profile: Profile,
}

/// All assets: the watched ones in the order of their file, then the other coins.
#[derive(Debug, Clone)]
pub struct Catalogue {
    assets: Vec<Asset>,
    tether: Option<AssetId>,
    tail: usize,
}

#[derive(Deserialize)]
struct NamesFile {
    asset: Vec<Names>,
}

#[derive(Deserialize)]
struct Names {
    ticker: String,
    name: String,
    binance: Option<String>,
    coingecko: Option<String>,
    coinmarketcap: Option<u32>,
    /// Of a coin without a profile: what it costs, about.
    price: Option<f64>,
}

impl Catalogue {
    /// The catalogue that ships with the platform.
    pub fn built_in() -> Self {
        let read = |text| toml::from_str(text).expect("the file is compiled in and a test parses it");
        let files: [NamesFile; 2] = [NAMES, OTHER_COINS].map(read);
        let names = files.into_iter().flat_map(|file| file.asset);
        let assets: Vec<Asset> = names.map(with_profile).collect();
        let tether = assets.iter().position(|asset| asset.ticker == "USDT");
        Self {
            assets,
            tether,
            tail: 0,
        }
    }

    /// With so many more small tokens that the listings have at least `tokens` altogether.
    #[must_use]
    pub fn with_tokens(self, tokens: usize) -> Self {
        let listed = self.assets.iter().filter(|asset| asset.coinmarketcap.is_some()).count();
        Self {
            tail: tokens.saturating_sub(listed),
            ..self
        }
    }

    /// How many small tokens the listings have besides.
    pub fn tail(&self) -> usize {
        self.tail
    }

    /// Every asset with its id.
    pub fn iter(&self) -> impl Iterator<Item = (AssetId, &Asset)> {
        self.assets.iter().enumerate()
    }

    pub fn get(&self, id: AssetId) -> &Asset {
        &self.assets[id]
    }

    pub fn len(&self) -> usize {
        self.assets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.assets.is_empty()
    }

    /// Tether, the currency of the exchange's pairs.
    pub fn tether(&self) -> Option<AssetId> {
        self.tether
    }

    /// By the platform's name, or by any venue's name for it.
    pub fn find(&self, name: &str) -> Option<AssetId> {
        self.assets.iter().position(|asset| {
            asset.ticker.eq_ignore_ascii_case(name)
                || asset.binance.as_deref() == Some(name)
                || asset.coingecko.as_deref() == Some(name)
                || asset.coinmarketcap.is_some_and(|id| id.to_string() == name)
        })
    }
}

fn with_profile(names: Names) -> Asset {
    let profile = PROFILES
        .iter()
        .find(|(ticker, _)| *ticker == names.ticker)
        .map_or_else(|| unknown(names.price.unwrap_or(1.0)), |(_, profile)| *profile);
    Asset {
        ticker: names.ticker,
        name: names.name,
        binance: names.binance,
        coingecko: names.coingecko,
        coinmarketcap: names.coinmarketcap,
        profile,
    }
}

/// An asset in a file works before anyone has described it here: all such are worth the same together.
fn unknown(price: f64) -> Profile {
    let supply = 1e9 / price;
    profile(
        price,
        4,
        [supply, supply],
        None,
        2e7,
        1.2,
        0.6,
        Sector::Application,
        (price * 5.0, "2021-11-10"),
        (price * 0.05, "2020-03-13"),
        "2020-01-01",
        100,
        1,
    )
}

#[expect(clippy::too_many_arguments, reason = "a row of the table below")]
const fn profile(
    price: f64,
    decimals: usize,
    supply: [f64; 2],
    max: Option<f64>,
    daily_turnover: f64,
    beta: f64,
    volatility: f64,
    sector: Sector,
    ath: (f64, &'static str),
    atl: (f64, &'static str),
    added: &'static str,
    market_pairs: i64,
    image: u32,
) -> Profile {
    let [circulating, total] = supply;
    Profile {
        price,
        decimals,
        circulating,
        total,
        max,
        daily_turnover,
        beta,
        volatility,
        sector,
        ath,
        atl,
        added,
        market_pairs,
        image,
    }
}

use Sector::{Application, Meme, Money, Platform, Stable};

/// Orders of magnitude as they were at the beginning of 2025.
#[rustfmt::skip]
const PROFILES: &[(&str, Profile)] = &[
    ("BTC",  profile(98_200.0, 2, [19_808_550.0, 19_808_550.0], Some(21e6), 4.6e10, 0.85, 0.18,
            Money, (108_786.0, "2025-01-20"), (67.81, "2013-07-06"), "2010-07-13", 11_800, 1)),
    ("ETH",  profile(3_420.0, 2, [120_500_120.4, 120_500_120.4], None, 2.6e10, 1.10, 0.28,
            Platform, (4_878.26, "2021-11-10"), (0.432979, "2015-10-20"), "2015-08-07", 9_700, 279)),
    ("USDT", profile(1.0, 5, [137_420_900_312.0, 139_911_300_118.0], None, 9.8e10, 0.0, 0.002,
            Stable, (1.32, "2018-07-24"), (0.572521, "2015-03-02"), "2015-02-25", 116_000, 325)),
    ("BNB",  profile(691.0, 2, [144_006_951.0, 144_006_951.0], None, 1.9e9, 0.90, 0.30,
            Platform, (788.84, "2024-12-04"), (0.0398177, "2017-10-19"), "2017-07-25", 2_400, 825)),
    ("XRP",  profile(2.36, 4, [57_427_780_213.0, 99_986_475_006.0], Some(1e11), 6.4e9, 1.05, 0.50,
            Money, (3.4, "2018-01-07"), (0.00268621, "2014-05-22"), "2013-08-04", 1_700, 44)),
    ("SOL",  profile(194.0, 2, [482_180_400.7, 592_620_511.2], None, 4.4e9, 1.30, 0.45,
            Platform, (293.31, "2025-01-19"), (0.500801, "2020-05-11"), "2020-04-10", 870, 4128)),
    ("DOGE", profile(0.342, 5, [147_430_646_383.7, 147_430_646_383.7], None, 2.5e9, 1.35, 0.60,
            Meme, (0.731578, "2021-05-08"), (0.0000869, "2015-05-06"), "2013-12-15", 1_160, 5)),
    ("ADA",  profile(0.935, 4, [35_147_630_412.8, 44_994_866_013.5], Some(45e9), 1.1e9, 1.20, 0.45,
            Platform, (3.09, "2021-09-02"), (0.01925275, "2020-03-13"), "2017-10-01", 1_370, 975)),
    ("TRX",  profile(0.2487, 4, [86_185_330_114.0, 86_185_360_201.0], None, 8.2e8, 0.65, 0.35,
            Platform, (0.431288, "2024-12-03"), (0.00180434, "2017-11-12"), "2017-09-13", 1_080, 1094)),
    ("LINK", profile(22.4, 2, [638_099_971.0, 1e9], Some(1e9), 9.4e8, 1.25, 0.45,
            Application, (52.7, "2021-05-10"), (0.148183, "2017-11-29"), "2017-09-20", 1_990, 877)),
    ("DOT",  profile(6.82, 3, [1_536_440_021.0, 1_536_440_021.0], None, 3.1e8, 1.25, 0.42,
            Platform, (54.98, "2021-11-04"), (2.7, "2020-08-20"), "2020-08-19", 980, 12171)),
    ("LTC",  profile(104.6, 2, [75_418_690.0, 84e6], Some(84e6), 7.9e8, 1.00, 0.35,
            Money, (410.26, "2021-05-10"), (1.15, "2015-01-14"), "2013-04-28", 1_260, 2)),
    ("BCH",  profile(447.0, 1, [19_806_520.3, 19_806_520.3], Some(21e6), 3.8e8, 1.05, 0.40,
            Money, (3_785.82, "2017-12-20"), (76.93, "2018-12-16"), "2017-07-23", 1_020, 780)),
    ("AVAX", profile(37.2, 2, [411_030_144.7, 448_630_144.7], Some(715_748_719.0), 5.6e8, 1.35, 0.45,
            Platform, (144.96, "2021-11-21"), (2.8, "2020-12-31"), "2020-07-13", 790, 12559)),
    ("ATOM", profile(6.71, 3, [390_930_671.1, 390_934_204.0], None, 2.1e8, 1.20, 0.42,
            Platform, (44.45, "2022-01-17"), (1.16, "2020-03-13"), "2019-03-14", 690, 1481)),
    ("UNI",  profile(13.6, 3, [600_518_738.2, 1e9], Some(1e9), 4.0e8, 1.30, 0.50,
            Application, (44.92, "2021-05-03"), (1.03, "2020-09-17"), "2020-09-17", 1_200, 12504)),
    ("XLM",  profile(0.412, 4, [30_440_870_102.0, 50_001_786_900.0], Some(50_001_806_812.0), 5.1e8, 1.10, 0.50,
            Money, (0.875563, "2018-01-03"), (0.00047612, "2015-03-05"), "2014-08-05", 560, 100)),
    ("ETC",  profile(26.4, 2, [150_262_900.4, 210_700_000.0], Some(210_700_000.0), 2.3e8, 1.15, 0.38,
            Platform, (167.09, "2021-05-06"), (0.615038, "2016-07-25"), "2016-07-24", 420, 453)),
    ("ALGO", profile(0.372, 4, [8_359_900_220.0, 10e9], Some(10e9), 2.0e8, 1.25, 0.50,
            Platform, (3.56, "2019-06-20"), (0.087513, "2023-09-11"), "2019-06-20", 420, 4380)),
    ("NEAR", profile(5.21, 3, [1_172_850_330.1, 1_225_840_217.0], None, 3.6e8, 1.35, 0.50,
            Platform, (20.44, "2022-01-16"), (0.526762, "2020-11-04"), "2020-10-14", 520, 10365)),
    ("FIL",  profile(5.12, 3, [619_803_460.0, 1_958_672_900.0], Some(1_960_000_000.0), 2.7e8, 1.25, 0.48,
            Application, (236.84, "2021-04-01"), (2.64, "2022-12-16"), "2017-12-13", 450, 12817)),
    ("AAVE", profile(312.0, 2, [15_038_440.2, 16e6], Some(16e6), 5.2e8, 1.30, 0.50,
            Application, (661.69, "2021-05-18"), (26.02, "2020-11-05"), "2020-10-02", 760, 12645)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_of_the_file_is_described() {
        let catalogue = Catalogue::built_in();
        assert!(catalogue.len() >= 20);
        let watched: NamesFile = toml::from_str(NAMES).unwrap();
        for asset in watched.asset {
            assert!(
                PROFILES.iter().any(|(ticker, _)| *ticker == asset.ticker),
                "{} has no profile",
                asset.ticker
            );
        }
    }

    #[test]
    fn an_asset_is_found_by_any_of_its_names() {
        let catalogue = Catalogue::built_in();
        let bitcoin = catalogue.find("BTC");
        assert!(bitcoin.is_some());
        for name in ["btc", "BTCUSDT", "bitcoin", "1"] {
            assert_eq!(catalogue.find(name), bitcoin, "{name}");
        }
        let monero = catalogue.get(catalogue.find("monero").unwrap());
        assert_eq!((monero.profile.price, &monero.coinmarketcap), (215.0, &None));
        assert_eq!(catalogue.find("NOPE"), None);
    }
}
