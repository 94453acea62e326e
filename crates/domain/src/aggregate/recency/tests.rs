use std::collections::{BTreeMap, BTreeSet};

use rstest::rstest;

use super::super::tests::{btc, dec, excluded, input, quote, run, three};
use super::super::{Input, Outcome, Verdict, aggregate};
use super::*;
use crate::quote::Quality;

fn spoken(provider: ProviderId, price: Decimal, seconds: i64) -> Input {
    let at = Timestamp::from_second(1_767_225_600 + seconds).unwrap();
    let mut input = input(provider, price, None);
    input.observation.quoted_at = Some(at);
    input.observation.received_at = at;
    input.max_age = SignedDuration::from_secs(300);
    input
}

fn at(seconds: i64, inputs: &[Input], memory: &Memory) -> Outcome {
    let now = Timestamp::from_second(1_767_225_600 + seconds).unwrap();
    aggregate(&btc(), inputs, &BTreeMap::new(), memory, &Parameters::default(), now)
}

/// One exchange lives and two aggregators have just died; the market moves by 12 % within two minutes.
#[rstest]
fn price_follows_the_exchange_that_is_left(
    #[values(2, 10, 30)] poll: i64,
    #[values(-1, 1)] direction: i64,
    #[values(0, 1, 25)] dead_for: i64,
) {
    let truth = |second: i64| {
        let moved = Decimal::from(direction * second.clamp(0, 120)) * dec("0.001");
        dec("100000") * (Decimal::ONE + moved)
    };
    let mut memory = Memory::default();
    let dead = [ProviderId::CoinGecko, ProviderId::CoinMarketCap].map(|name| spoken(name, dec("100000"), -dead_for));
    for (poll_number, second) in (0..=240).step_by(usize::try_from(poll).unwrap()).enumerate() {
        let mut inputs = dead.to_vec();
        inputs.push(spoken(ProviderId::Binance, truth(second), second));
        let outcome = at(second, &inputs, &memory);
        let quote = quote(&outcome);
        let error = (quote.price - truth(second)).abs() / truth(second);
        // A contradiction shows once the exchange is beyond the outlier limit, and its next word settles it.
        let since_contradiction = poll_number.saturating_sub(usize::try_from(10 / poll).unwrap());
        if since_contradiction >= 2 {
            assert!(
                error < dec("0.005"),
                "at {second} s: {} for {}",
                quote.price,
                truth(second)
            );
            assert_eq!(quote.quality, Quality::Degraded, "at {second} s");
            assert_eq!(quote.sources, [ProviderId::Binance]);
        }
        memory = outcome.memory;
    }
}

#[test]
fn older_words_that_agree_still_count() {
    let inputs = [
        spoken(ProviderId::Binance, dec("100"), 60),
        spoken(ProviderId::CoinGecko, dec("100.2"), 0),
        spoken(ProviderId::CoinMarketCap, dec("99.9"), 10),
    ];
    let outcome = at(60, &inputs, &Memory::default());
    assert_eq!(
        (quote(&outcome).sources.len(), quote(&outcome).quality),
        (3, Quality::Ok)
    );
}

#[test]
fn exchange_that_lies_alone_is_not_confirmed_once_the_others_have_spoken() {
    let others =
        |second: i64| [ProviderId::CoinGecko, ProviderId::CoinMarketCap].map(|p| spoken(p, dec("100"), second));
    let with = |price: &str, second: i64, others: [Input; 2]| {
        let mut inputs = others.to_vec();
        inputs.push(spoken(ProviderId::Binance, dec(price), second));
        inputs
    };
    let first = at(10, &with("95", 10, others(9)), &Memory::default());
    assert_eq!(quote(&first).price, dec("100"));
    assert_eq!(
        (quote(&first).quality, first.memory.contest.is_some()),
        (Quality::Degraded, true)
    );
    // The others speak after the contradiction and stay with their price: the exchange stays out.
    let second = at(20, &with("95", 20, others(15)), &first.memory);
    assert_eq!(quote(&second).price, dec("100"));
    let third = at(30, &with("95", 30, others(15)), &second.memory);
    assert_eq!(quote(&third).price, dec("100"));
    // It agrees again, and the contest is over.
    let back = at(40, &with("100.1", 40, others(39)), &third.memory);
    assert_eq!((quote(&back).sources.len(), back.memory.contest), (3, None));
}

#[test]
fn confirmation_has_to_agree_with_what_it_confirms() {
    let one = |price: &str, second: i64| vec![spoken(ProviderId::CoinGecko, dec(price), second)];
    let start = at(0, &one("100", 0), &Memory::default());
    let jump = at(10, &one("115", 10), &start.memory);
    assert!(matches!(jump.verdict, Verdict::Unconfirmed { .. }));
    let other_jump = at(20, &one("5000", 20), &jump.memory);
    assert!(matches!(other_jump.verdict, Verdict::Unconfirmed { .. }));
    let agreed = at(30, &one("5010", 30), &other_jump.memory);
    assert_eq!(quote(&agreed).price, dec("5010"));

    let two = [
        spoken(ProviderId::CoinGecko, dec("115"), 10),
        spoken(ProviderId::CoinMarketCap, dec("1000"), 10),
    ];
    assert!(matches!(
        at(10, &two, &start.memory).verdict,
        Verdict::Unconfirmed { .. }
    ));
}

#[test]
fn word_dated_ahead_does_not_silence_its_provider() {
    let mut ahead = spoken(ProviderId::Binance, dec("100"), 0).observation;
    ahead.quoted_at = Some(Timestamp::from_second(1_767_225_600 + 3_600).unwrap());
    let next = spoken(ProviderId::Binance, dec("101"), 10).observation;
    assert!(next.is_newer_than(&ahead));
    assert!(!ahead.is_newer_than(&next));
}

#[test]
fn removed_source_is_remembered_while_its_word_is_stale() {
    let out = run(&three(["130", "100", "100"]), &Memory::default());
    let mut stale = three(["130", "100", "100"]);
    stale[0].max_age = SignedDuration::ZERO;
    let silent = run(&stale, &out.memory);
    assert_eq!(silent.memory.removed, BTreeSet::from([ProviderId::Binance]));
    let back = run(&three(["100.8", "100", "100"]), &silent.memory);
    assert_eq!(excluded(&back, ProviderId::Binance), Some(Reason::Outlier));
}
