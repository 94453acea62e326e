use jiff::SignedDuration;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::quote::Observation;
use crate::ticker::ProviderId;

const NOW: &str = "2026-01-01T00:01:00Z";

pub(super) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

pub(super) fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(super) fn btc() -> Ticker {
    "BTC".parse().unwrap()
}

pub(super) fn input(provider: ProviderId, price: Decimal, volume: Option<Decimal>) -> Input {
    Input {
        observation: Observation {
            provider,
            symbol: "BTC".to_owned(),
            ticker: btc(),
            price,
            quote_currency: "USD".parse().unwrap(),
            bid: None,
            ask: None,
            volume_24h: volume,
            market_cap: None,
            circulating_supply: None,
            total_supply: None,
            change_24h_percent: None,
            quoted_at: Some("2026-01-01T00:00:58Z".parse().unwrap()),
            received_at: "2026-01-01T00:00:59Z".parse().unwrap(),
            simulated: false,
        },
        reliability: Decimal::ONE,
        max_age: SignedDuration::from_secs(60),
    }
}

pub(super) fn three(prices: [&str; 3]) -> Vec<Input> {
    ProviderId::ALL
        .into_iter()
        .zip(prices)
        .map(|(provider, price)| input(provider, dec(price), Some(Decimal::from(1_000))))
        .collect()
}

pub(super) fn run(inputs: &[Input], memory: &Memory) -> Outcome {
    aggregate(&btc(), inputs, &BTreeMap::new(), memory, &Parameters::default(), now())
}

pub(super) fn quote(outcome: &Outcome) -> &Quote {
    match &outcome.verdict {
        Verdict::Price(quote) => quote,
        other @ (Verdict::Unconfirmed { .. } | Verdict::NoInput) => panic!("no price: {other:?}"),
    }
}

pub(super) fn excluded(outcome: &Outcome, provider: ProviderId) -> Option<Reason> {
    let classified = outcome.inputs.iter().find(|j| j.observation.provider == provider);
    classified.unwrap().excluded
}

#[test]
fn three_agreeing_providers_give_their_middle() {
    let outcome = run(&three(["100.0", "100.2", "100.1"]), &Memory::default());
    let quote = quote(&outcome);
    assert_eq!(quote.price, dec("100.1"));
    assert_eq!((quote.quality, quote.method), (Quality::Ok, Method::WeightedMedian));
    assert_eq!(quote.sources, ProviderId::ALL);
    assert_eq!(quote.as_of.to_string(), "2026-01-01T00:00:58Z");
    assert!(quote.flags.is_empty());
}

#[test]
fn a_liar_of_three_is_left_out_and_said_so() {
    let outcome = run(&three(["130", "100", "100.2"]), &Memory::default());
    let quote = quote(&outcome);
    assert_eq!(quote.price, dec("100.1"));
    assert_eq!(quote.quality, Quality::Degraded);
    assert_eq!(quote.flags, BTreeSet::from([Flag::OutlierExcluded]));
    assert_eq!(excluded(&outcome, ProviderId::Binance), Some(Reason::Outlier));
}

#[test]
fn a_removed_source_returns_below_half_of_the_limit() {
    // The limit is the floor, 1 % of 100: out beyond 1, back within 0.5.
    let out = run(&three(["101.5", "100", "100"]), &Memory::default());
    assert_eq!(excluded(&out, ProviderId::Binance), Some(Reason::Outlier));
    let hovering = run(&three(["100.8", "100", "100"]), &out.memory);
    assert_eq!(excluded(&hovering, ProviderId::Binance), Some(Reason::Outlier));
    let back = run(&three(["100.5", "100", "100"]), &hovering.memory);
    assert_eq!(excluded(&back, ProviderId::Binance), None);
    let never_removed = run(&three(["100.8", "100", "100"]), &Memory::default());
    assert_eq!(excluded(&never_removed, ProviderId::Binance), None);
}

#[test]
fn a_removed_source_stays_removed_when_one_of_the_others_goes_stale() {
    let out = run(&three(["130", "100", "100"]), &Memory::default());
    let mut inputs = three(["130", "100", "100"]);
    inputs[2].max_age = SignedDuration::ZERO;
    let after = run(&inputs, &out.memory);
    assert_eq!(quote(&after).price, dec("100"));
    assert_eq!(after.memory.removed, BTreeSet::from([ProviderId::Binance]));
}

