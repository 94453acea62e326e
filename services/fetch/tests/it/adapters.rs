//! The real adapters against a local server that answers what the providers were recorded to answer.

use std::time::Duration;

use domain::asset::Asset;
use domain::ticker::ProviderId;
use fetch::providers::binance::Binance;
use fetch::providers::coingecko::CoinGecko;
use fetch::providers::coinmarketcap::CoinMarketCap;
use fetch::providers::http::{Http, Limits};
use fetch::providers::{ErrorKind, ParsedBatch, Provider, ProviderError, Retry};
use platform::clock::SystemClock;
use rstest::rstest;
use secrecy::SecretString;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::fixture;

const CMC_PATH: &str = "/v2/cryptocurrency/quotes/latest";

fn limits() -> Limits {
    Limits {
        timeout: Duration::from_millis(400),
        body_bytes: 1 << 20,
    }
}

fn provider(id: ProviderId, server: &MockServer) -> Box<dyn Provider> {
    let base = server.uri().parse().unwrap();
    let http = Http::new(&base, limits(), SystemClock::shared()).unwrap();
    let key = SecretString::from("secret-key");
    match id {
        ProviderId::Binance => Box::new(Binance::new(http, base)),
        ProviderId::CoinGecko => Box::new(CoinGecko::new(http, base, key)),
        ProviderId::CoinMarketCap => Box::new(CoinMarketCap::new(http, base, CMC_PATH.to_owned(), key)),
    }
}

fn assets() -> Vec<Asset> {
    let wanted = ["BTC", "ETH", "DOGE"];
    let all = fetch::assets::load("").unwrap();
    all.into_iter()
        .filter(|asset| wanted.contains(&asset.ticker.as_str()))
        .collect()
}

async fn ask(id: ProviderId, answer: ResponseTemplate) -> Result<ParsedBatch, ProviderError> {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    provider(id, &server).observations(&assets()).await
}

fn recorded(status: u16, name: &str) -> Option<ResponseTemplate> {
    let body = fixture(name)?;
    Some(ResponseTemplate::new(status).set_body_raw(body, "application/json"))
}

#[tokio::test]
async fn a_recorded_day_of_binance_is_understood() {
    let Some(answer) = recorded(200, "binance/rest_ticker_24hr_all.json") else {
        return;
    };
    let batch = ask(ProviderId::Binance, answer).await.unwrap();
    let rows: Vec<_> = batch
        .observations
        .iter()
        .map(|o| format!("{} {} {}", o.ticker, o.price, o.quote_currency))
        .collect();
    assert_eq!(
        rows,
        [
            "BTC 9912.33000000 USDT",
            "ETH 184.80000000 USDT",
            "DOGE 0.00258700 USDT"
        ]
    );
    assert!(batch.rejected.is_empty());
}

#[tokio::test]
async fn a_recorded_list_of_coinmarketcap_is_understood() {
    let Some(answer) = recorded(200, "coinmarketcap/rest_listings_latest_2021.json") else {
        return;
    };
    let batch = ask(ProviderId::CoinMarketCap, answer).await.unwrap();
    let btc = &batch.observations[0];
    assert_eq!(
        (btc.ticker.as_str(), btc.price.to_string()),
        ("BTC", "56507.38254720854".to_owned())
    );
    assert_eq!(btc.market_cap.unwrap().to_string(), "1055965437224.7859");
    assert_eq!(batch.observations.len(), 3);
}

#[tokio::test]
async fn recorded_markets_of_coingecko_are_understood() {
    let Some(answer) = recorded(200, "coingecko/rest_markets_2024.json") else {
        return;
    };
    let batch = ask(ProviderId::CoinGecko, answer).await.unwrap();
    let [btc] = batch.observations.as_slice() else {
        panic!("{batch:?}")
    };
    assert_eq!(btc.quote_currency.as_str(), "USD");
    assert_eq!(btc.quoted_at.unwrap().to_string(), "2024-04-07T16:49:31.736Z");
}

#[rstest]
#[case(
    ProviderId::Binance,
    429,
    "binance/error_429_weight.json",
    Some("17"),
    ErrorKind::RateLimited,
    Some(17)
)]
#[case(
    ProviderId::Binance,
    451,
    "binance/error_451_restricted.json",
    None,
    ErrorKind::Restricted,
    None
)]
#[case(
    ProviderId::CoinGecko,
    429,
    "coingecko/error_429.json",
    Some("119"),
    ErrorKind::RateLimited,
    Some(119)
)]
#[case(
    ProviderId::CoinGecko,
    422,
    "coingecko/error_markets_missing_vs_currency_422.json",
    None,
    ErrorKind::BadRequest,
    None
)]
#[case(
    ProviderId::CoinMarketCap,
    401,
    "coinmarketcap/error_401_1002.json",
    None,
    ErrorKind::Auth,
    None
)]
#[case(
    ProviderId::CoinMarketCap,
    429,
    "coinmarketcap/error_429_1008.json",
    None,
    ErrorKind::RateLimited,
    Some(60)
)]
#[tokio::test]
async fn recorded_refusals_are_typed(
    #[case] id: ProviderId,
    #[case] status: u16,
    #[case] name: &str,
    #[case] retry_after: Option<&str>,
    #[case] kind: ErrorKind,
    #[case] after: Option<u64>,
) {
    let Some(mut answer) = recorded(status, name) else {
        return;
    };
    if let Some(text) = retry_after {
        answer = answer.insert_header("retry-after", text);
    }
    let error = ask(id, answer).await.unwrap_err();
    assert_eq!((error.kind(), error.retry().after_seconds()), (kind, after), "{error}");
}

