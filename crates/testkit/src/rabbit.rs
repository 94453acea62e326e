//! A RabbitMQ vhost of one test, made and removed through the management interface.

use std::time::Duration;

use anyhow::Context;
use platform::amqp::Broker;
use platform::settings::RabbitSettings;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::{cleanup, environment};

/// A vhost of its own; it is removed with this value.
#[derive(Debug)]
pub struct TestRabbit {
    pub settings: RabbitSettings,
    pub url: String,
    vhost: String,
}

/// A new vhost.
///
/// # Panics
///
/// The management interface cannot be reached.
pub async fn rabbit() -> TestRabbit {
    create().await.expect("a RabbitMQ vhost")
}

impl TestRabbit {
    /// The broker, as services use it.
    #[must_use]
    pub fn broker(&self) -> Broker {
        Broker::connect(&self.settings).expect("a valid address")
    }

    /// Queries the management interface about a part of this vhost, such as `queues/{vhost}`.
    ///
    /// # Errors
    ///
    /// No response, or not the expected one.
    pub async fn management<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let path = path.replace("{vhost}", &self.vhost);
        let response = client()?.get(api(&path)?).send().await?.error_for_status()?;
        Ok(response.json().await?)
    }

    /// Closes every connection to this vhost from the broker's side, as its restart does.
    ///
    /// # Errors
    ///
    /// The management interface does not answer.
    pub async fn close_connections(&self) -> anyhow::Result<usize> {
        let found: Vec<serde_json::Value> = self.management("vhosts/{vhost}/connections").await?;
        let http = client()?;
        for connection in &found {
            let name = connection["name"].as_str().context("a connection without name")?;
            let mut url = api("connections")?;
            url.path_segments_mut().ok().context("address")?.push(name);
            http.delete(url).send().await?;
        }
        Ok(found.len())
    }

    /// Removes a queue with all its messages, as a broker that lost its data.
    ///
    /// # Errors
    ///
    /// The management interface does not answer.
    pub async fn delete_queue(&self, queue: &str) -> anyhow::Result<()> {
        let url = api(&format!("queues/{}/{queue}", self.vhost))?;
        client()?.delete(url).send().await?.error_for_status()?;
        Ok(())
    }
}

impl Drop for TestRabbit {
    fn drop(&mut self) {
        cleanup::run(&self.vhost, async {
            let url = api(&format!("vhosts/{}", self.vhost))?;
            client()?.delete(url).send().await?.error_for_status()?;
            Ok(())
        });
    }
}

async fn create() -> anyhow::Result<TestRabbit> {
    let vhost = format!("testkit-{}", Uuid::now_v7().simple());
    let http = client()?;
    http.put(api(&format!("vhosts/{vhost}"))?)
        .send()
        .await
        .with_context(|| format!("{} does not answer: run `make test`", environment::RABBIT_API))?
        .error_for_status()?;
    let user = api("")?.username().to_owned();
    http.put(api(&format!("permissions/{vhost}/{user}"))?)
        .json(&json!({"configure": ".*", "write": ".*", "read": ".*"}))
        .send()
        .await?
        .error_for_status()?;
    let mut url: Url = environment::address(environment::RABBIT)
        .parse()
        .context(environment::RABBIT)?;
    url.set_path(&vhost);
    let url = String::from(url);
    let settings = RabbitSettings::from_url(&url);
    Ok(TestRabbit { settings, url, vhost })
}

fn api(path: &str) -> anyhow::Result<Url> {
    let base: Url = environment::address(environment::RABBIT_API)
        .parse()
        .context(environment::RABBIT_API)?;
    Ok(base.join("/api/")?.join(path)?)
}

fn client() -> anyhow::Result<reqwest::Client> {
    platform::tls::install_provider();
    Ok(reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()?)
}
