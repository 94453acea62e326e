//! The ledger of credits: what requests to a provider cost, of all processes together, in PostgreSQL.
//!
//! A page of a listing is charged before it is asked for and settled after the answer, so that a process that dies in
//! between has counted too much rather than too little. Other requests are counted by a meter and written down soon.

use std::time::Duration;

use deadpool_postgres::Pool;
use domain::ticker::ProviderId;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use platform::clock::SharedClock;
use platform::postgres::StoreError;
use tokio_util::sync::CancellationToken;

use crate::listing::budget::Usage;
use crate::providers::CreditMeter;
use crate::store::provider_credits;

/// Between two looks at the meter.
const METER_INTERVAL: Duration = Duration::from_secs(10);

/// A moment further ahead of ours was written by a wrong clock.
const MAX_CLOCK_LEAD: SignedDuration = SignedDuration::from_mins(5);

#[derive(Clone)]
pub struct Ledger {
    postgres: Pool,
    provider: ProviderId,
    clock: SharedClock,
}

/// Credits that were charged before the request.
#[derive(Debug)]
#[must_use = "what the request really cost has to be settled"]
pub struct Charge {
    day: Date,
    credits: u64,
    at: Timestamp,
}

fn signed(credits: u64) -> i64 {
    i64::try_from(credits).unwrap_or(i64::MAX)
}

impl Ledger {
    pub fn new(postgres: Pool, provider: ProviderId, clock: SharedClock) -> Self {
        Self {
            postgres,
            provider,
            clock,
        }
    }

    fn today(&self) -> Date {
        self.clock.now().to_zoned(TimeZone::UTC).date()
    }

    /// What was spent in this month and today.
    ///
    /// # Errors
    ///
    /// PostgreSQL does not answer.
    pub async fn usage(&self) -> Result<Usage, StoreError> {
        let client = self.postgres.get().await?;
        let day = self.today();
        let latest = self.clock.now().checked_add(MAX_CLOCK_LEAD).unwrap_or(Timestamp::MAX);
        let month = day.first_of_month();
        let spent = provider_credits::spent(&client, self.provider.as_str(), month, day, latest).await?;
        Ok(Usage {
            month: u64::try_from(spent.month).unwrap_or(0),
            day: u64::try_from(spent.day).unwrap_or(0),
            listed_at: spent.listed_at,
            arrived_at: spent.arrived_at,
        })
    }

    /// Notes that a listing came and was published. If that cannot be written, the next process takes it for lost, which
    /// costs a listing of the fallback.
    pub async fn arrived(&self) {
        let written = async {
            let client = self.postgres.get().await?;
            provider_credits::arrived(&client, self.provider.as_str(), self.today(), self.clock.now()).await
        };
        if let Err(error) = written.await.map_err(anyhow::Error::from) {
            tracing::warn!(provider = %self.provider, error = format!("{error:#}"), "arrival of the listing is not noted");
        }
    }

    /// Charges what a page of a listing will cost.
    ///
    /// # Errors
    ///
    /// PostgreSQL does not answer: then the page must not be asked for.
    pub async fn charge(&self, credits: u64) -> Result<Charge, StoreError> {
        let charge = Charge {
            day: self.today(),
            credits,
            at: self.clock.now(),
        };
        self.add(charge.day, signed(credits), Some(charge.at)).await?;
        Ok(charge)
    }

    /// Corrects a charge to what the page did cost. If that cannot be written, the charge stands.
    pub async fn settle(&self, charge: Charge, credits: u64) {
        let difference = signed(credits) - signed(charge.credits);
        if difference == 0 {
            return;
        }
        // On the day of the charge: it may be another one by now.
        if let Err(error) = self
            .add(charge.day, difference, None)
            .await
            .map_err(anyhow::Error::from)
        {
            tracing::warn!(
                provider = %self.provider,
                difference,
                error = format!("{error:#}"),
                "the charge for a page of the listing is not corrected"
            );
        }
    }

    async fn add(&self, day: Date, credits: i64, listed_at: Option<Timestamp>) -> Result<(), StoreError> {
        let client = self.postgres.get().await?;
        provider_credits::add(&client, self.provider.as_str(), day, credits, listed_at).await
    }

    /// Writes down what the meter has counted. What cannot be written stays in it.
    ///
    /// # Errors
    ///
    /// PostgreSQL does not answer.
    pub async fn write_down(&self, meter: &CreditMeter) -> Result<(), StoreError> {
        let credits = meter.take();
        if credits == 0 {
            return Ok(());
        }
        let written = self.add(self.today(), signed(credits), None).await;
        if written.is_err() {
            meter.add(credits);
        }
        written
    }

