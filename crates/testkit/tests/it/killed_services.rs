//! Each service in turn is killed with -9 in the middle of two hundred alerts, and started again.

use testkit::{Service, TestStack};

use crate::campaign::{Campaign, STEPS};

async fn survive(service: Service) {
    let mut stack = TestStack::start().await;
    let campaign = Campaign::prepare(&stack).await;
    let third = STEPS / 3;
    campaign.climb(&stack, 0..third).await;
    stack.kill(service);
    campaign.climb(&stack, third..2 * third).await;
    stack.restart(service).await;
    campaign.climb(&stack, 2 * third..STEPS).await;
    campaign.verify(&mut stack).await;
}

#[tokio::test]
async fn fetch_may_be_killed() {
    survive(Service::Fetch).await;
}

#[tokio::test]
async fn core_analytics_may_be_killed() {
    survive(Service::CoreAnalytics).await;
}

#[tokio::test]
async fn alerts_may_be_killed() {
    survive(Service::Alerts).await;
}

#[tokio::test]
async fn gateway_may_be_killed() {
    survive(Service::Gateway).await;
}

#[tokio::test]
async fn alerts_may_be_killed_again_and_again() {
    let mut stack = TestStack::start().await;
    let campaign = Campaign::prepare(&stack).await;
    // Each time right after a step, while alerts fire and webhooks are under way.
    for step in 0..STEPS {
        campaign.climb(&stack, step..step + 1).await;
        if step % 4 == 1 {
            stack.kill(Service::Alerts);
            stack.restart(Service::Alerts).await;
        }
    }
    campaign.verify(&mut stack).await;
}
