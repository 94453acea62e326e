//! Redis is flushed and stopped, RabbitMQ and PostgreSQL are stopped, in the middle of two hundred alerts.

use testkit::stack::{Postgres, Rabbit, Redis};
use testkit::{OwnPostgres, OwnRabbit, OwnRedis, TestStack, TestStackOptions};

use crate::campaign::{Campaign, STEPS};

const THIRD: usize = STEPS / 3;

#[tokio::test]
async fn redis_may_be_flushed() {
    let mut stack = TestStack::start().await;
    let campaign = Campaign::prepare(&stack).await;
    campaign.climb(&stack, 0..THIRD).await;
    stack.redis.flush().await;
    campaign.climb(&stack, THIRD..2 * THIRD).await;
    stack.redis.flush().await;
    campaign.climb(&stack, 2 * THIRD..STEPS).await;
    campaign.verify(&mut stack).await;
}

#[tokio::test]
async fn redis_may_be_stopped() {
    let mut options = TestStackOptions::shared().await;
    options.redis = Redis::Own(Box::new(OwnRedis::start().await));
    let mut stack = TestStack::start_with(options).await;
    let campaign = Campaign::prepare(&stack).await;
    campaign.climb(&stack, 0..THIRD).await;
    stack.redis.own().stop();
    campaign.climb(&stack, THIRD..2 * THIRD).await;
    stack.redis.own().resume().await;
    campaign.climb(&stack, 2 * THIRD..STEPS).await;
    campaign.verify(&mut stack).await;
}

#[tokio::test]
async fn postgres_may_be_stopped() {
    let mut options = TestStackOptions::shared().await;
    options.postgres = Postgres::Own(Box::new(OwnPostgres::start().await));
    let mut stack = TestStack::start_with(options).await;
    let campaign = Campaign::prepare(&stack).await;
    campaign.climb(&stack, 0..THIRD).await;
    stack.postgres.own().stop().await;
    campaign.climb(&stack, THIRD..2 * THIRD).await;
    stack.postgres.own().resume().await;
    campaign.climb(&stack, 2 * THIRD..STEPS).await;
    campaign.verify(&mut stack).await;
}

#[tokio::test]
async fn rabbit_may_be_stopped() {
    let mut options = TestStackOptions::shared().await;
    options.rabbit = Rabbit::Own(Box::new(OwnRabbit::start().await));
    let mut stack = TestStack::start_with(options).await;
    let campaign = Campaign::prepare(&stack).await;
    campaign.climb(&stack, 0..THIRD).await;
    stack.rabbit.own().stop().await;
    campaign.climb(&stack, THIRD..2 * THIRD).await;
    stack.rabbit.own().resume().await;
    campaign.climb(&stack, 2 * THIRD..STEPS).await;
    campaign.verify(&mut stack).await;
}