    /// Writes down what the meter counts, until the stop and once more at it.
    pub async fn run_meter(self, meter: CreditMeter, stop: CancellationToken) -> anyhow::Result<()> {
        let mut is_failing = false;
        loop {
            let stopped = stop
                .run_until_cancelled(tokio::time::sleep(METER_INTERVAL))
                .await
                .is_none();
            match self.write_down(&meter).await.map_err(anyhow::Error::from) {
                Ok(()) => is_failing = false,
                Err(error) => {
                    if !is_failing {
                        tracing::warn!(provider = %self.provider, error = format!("{error:#}"), "credits wait to be written");
                    }
                    is_failing = true;
                }
            }
            if stopped {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use platform::clock::{Clock, FakeClock};

    use super::*;

    fn clock(at: &str) -> FakeClock {
        FakeClock::new(at.parse().unwrap())
    }

    #[tokio::test]
    async fn credits_of_all_processes_add_up() {
        let database = testkit::database().await;
        let now = clock("2026-03-31T23:59:00Z");
        let ledger = |provider| Ledger::new(database.pool.clone(), provider, now.shared());
        let (first, second) = (ledger(ProviderId::CoinMarketCap), ledger(ProviderId::CoinMarketCap));
        let work = |ledger: Ledger| async move {
            for _ in 0..20 {
                let charge = ledger.charge(5).await.unwrap();
                ledger.settle(charge, 4).await;
            }
        };
        tokio::join!(work(first.clone()), work(second));
        let usage = first.usage().await.unwrap();
        assert_eq!((usage.month, usage.day, usage.listed_at), (160, 160, Some(now.now())));
        let other = ledger(ProviderId::CoinGecko).usage().await.unwrap();
        assert_eq!(other, Usage::default());
    }

    #[tokio::test]
    async fn wrong_clock_silences_nobody() {
        let database = testkit::database().await;
        let now = clock("2026-03-30T12:00:00Z");
        let ledger = Ledger::new(database.pool.clone(), ProviderId::CoinMarketCap, now.shared());
        // Later on the same day, and in another year.
        for wrong in ["2026-03-30T22:00:00Z", "2036-03-30T12:00:00Z"] {
            now.set(wrong.parse().unwrap());
            let charge = ledger.charge(5).await.unwrap();
            ledger.settle(charge, 5).await;
            ledger.arrived().await;
        }
        now.set("2026-03-30T12:00:00Z".parse().unwrap());
        let usage = ledger.usage().await.unwrap();
        assert_eq!((usage.month, usage.day), (5, 5));
        assert_eq!((usage.listed_at, usage.arrived_at), (None, None));
        let _ = ledger.charge(5).await.unwrap();
        assert_eq!(ledger.usage().await.unwrap().listed_at, Some(now.now()));
    }

    #[tokio::test]
    async fn no_number_of_credits_is_too_large() {
        let database = testkit::database().await;
        let now = clock("2026-03-30T12:00:00Z");
        let ledger = Ledger::new(database.pool.clone(), ProviderId::CoinMarketCap, now.shared());
        for _ in 0..2 {
            let charge = ledger.charge(u64::MAX).await.unwrap();
            ledger.settle(charge, u64::MAX).await;
            now.set("2026-03-31T12:00:00Z".parse().unwrap());
        }
        assert!(ledger.usage().await.unwrap().month > 1_000_000_000);
    }

    #[tokio::test]
    async fn listing_that_never_came_is_told() {
        let database = testkit::database().await;
        let now = clock("2026-03-30T23:59:59Z");
        let ledger = Ledger::new(database.pool.clone(), ProviderId::CoinMarketCap, now.shared());
        assert!(!ledger.usage().await.unwrap().is_unanswered());
        let _ = ledger.charge(5).await.unwrap();
        assert!(ledger.usage().await.unwrap().is_unanswered());
        now.set("2026-03-31T00:00:01Z".parse().unwrap());
        ledger.arrived().await;
        assert!(!ledger.usage().await.unwrap().is_unanswered());
        now.set("2026-03-31T00:05:00Z".parse().unwrap());
        let _ = ledger.charge(5).await.unwrap();
        assert!(ledger.usage().await.unwrap().is_unanswered());
    }

    #[tokio::test]
    async fn charge_is_settled_on_its_own_day() {
        let database = testkit::database().await;
        let now = clock("2026-03-30T23:59:59Z");
        let ledger = Ledger::new(database.pool.clone(), ProviderId::CoinMarketCap, now.shared());
        let charge = ledger.charge(5).await.unwrap();
        now.set("2026-03-31T00:00:01Z".parse().unwrap());
        ledger.settle(charge, 0).await;
        assert_eq!(ledger.usage().await.unwrap().month, 0);
        let meter = CreditMeter::default();
        meter.add(3);
        ledger.write_down(&meter).await.unwrap();
        ledger.write_down(&meter).await.unwrap();
        let usage = ledger.usage().await.unwrap();
        assert_eq!((usage.month, usage.day), (3, 3));
        now.set("2026-04-01T00:00:00Z".parse().unwrap());
        let usage = ledger.usage().await.unwrap();
        assert_eq!((usage.month, usage.day), (0, 0));
        assert!(usage.listed_at.is_some());
    }
}