#[test]
fn prices_in_tokens_are_converted_through_their_own_price() {
    let mut inputs = three(["100", "99", "99"]);
    inputs[0].observation.quote_currency = "USDT".parse().unwrap();
    let rates = BTreeMap::from([("USDT".parse().unwrap(), dec("0.99"))]);
    let outcome = aggregate(
        &btc(),
        &inputs,
        &rates,
        &Memory::default(),
        &Parameters::default(),
        now(),
    );
    assert_eq!(outcome.inputs[0].usd_price, Some(dec("99")));
    assert_eq!(quote(&outcome).sources.len(), 3);
}

#[test]
fn input_without_a_rate_is_left_out_while_others_remain() {
    let mut inputs = three(["100", "99", "99"]);
    inputs[0].observation.quote_currency = "USDT".parse().unwrap();
    let outcome = run(&inputs, &Memory::default());
    assert_eq!(excluded(&outcome, ProviderId::Binance), Some(Reason::NoQuoteRate));
    assert_eq!(quote(&outcome).price, dec("99"));
}

#[test]
fn dollar_token_without_a_rate_is_taken_at_par_when_alone() {
    let mut alone = three(["100", "99", "99"]);
    alone.truncate(1);
    alone[0].observation.quote_currency = "USDT".parse().unwrap();
    let outcome = run(&alone, &Memory::default());
    assert_eq!(quote(&outcome).price, dec("100"));
    assert_eq!(quote(&outcome).flags, BTreeSet::from([Flag::QuoteRateAssumed]));
    assert_eq!(quote(&outcome).quality, Quality::Degraded);
    alone[0].observation.quote_currency = "EUR".parse().unwrap();
    assert_eq!(run(&alone, &Memory::default()).verdict, Verdict::NoInput);
}

#[test]
fn a_stale_source_takes_no_part() {
    let mut inputs = three(["100", "100", "100"]);
    inputs[0].observation.quoted_at = Some("2025-12-31T23:59:00Z".parse().unwrap());
    let outcome = run(&inputs, &Memory::default());
    assert_eq!(excluded(&outcome, ProviderId::Binance), Some(Reason::Stale));
    for input in &mut inputs {
        input.max_age = SignedDuration::from_millis(1);
    }
    assert_eq!(run(&inputs, &Memory::default()).verdict, Verdict::NoInput);
}

#[test]
fn a_provider_clock_ahead_of_ours_is_no_reason_to_drop_or_to_date_into_the_future() {
    let mut inputs = three(["100", "100", "100"]);
    inputs[0].observation.quoted_at = Some("2026-01-01T00:01:01.27Z".parse().unwrap());
    let outcome = run(&inputs, &Memory::default());
    assert_eq!(excluded(&outcome, ProviderId::Binance), None);
    assert!(quote(&outcome).as_of <= now());
}

fn one(price: &str, quoted_at: &str) -> Vec<Input> {
    let mut one = input(ProviderId::Binance, dec(price), None);
    one.observation.quoted_at = Some(quoted_at.parse().unwrap());
    vec![one]
}

#[test]
fn a_jump_of_one_source_needs_a_second_word() {
    let before = run(&one("100", "2026-01-01T00:00:50Z"), &Memory::default());
    let jump = one("115", "2026-01-01T00:00:52Z");
    let first = run(&jump, &before.memory);
    assert_eq!(first.verdict, Verdict::Unconfirmed { price: dec("115") });
    // The same word read again is no confirmation.
    let same = run(&jump, &first.memory);
    assert_eq!(same.verdict, first.verdict);
    assert_eq!(same.memory, first.memory);
    let second = run(&one("114", "2026-01-01T00:00:54Z"), &same.memory);
    assert_eq!(quote(&second).price, dec("114"));
    assert_eq!(second.memory.pending, None);
}

#[test]
fn a_jump_that_falls_back_is_forgotten() {
    let before = run(&one("100", "2026-01-01T00:00:50Z"), &Memory::default());
    let spike = run(&one("200", "2026-01-01T00:00:52Z"), &before.memory);
    let back = run(&one("101", "2026-01-01T00:00:54Z"), &spike.memory);
    assert_eq!(quote(&back).price, dec("101"));
    let again = run(&one("200", "2026-01-01T00:00:56Z"), &back.memory);
    assert_eq!(again.verdict, Verdict::Unconfirmed { price: dec("200") });
}

#[test]
fn two_sources_confirm_a_jump_at_once() {
    let before = run(&one("100", "2026-01-01T00:00:50Z"), &Memory::default());
    let mut inputs = three(["80", "82", "82"]);
    inputs.truncate(2);
    assert_eq!(quote(&run(&inputs, &before.memory)).price, dec("81"));
}

