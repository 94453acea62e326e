//! `/internal/risk/monitors`: the newest risk levels.

use actix_web::web;
use contracts::api::alerts::{MonitorBody, MonitorsQuery};
use contracts::problem::ProblemKind;
use domain::ticker::Ticker;
use platform::problem::{FieldError, Problem};

use crate::monitors::unknown_checks;
use crate::state::AppState;
use crate::store::monitors::{self, MonitorState};

/// `GET /internal/risk/monitors`: of the assets in `symbols`, of all watched ones by default.
pub async fn list(
    state: web::Data<AppState>,
    query: web::Query<MonitorsQuery>,
) -> Result<web::Json<Vec<MonitorBody>>, Problem> {
    let wanted = match &query.symbols {
        Some(symbols) => parse_symbols(symbols, &state.supported)?,
        None => state.supported.clone(),
    };
    let mut known = monitors::list(&state.pool).await?;
    let body = |ticker: Ticker| to_body(&state, known.remove(&ticker), ticker);
    Ok(web::Json(wanted.into_iter().map(body).collect()))
}

fn parse_symbols(symbols: &str, supported: &[Ticker]) -> Result<Vec<Ticker>, Problem> {
    let mut wanted = Vec::new();
    let mut errors = Vec::new();
    for symbol in symbols.split(',').map(str::trim) {
        match symbol.parse::<Ticker>() {
            Ok(ticker) if supported.contains(&ticker) => {
                if !wanted.contains(&ticker) {
                    wanted.push(ticker);
                }
            }
            Ok(_) | Err(_) => {
                let message = format!("{symbol:?} is not watched");
                errors.push(FieldError::new(&["query", "symbols"], "unsupported", message));
            }
        }
    }
    match errors.first() {
        None => Ok(wanted),
        Some(first) => {
            let detail = format!("symbols: {}.", first.msg);
            Err(Problem::new(ProblemKind::InvalidParameter, detail).with_errors(errors))
        }
    }
}

fn to_body(state: &AppState, known: Option<MonitorState>, ticker: Ticker) -> MonitorBody {
    match known {
        Some(known) => MonitorBody {
            symbol: ticker.into(),
            level: known.level.map(|level| level.as_str().to_owned()),
            since: known.since.map(Into::into),
            as_of: Some(known.as_of.into()),
            checks: known.checks,
        },
        None => MonitorBody {
            symbol: ticker.into(),
            level: None,
            since: None,
            as_of: None,
            checks: unknown_checks(&state.thresholds),
        },
    }
}