#[rstest]
#[case::html(ResponseTemplate::new(200).set_body_string("<!DOCTYPE html><html>"), ErrorKind::InvalidPayload)]
#[case::truncated(ResponseTemplate::new(200).set_body_string("[{\"symbol\":\"BTCUSDT\",\"lastPri"), ErrorKind::InvalidPayload)]
#[case::empty(ResponseTemplate::new(200), ErrorKind::InvalidPayload)]
#[case::other(ResponseTemplate::new(200).set_body_string("\"pong\""), ErrorKind::InvalidPayload)]
#[case::too_large(ResponseTemplate::new(200).set_body_string("x".repeat(2 << 20)), ErrorKind::InvalidPayload)]
#[case::redirect(ResponseTemplate::new(302).insert_header("location", "/elsewhere"), ErrorKind::InvalidPayload)]
#[case::failing(ResponseTemplate::new(502).set_body_string("<html>Bad gateway"), ErrorKind::Unavailable)]
#[case::slow(ResponseTemplate::new(200).set_delay(Duration::from_secs(20)), ErrorKind::Unavailable)]
#[tokio::test]
async fn nonsense_is_typed_at_every_provider(#[case] answer: ResponseTemplate, #[case] kind: ErrorKind) {
    for id in ProviderId::ALL {
        let error = ask(id, answer.clone()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (kind, Retry::WithBackoff),
            "{id}: {error}"
        );
    }
}

#[tokio::test]
async fn one_bad_entry_spoils_only_itself() {
    let body = r#"[{"symbol":"BTCUSDT","lastPrice":"abc","closeTime":1},7,null,{"symbol":"ETHUSDT","lastPrice":"5.5"},
        {"symbol":"DOGEUSDT","lastPrice":"1e-9","closeTime":99999999999999},{"symbol":"XYZUSDT","lastPrice":"1"}]"#;
    let batch = ask(ProviderId::Binance, ResponseTemplate::new(200).set_body_string(body))
        .await
        .unwrap();
    assert_eq!(batch.observations.len(), 1);
    let reasons: Vec<_> = batch.rejected.iter().map(|rejected| rejected.reason.as_str()).collect();
    assert_eq!(reasons, ["not_a_number", "malformed", "malformed", "time_out_of_range"]);
}

#[tokio::test]
async fn providers_are_asked_as_they_document_it() {
    let server = MockServer::start().await;
    let list = r#"["BTCUSDT","ETHUSDT","DOGEUSDT"]"#;
    Mock::given(path("/api/v3/ticker/24hr"))
        .and(query_param("symbols", list))
        .respond_with(ResponseTemplate::new(200).set_body_string("[]"))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/coins/markets"))
        .and(query_param("ids", "bitcoin,ethereum,dogecoin"))
        .and(query_param("vs_currency", "usd"))
        .and(header("x-cg-demo-api-key", "secret-key"))
        .respond_with(ResponseTemplate::new(200).set_body_string("[]"))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path(CMC_PATH))
        .and(query_param("id", "1,1027,74"))
        .and(query_param("skip_invalid", "true"))
        .and(header("X-CMC_PRO_API_KEY", "secret-key"))
        .respond_with(ResponseTemplate::new(200).set_body_string(r#"{"status":{"error_code":0},"data":{}}"#))
        .expect(1)
        .mount(&server)
        .await;
    for id in ProviderId::ALL {
        assert_eq!(
            provider(id, &server).observations(&assets()).await.unwrap(),
            ParsedBatch::default()
        );
    }
}

#[tokio::test]
async fn a_failure_tells_no_address_and_no_key() {
    let base = "http://127.0.0.1:1/?key=secret-key".parse().unwrap();
    let http = Http::new(&base, limits(), SystemClock::shared()).unwrap();
    let error = Binance::new(http, base).observations(&assets()).await.unwrap_err();
    let anyhow = anyhow::Error::new(error);
    assert!(!format!("{anyhow:#}").contains("secret-key"), "{anyhow:#}");
}