#[test]
fn spreads_and_distances_make_the_confidence() {
    let mut inputs = three(["100", "100.2", "100.4"]);
    let outcome = run(&inputs, &Memory::default());
    assert_eq!(quote(&outcome).confidence, Some(dec("0.2")));
    inputs.truncate(1);
    assert_eq!(quote(&run(&inputs, &Memory::default())).confidence, None);
    inputs[0].observation.bid = Some(dec("99.9"));
    inputs[0].observation.ask = Some(dec("100.1"));
    assert_eq!(quote(&run(&inputs, &Memory::default())).confidence, Some(dec("0.1")));
}

#[rstest]
#[case(["1", "1", "8"], [1, 2, 3], "2.5")] // the last one holds most of the weight, and may not decide alone
#[case(["1", "1", "1"], [3, 1, 2], "2")]
fn weights_by_volume(#[case] volumes: [&str; 3], #[case] prices: [i64; 3], #[case] at_most: &str) {
    let prices = prices.map(|cents| (Decimal::from(10_000) + Decimal::from(cents)).to_string());
    let mut inputs = three([&prices[0], &prices[1], &prices[2]]);
    for (input, volume) in inputs.iter_mut().zip(volumes) {
        input.observation.volume_24h = Some(dec(volume));
    }
    let price = quote(&run(&inputs, &Memory::default())).price;
    assert!(price <= Decimal::from(10_000) + dec(at_most), "{price}");
}

#[rstest]
#[case::equal(["5", "5", "5"], ["0.333333333333", "0.333333333333", "0.333333333333"])]
#[case::capped_and_below_nine_tenths_of_the_others(["1", "1", "8"], ["0.1", "0.1", "0.18"])]
#[case::never_below_the_second(["5", "5", "0.01"], ["0.4", "0.4", "0.000999000999"])]
#[case::unknown_is_the_smallest_known(["2", "", "2"], ["0.333333333333", "0.333333333333", "0.333333333333"])]
#[case::impossible_is_unknown(["1", "2000000000000000000", "2"], ["0.25", "0.25", "0.4"])]
fn weight_is_limited(#[case] volumes: [&str; 3], #[case] expected: [&str; 3]) {
    let mut inputs = three(["100", "100", "100"]);
    for (input, volume) in inputs.iter_mut().zip(volumes) {
        input.observation.volume_24h = volume.parse().ok();
    }
    let outcome = run(&inputs, &Memory::default());
    let weights: Vec<_> = outcome
        .inputs
        .iter()
        .filter_map(|classified| classified.volume_weight)
        .collect();
    assert_eq!(weights, expected.map(dec));
}

#[test]
fn a_source_that_says_two_prices_of_one_moment_counts_with_the_lower() {
    let mut inputs = three(["100", "100", "100"]);
    inputs.push(input(ProviderId::Binance, dec("99.9"), None));
    for inputs in [inputs.clone(), inputs.into_iter().rev().collect()] {
        assert_eq!(
            run(&inputs, &Memory::default()).inputs[0].observation.price,
            dec("99.9")
        );
    }
}

#[test]
fn listing_providers_know_caps_and_supplies() {
    let mut inputs = three(["100", "100", "100"]);
    inputs[0].observation.volume_24h = Some(dec("5"));
    inputs[1].observation.volume_24h = Some(dec("7"));
    inputs[1].observation.market_cap = Some(dec("1000"));
    inputs[2].observation.volume_24h = None;
    let outcome = run(&inputs, &Memory::default());
    assert_eq!(quote(&outcome).volume_24h, Some(dec("7")));
    assert_eq!(quote(&outcome).market_cap, Some(dec("1000")));
    inputs.truncate(1);
    assert_eq!(quote(&run(&inputs, &Memory::default())).volume_24h, Some(dec("5")));
}

#[rstest]
#[case(&[(3, 1), (1, 1), (2, 1)], "2")]
#[case(&[(1, 1), (2, 1)], "1.5")]
#[case(&[(1, 3), (2, 1)], "1")]
#[case(&[(1, 0), (2, 0), (9, 0)], "2")]
fn weighted_medians(#[case] votes: &[(i64, i64)], #[case] expected: &str) {
    let votes: Vec<_> = votes
        .iter()
        .map(|(v, w)| (Decimal::from(*v), Decimal::from(*w)))
        .collect();
    assert_eq!(weighted_median(&votes), Some(dec(expected)));
}

