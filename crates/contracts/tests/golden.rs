//! Pins every message: the golden text parses, and is written again to the byte.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use contracts::listing::ListingMessage;
use contracts::messages::{
    AlertEventMessage, DeliveryMessage, EndpointPace, MetricsMessage, ObservationMessage, QuoteMessage,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn round_trips<T: Serialize + DeserializeOwned>(golden: &str) {
    let golden = golden.trim_end();
    let message: T = serde_json::from_str(golden).unwrap();
    assert_eq!(serde_json::to_string(&message).unwrap(), golden);

    let newer = golden.replacen('{', r#"{"field_of_tomorrow":[1],"#, 1);
    serde_json::from_str::<T>(&newer).expect("readers ignore fields that they do not know");
}

#[test]
fn quote() {
    round_trips::<QuoteMessage>(include_str!("golden/quote.v1.json"));
}

#[test]
fn observation() {
    round_trips::<ObservationMessage>(include_str!("golden/observation.v1.json"));
}

#[test]
fn metrics() {
    round_trips::<MetricsMessage>(include_str!("golden/metrics.v1.json"));
}

#[test]
fn alert_events() {
    round_trips::<AlertEventMessage>(include_str!("golden/alert_event_triggered.v1.json"));
    round_trips::<AlertEventMessage>(include_str!("golden/alert_event_level_changed.v1.json"));
}

#[test]
fn listing() {
    round_trips::<ListingMessage>(include_str!("golden/listing_page.v1.json"));
    round_trips::<ListingMessage>(include_str!("golden/listing_unavailable.v1.json"));
}

#[test]
fn delivery() {
    round_trips::<DeliveryMessage>(include_str!("golden/delivery.v1.json"));
    // Messages that an older relay left in the queue.
    let older = r#"{"v":1,"delivery_id":"01933f4e-7a00-7000-8000-000000000005",
        "endpoint_id":"01933f4e-7a00-7000-8000-000000000006","attempt":1,"request_id":"r"}"#;
    let older: DeliveryMessage = serde_json::from_str(older).unwrap();
    assert_eq!(
        (older.user_id, older.destination, older.pace),
        (None, None, EndpointPace::Unknown)
    );
}
