//! Whether the broker does what a publisher needs of it.

use std::time::Duration;

use anyhow::{Context, anyhow};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel};
use tokio::sync::Mutex;

use super::connector::{Connector, declare};

/// Longest wait for one answer; a broker under an alarm gives none until the alarm is over.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);
/// No queue has this name, so the broker confirms the message and drops it.
const NOWHERE: &str = "cryptolens.health";

/// The number of consumers, or why the broker is of no use.
type Outcome = Result<u32, String>;
/// The outcome, and the channel if it may be used again.
type Answer = (Outcome, Option<Channel>);

/// The check of one broker. It has a connection of its own, because an alarm blocks every connection that publishes.
pub(super) struct Check {
    connector: Connector,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In use until a check fails: the next one opens a new connection.
    connector: Option<Connector>,
    /// The question that has no answer yet. It is not asked again meanwhile: each would block one more channel.
    pending: Option<Shared<BoxFuture<'static, Answer>>>,
    channel: Option<Channel>,
}

impl Check {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            state: Mutex::default(),
        }
    }

    pub(super) async fn run(&self, queue: &str) -> anyhow::Result<u32> {
        let mut state = self.state.lock().await;
        let pending = match state.pending.clone() {
            Some(pending) => pending,
            None => {
                let connector = state.connector.get_or_insert_with(|| self.connector.separate()).clone();
                let question = query(connector, state.channel.take(), queue.to_owned());
                let asked = tokio::spawn(question).map(|end| end.unwrap_or_else(|end| (Err(end.to_string()), None)));
                state.pending.insert(asked.boxed().shared()).clone()
            }
        };
        let (outcome, channel) = pending.await;
        state.pending = None;
        state.channel = channel;
        if outcome.is_err() && state.channel.is_none() {
            state.connector = None;
        }
        outcome.map_err(|error| anyhow!(error))
    }
}

async fn query(connector: Connector, channel: Option<Channel>, queue: String) -> Answer {
    let asking = async {
        let channel = match channel.filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => {
                let channel = connector.channel().await?;
                channel.confirm_select(ConfirmSelectOptions::default()).await?;
                channel
            }
        };
        let consumers = declare(&channel, &queue).await?.consumer_count();
        let options = BasicPublishOptions::default();
        let confirm = channel
            .basic_publish("".into(), NOWHERE.into(), options, b"", BasicProperties::default())
            .await?;
        confirm.await.context("RabbitMQ confirmation")?;
        anyhow::Ok((consumers, channel))
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, asking).await {
        Ok(Ok((consumers, channel))) => (Ok(consumers), Some(channel)),
        Ok(Err(error)) => (Err(format!("{error:#}")), None),
        Err(_) => (Err("RabbitMQ did not answer in time".to_owned()), None),
    }
}
