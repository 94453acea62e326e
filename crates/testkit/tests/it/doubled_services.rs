//! Every service runs twice, and still nothing fires twice.

use testkit::{Service, TestStack, TestStackOptions};

use crate::campaign::{Campaign, STEPS};

#[tokio::test]
async fn doubled_services_fire_nothing_twice() {
    let options = TestStackOptions::shared().await.doubled(&Service::ALL);
    let mut stack = TestStack::start_with(options).await;
    let campaign = Campaign::prepare(&stack).await;
    campaign.climb(&stack, 0..STEPS).await;
    campaign.verify(&mut stack).await;
    assert_eq!(
        stack.sink.count(),
        crate::campaign::ALERTS,
        "nothing was disturbed, so nothing was repeated"
    );
}
