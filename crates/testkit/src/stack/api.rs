//! The public API as a client sees it.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

const POLL: Duration = Duration::from_millis(50);

/// A client of the public API, with a key or without.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    base: String,
    key: Option<String>,
}

/// A registered user and the API as this user sees it.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: Uuid,
    pub api: Api,
}

impl Api {
    #[must_use]
    pub fn new(http: Client, base: String) -> Self {
        Self { http, base, key: None }
    }

    /// The same user at another gateway.
    #[must_use]
    pub fn at(&self, base: String) -> Self {
        Self { base, ..self.clone() }
    }

    /// A request to a path, with the key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.header("X-API-Key", key),
            None => request,
        }
    }

    /// `GET` that must succeed.
    ///
    /// # Panics
    ///
    /// It does not; the message shows the response.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let response = self.request(Method::GET, path).send().await.expect("a response");
        expect_json(response, 200, path).await
    }

    /// Registers a new user.
    ///
    /// # Panics
    ///
    /// The gateway refuses.
    pub async fn register(&self) -> Account {
        let email = format!("{}@example.com", Uuid::now_v7().simple());
        let path = "/api/v1/users/register";
        let request = self.request(Method::POST, path).json(&json!({"email": email}));
        let response: Value = expect_json(request.send().await.expect("a response"), 201, path).await;
        let text = |name: &str| response[name].as_str().unwrap_or_default().to_owned();
        let id = text("id").parse().expect("a user's id");
        let api = Self {
            key: Some(text("api_key")),
            ..self.clone()
        };
        Account { id, api }
    }

    /// Requests a price alert; the response may be a refusal.
    ///
    /// # Panics
    ///
    /// There is no response.
    pub async fn try_create_alert(&self, ticker: &str, condition: &str, target: &str, url: &str) -> Response {
        // A price as text keeps its digits; the API takes both.
        let body = format!(
            r#"{{"ticker":"{ticker}","condition":"{condition}","target_price":{target},"webhook_url":"{url}"}}"#
        );
        let request = self.request(Method::POST, "/api/v1/alerts/");
        let request = request.header("Content-Type", "application/json").body(body);
        request.send().await.expect("a response")
    }

    /// Makes a price alert and returns its id.
    ///
    /// # Panics
    ///
    /// The gateway refuses.
    pub async fn create_alert(&self, ticker: &str, condition: &str, target: &str, url: &str) -> Uuid {
        let response = self.try_create_alert(ticker, condition, target, url).await;
        let alert: Value = expect_json(response, 201, "POST /api/v1/alerts/").await;
        alert["id"].as_str().unwrap_or_default().parse().expect("an alert's id")
    }

    /// Waits until `/rates/` shows a price of the ticker within `tolerance` of `price`.
    ///
    /// # Panics
    ///
    /// It does not in time; the message shows the last response.
    pub async fn wait_for_price(&self, ticker: &str, price: f64, tolerance: f64, deadline: Duration) {
        let started = Instant::now();
        loop {
            let response = self
                .request(Method::GET, "/api/v1/rates/")
                .send()
                .await
                .expect("a response");
            let text = response.text().await.unwrap_or_default();
            let rates: Value = serde_json::from_str(&text).unwrap_or_default();
            if rates[ticker]
                .as_f64()
                .is_some_and(|shown| (shown - price).abs() <= tolerance)
            {
                return;
            }
            assert!(
                started.elapsed() < deadline,
                "waited {deadline:?} for {ticker} at {price}, the last response was {text}"
            );
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Reads a response that must have this status.
///
/// # Panics
///
/// It has another; the message shows the response.
async fn expect_json<T: DeserializeOwned>(response: Response, status: u16, what: &str) -> T {
    let found = response.status();
    let text = response.text().await.unwrap_or_default();
    assert_eq!(found.as_u16(), status, "{what}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"))
}