fn any_inputs() -> impl Strategy<Value = Vec<Input>> {
    let price = (1_i64..2_000_000_000, 0_u32..10).prop_map(|(n, scale)| Decimal::new(n, scale));
    let volume = prop::option::of((0_i64..1_000_000_000_000).prop_map(Decimal::from));
    let age = -2_000_i64..90_000;
    let one = (price, volume, age, 0_i64..=100, any::<bool>());
    prop::collection::vec(one, 0..=3).prop_map(|list| {
        ProviderId::ALL
            .into_iter()
            .zip(list)
            .map(|(provider, (price, volume, age, reliability, spread))| {
                let mut made = input(provider, price, volume);
                made.observation.received_at = now();
                made.observation.quoted_at = Some(now() - SignedDuration::from_millis(age));
                made.observation.bid = spread.then_some(price);
                made.observation.ask = spread.then_some(price * Decimal::new(1001, 3));
                made.reliability = Decimal::new(reliability, 2);
                made
            })
            .collect()
    })
}

fn any_memory() -> impl Strategy<Value = Memory> {
    let last = prop::option::of((1_i64..2_000_000_000).prop_map(|n| Decimal::new(n, 4)));
    let removed = prop::collection::btree_set(prop::sample::select(ProviderId::ALL.to_vec()), 0..=3);
    (last, removed).prop_map(|(last, removed)| Memory {
        contest: None,
        last,
        removed,
        pending: None,
    })
}

#[test]
fn excluded_provider_leaves_no_other_to_decide_alone() {
    // Held below 0.9 times the others, the heaviest of these would leave the liar more than half of the weight.
    let [binance, coingecko, coinmarketcap] = [(1_004_218, 1, 1), (1_000_000, 37_877_278, 1), (981_240, 16, 2)];
    let inputs: Vec<Input> = ProviderId::ALL
        .into_iter()
        .zip([binance, coingecko, coinmarketcap])
        .map(|(provider, (cents, volume, reliability))| {
            let mut made = input(provider, Decimal::new(cents, 2), Some(Decimal::from(volume)));
            made.reliability = Decimal::new(reliability, 2);
            made
        })
        .collect();
    assert_eq!(quote(&run(&inputs, &Memory::default())).price, Decimal::from(10_000));
}

proptest! {
    #[test]
    fn the_order_of_arrival_never_matters(inputs in any_inputs(), memory in any_memory(), turn in 0_usize..3) {
        let mut turned = inputs.clone();
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
            turned.reverse();
        }
        prop_assert_eq!(run(&inputs, &memory), run(&turned, &memory));
    }

    #[test]
    fn the_price_lies_among_the_included_inputs(inputs in any_inputs(), memory in any_memory()) {
        let outcome = run(&inputs, &memory);
        if let Verdict::Price(quote) = &outcome.verdict {
            let included = || outcome.inputs.iter().filter(|j| j.excluded.is_none()).filter_map(|j| j.usd_price);
            prop_assert!(included().min().unwrap() <= quote.price);
            prop_assert!(included().max().unwrap() >= quote.price);
            prop_assert_eq!(included().count(), quote.sources.len());
            prop_assert!(quote.confidence.is_none_or(|c| c >= Decimal::ZERO));
        }
    }

    #[test]
    fn asking_twice_changes_nothing(inputs in any_inputs(), memory in any_memory()) {
        let first = run(&inputs, &memory);
        let second = run(&inputs, &first.memory);
        let third = run(&inputs, &second.memory);
        prop_assert_eq!(&second.memory, &third.memory);
        if let (Verdict::Price(a), Verdict::Price(b)) = (&second.verdict, &third.verdict) {
            prop_assert_eq!(a, b);
        }
    }

    #[test]
    fn one_liar_of_three_cannot_leave_the_honest_range(
        // As far apart as honest providers are: below the floor of the outlier limit.
        honest in (1_000_000_i64..1_009_000, 1_000_000_i64..1_009_000),
        lie in prop_oneof![1_i64..100_000_000, 980_000_i64..1_030_000],
        liar in 0_usize..3,
        volumes in [1_i64..1_000_000_000, 1_i64..1_000_000_000, 1_i64..1_000_000_000],
        reliabilities in [1_i64..=100, 1_i64..=100, 1_i64..=100],
    ) {
        let (a, b) = honest;
        let mut values: Vec<i64> = vec![a, b];
        values.insert(liar, lie);
        let inputs: Vec<Input> = (0..3)
            .map(|i| {
                let price = Decimal::new(values[i], 2);
                let mut made = input(ProviderId::ALL[i], price, Some(Decimal::from(volumes[i])));
                made.reliability = Decimal::new(reliabilities[i], 2);
                made
            })
            .collect();
        let outcome = run(&inputs, &Memory::default());
        let price = quote(&outcome).price;
        let (low, high) = (Decimal::new(a.min(b), 2), Decimal::new(a.max(b), 2));
        prop_assert!(low <= price && price <= high, "{} not in {}..{}", price, low, high);
    }
}
