//! From query texts to values, all that is wrong named at once.

use std::fmt::Display;
use std::str::FromStr;

use contracts::problem::ProblemKind;
use domain::interval::{Interval, Window};
use platform::problem::{FieldError, Problem};

use crate::time_range::{MAX_POINTS, default_interval};

/// Collects what is wrong with a query.
#[derive(Debug, Default)]
pub struct Params {
    errors: Vec<FieldError>,
}

impl Params {
    /// The value of a text, or of `default` when it is not given. What is wrong is noted, and `default` stands in.
    pub fn parse<T>(&mut self, name: &str, text: Option<&str>, default: T) -> T
    where
        T: FromStr,
        T::Err: Display,
    {
        match text.map(str::parse) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.refuse(name, "invalid", error.to_string());
                default
            }
        }
    }

    /// The look-back window, by default 30 days, with its text.
    pub fn window(&mut self, text: Option<&str>) -> (Window, String) {
        const DEFAULT: &str = "30d";
        let text = text.unwrap_or(DEFAULT);
        let month: Window = DEFAULT.parse().expect("30 days are a window");
        (self.parse("window", Some(text), month), text.to_owned())
    }

    /// The length of candles for a stretch of time that must hold from 2 to [`MAX_POINTS`] of them.
    pub fn interval(&mut self, text: Option<&str>, span_seconds: i64) -> Interval {
        let interval = self.parse("interval", text, default_interval(span_seconds));
        let candles = span_seconds / interval.seconds();
        if candles < 2 {
            self.refuse(
                "interval",
                "too_long",
                "must fit at least twice into the window".to_owned(),
            );
        } else if candles > MAX_POINTS {
            self.refuse(
                "interval",
                "too_short",
                format!("gives {candles} candles, more than {MAX_POINTS}"),
            );
        }
        interval
    }

    /// Notes what is wrong with a parameter.
    pub fn refuse(&mut self, name: &str, kind: &str, msg: String) {
        self.errors.push(FieldError::new(&["query", name], kind, msg));
    }

    /// Ends with a problem if anything was noted.
    pub fn finish(self) -> Result<(), Problem> {
        let detail = match self.errors.as_slice() {
            [] => return Ok(()),
            [only] => format!("{}: {}.", only.loc.join("."), only.msg),
            many => format!("{} parameters are invalid.", many.len()),
        };
        Err(Problem::new(ProblemKind::InvalidParameter, detail).with_errors(self.errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_named_at_once() {
        let mut params = Params::default();
        let (window, _) = params.window(Some("6y"));
        params.interval(Some("2m"), window.seconds());
        let problem = params.finish().unwrap_err();
        assert_eq!((problem.status, problem.kind), (400, ProblemKind::InvalidParameter));
        let names: Vec<&str> = problem.errors.iter().map(|error| error.loc[1].as_str()).collect();
        assert_eq!(names, ["window", "interval"]);
    }

    #[test]
    fn candles_must_fit_the_window() {
        for (window, interval, fits) in [
            ("1h", "1h", false),
            ("2h", "1h", true),
            ("5y", "1m", false),
            ("5y", "15m", true),
        ] {
            let mut params = Params::default();
            let (window, _) = params.window(Some(window));
            params.interval(Some(interval), window.seconds());
            assert_eq!(params.finish().is_ok(), fits, "{interval}");
        }
    }
}
