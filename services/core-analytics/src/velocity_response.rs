//! Everything about the velocity of one token: pure.

use contracts::api::tokens::{
    CalculationDetails, TokenQuality, TrendAnalysis, VelocityBody, VelocityHistoryPoint, VelocityMetrics,
};
use contracts::number::{Float, Number};
use domain::data_quality::DataQuality;
use domain::velocity::{
    Momentum, Timeframe, VelocityMethod, VelocityPoint, WindowSummary, summarise, trend, volatility_score,
};
use jiff::{SignedDuration, Timestamp};

use crate::listing;
use crate::store::StoredToken;
use crate::token_response::View;

/// The velocities of a token, and how they are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Velocities<'a> {
    /// Ascending.
    pub points: &'a [VelocityPoint],
    pub now: Timestamp,
    /// How long a point holds, at most.
    pub max_hold: SignedDuration,
}

impl Velocities<'_> {
    pub fn summary(&self, timeframe: Timeframe) -> WindowSummary {
        summarise(self.points, timeframe.duration(), self.now, self.max_hold)
    }

    pub fn mean(&self, timeframe: Timeframe) -> Option<Float> {
        self.summary(timeframe).mean.and_then(Float::finite)
    }

    fn trend(&self, timeframe: Timeframe) -> String {
        trend(self.points, timeframe.duration(), self.now, self.max_hold).to_string()
    }
}

/// How good the figures of a token are now.
pub fn quality(stored: &StoredToken, view: &View<'_>, velocities: &Velocities<'_>) -> DataQuality {
    let age = view.now.duration_since(stored.token.quoted_at);
    let coverage = velocities.summary(Timeframe::H24).coverage;
    listing::quality(&stored.token, age, view.max_age, coverage)
}

pub fn quality_body(quality: &DataQuality) -> TokenQuality {
    TokenQuality {
        score: Float(quality.score()),
        freshness: Float(quality.freshness),
        agreement: Float(quality.agreement),
        completeness: Float(quality.completeness),
        coverage: Float(quality.coverage),
    }
}

/// What is asked for beside the means.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub timeframe: Timeframe,
    pub history: bool,
}

pub fn velocity_body(
    stored: &StoredToken,
    view: &View<'_>,
    velocities: &Velocities<'_>,
    wanted: Wanted,
) -> VelocityBody {
    let token = &stored.token;
    let market_cap = match stored.velocity_method {
        VelocityMethod::Fdv => token.fully_diluted_market_cap,
        VelocityMethod::MarketCap | VelocityMethod::Unavailable => token.market_cap,
    };
    VelocityBody {
        token_id: token.token_id,
        symbol: token.symbol.clone(),
        velocity_metrics: VelocityMetrics {
            current_velocity: stored.velocity.and_then(Float::finite),
            velocity_1h: velocities.mean(Timeframe::H1),
            velocity_4h: velocities.mean(Timeframe::H4),
            velocity_12h: velocities.mean(Timeframe::H12),
            velocity_24h: velocities.mean(Timeframe::H24),
            velocity_7d: velocities.mean(Timeframe::D7),
            velocity_30d: velocities.mean(Timeframe::D30),
        },
        trend_analysis: Some(trend_analysis(velocities, wanted.timeframe)),
        calculation_details: CalculationDetails {
            volume_24h: token.volume_24h.map(Number),
            market_cap: market_cap.map(Number),
            method: stored.velocity_method.to_string(),
            calculation_time: velocities.now.into(),
            data_quality_score: Float(quality(stored, view, velocities).score()),
            flags: view.flags(stored),
        },
        history: wanted.history.then(|| history(velocities, wanted.timeframe)),
    }
}

fn trend_analysis(velocities: &Velocities<'_>, timeframe: Timeframe) -> TrendAnalysis {
    let momentum = Momentum::of(&velocities.summary(Timeframe::H1), &velocities.summary(Timeframe::D7));
    TrendAnalysis {
        trend_1h: velocities.trend(Timeframe::H1),
        trend_4h: velocities.trend(Timeframe::H4),
        trend_12h: velocities.trend(Timeframe::H12),
        trend_24h: velocities.trend(Timeframe::H24),
        trend_7d: velocities.trend(Timeframe::D7),
        volatility_score: volatility_score(&velocities.summary(timeframe)).and_then(Float::finite),
        momentum_indicator: momentum.map(|momentum| momentum.to_string()),
    }
}

fn history(velocities: &Velocities<'_>, timeframe: Timeframe) -> Vec<VelocityHistoryPoint> {
    let from = velocities.now - timeframe.duration();
    let points = velocities.points.iter().filter(|point| point.at() >= from);
    points
        .map(|point| VelocityHistoryPoint {
            t: point.at().into(),
            velocity: point.value().and_then(Float::finite),
        })
        .collect()
}
