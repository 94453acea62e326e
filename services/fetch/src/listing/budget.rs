//! How often a plan allows a listing: pure arithmetic over what the ledger says.
//!
//! What is left of a month or day is spread evenly over the rest of it, so that there are credits until its end. Credits
//! that other requests will need are left for them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// Credits that a provider's plan allows; `None` is without limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    pub per_month: Option<u64>,
    pub per_day: Option<u64>,
}

/// What was spent in the month and on the day that it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub month: u64,
    pub day: u64,
    /// When a listing was last asked for.
    pub listed_at: Option<Timestamp>,
    /// When one last came and was published.
    pub arrived_at: Option<Timestamp>,
}

impl Usage {
    /// Whether the listing that was last asked for never came: whoever asked for it failed or died.
    pub fn is_unanswered(&self) -> bool {
        self.listed_at
            .is_some_and(|asked| self.arrived_at.is_none_or(|arrived| arrived < asked))
    }
}

/// Since when and until when credits are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
}

impl Period {
    /// The month that it is, in UTC, as the providers count.
    pub fn month(now: Timestamp) -> Self {
        let day = now.to_zoned(TimeZone::UTC).date();
        let first = day.first_of_month();
        Self::between(first, first.saturating_add(1.month()))
    }

    /// The day that it is, in UTC.
    pub fn day(now: Timestamp) -> Self {
        let day = now.to_zoned(TimeZone::UTC).date();
        Self::between(day, day.saturating_add(1.day()))
    }

    fn between(start: jiff::civil::Date, end: jiff::civil::Date) -> Self {
        let midnight = |day: jiff::civil::Date| {
            day.to_zoned(TimeZone::UTC)
                .map_or(Timestamp::MAX, |midnight| midnight.timestamp())
        };
        Self {
            start: midnight(start),
            end: midnight(end),
        }
    }
}

/// What one provider's listing may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub plan: Plan,
    /// What one listing costs at most.
    pub cost: u64,
    /// A listing is never asked for sooner than this after the one before.
    pub interval: SignedDuration,
    /// Other requests to the provider: one credit in each interval of this length is left for them.
    pub other_requests: Option<SignedDuration>,
}

/// When the next listing is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    At(Timestamp),
    /// There are no credits for one before this moment, the end of the month or day.
    NoCreditsUntil(Timestamp),
}

impl Budget {
    /// When the next listing is due, spread evenly over what is left.
    pub fn next(&self, usage: &Usage, now: Timestamp) -> Due {
        self.due(usage, now, true)
    }

    /// When a listing that failed, and cost nothing, is tried again.
    pub fn retry(&self, usage: &Usage, now: Timestamp) -> Due {
        self.due(usage, now, false)
    }

    /// What is left of the month and of the day; `None` where there is no limit.
    pub fn left(&self, usage: &Usage) -> (Option<u64>, Option<u64>) {
        (
            self.plan.per_month.map(|limit| limit.saturating_sub(usage.month)),
            self.plan.per_day.map(|limit| limit.saturating_sub(usage.day)),
        )
    }

    fn due(&self, usage: &Usage, now: Timestamp, is_spread: bool) -> Due {
        let (month, day) = self.left(usage);
        let limits = [(month, Period::month(now)), (day, Period::day(now))];
        let mut due = usage.listed_at.map_or(now, |at| later(at, self.interval));
        let mut exhausted = None;
        for (left, period) in limits.into_iter().filter_map(|(left, period)| Some((left?, period))) {
            let listings = left.saturating_sub(self.reserved(now, period.end)) / self.cost.max(1);
            if listings == 0 {
                exhausted = exhausted.max(Some(period.end));
            } else if let (true, Some(listed_at)) = (is_spread, usage.listed_at) {
                let since = listed_at.max(period.start);
                // One gap more than listings: there is one before the first and one after the last.
                let gaps = i32::try_from(listings).unwrap_or(i32::MAX).saturating_add(1);
                due = due.max(later(since, period.end.duration_since(since) / gaps));
            }
        }
        exhausted.map_or(Due::At(due), Due::NoCreditsUntil)
    }

    /// Credits that other requests may need until `end`.
    fn reserved(&self, now: Timestamp, end: Timestamp) -> u64 {
        let seconds = |span: SignedDuration| u64::try_from(span.as_secs()).unwrap_or(0).max(1);
        self.other_requests
            .map_or(0, |interval| seconds(end.duration_since(now)) / seconds(interval) + 1)
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const FREE: Plan = Plan {
        per_month: Some(15_000),
        per_day: None,
    };

    fn budget(plan: Plan) -> Budget {
        Budget {
            plan,
            cost: 25,
            interval: SignedDuration::from_mins(5),
            other_requests: None,
        }
    }

    fn used(month: u64, day: u64, listed_at: &str) -> Usage {
        Usage {
            month,
            day,
            listed_at: Some(at(listed_at)),
            arrived_at: None,
        }
    }

    /// The minutes from the last listing to the next one.
    fn minutes(budget: Budget, usage: Usage) -> Option<i64> {
        let listed_at = usage.listed_at.unwrap();
        match budget.next(&usage, listed_at) {
            Due::At(next) => Some(next.duration_since(listed_at).as_mins()),
            Due::NoCreditsUntil(_) => None,
        }
    }

    #[rstest]
    #[case::unlimited(Plan::default(), used(99_999_999, 0, "2026-06-01T00:00:00Z"), Some(5))]
    #[case::fresh_month(FREE, used(25, 25, "2026-06-01T00:00:00Z"), Some(72))]
    #[case::half_of_both(FREE, used(7_500, 25, "2026-06-16T00:00:00Z"), Some(71))]
    #[case::spent_too_fast(FREE, used(14_900, 25, "2026-06-16T00:00:00Z"), Some(4_320))]
    #[case::hardly_used(FREE, used(25, 25, "2026-06-30T12:00:00Z"), Some(5))]
    #[case::nothing_left(FREE, used(14_976, 25, "2026-06-16T00:00:00Z"), None)]
    #[case::a_days_limit(Plan { per_month: None, per_day: Some(500) }, used(0, 0, "2026-06-16T00:00:00Z"), Some(68))]
    #[case::the_tighter_one(Plan { per_day: Some(125), ..FREE }, used(25, 25, "2026-06-01T00:00:00Z"), Some(288))]
    fn what_is_left_is_spread(#[case] plan: Plan, #[case] usage: Usage, #[case] expected: Option<i64>) {
        assert_eq!(minutes(budget(plan), usage), expected);
    }

    #[test]
    fn first_listing_is_due_at_once() {
        let now = at("2026-06-16T10:00:00Z");
        assert_eq!(budget(FREE).next(&Usage::default(), now), Due::At(now));
    }

    #[test]
    fn nothing_is_asked_without_credits() {
        let now = at("2026-12-16T10:00:00Z");
        let month = budget(FREE).next(&used(15_000, 0, "2026-12-16T00:00:00Z"), now);
        assert_eq!(month, Due::NoCreditsUntil(at("2027-01-01T00:00:00Z")));
        let daily = Plan {
            per_day: Some(30),
            ..FREE
        };
        let day = budget(daily).next(&used(30, 30, "2026-12-16T00:00:00Z"), now);
        assert_eq!(day, Due::NoCreditsUntil(at("2026-12-17T00:00:00Z")));
    }

    #[test]
    fn new_month_begins_with_all_credits() {
        let now = at("2026-07-01T00:00:00Z");
        let next = budget(FREE).next(&used(0, 0, "2026-06-29T00:00:00Z"), now);
        let Due::At(next) = next else { panic!("{next:?}") };
        assert_eq!(next.duration_since(now).as_mins(), 74);
    }

    #[test]
    fn failed_listing_is_tried_at_the_interval() {
        let listed_at = at("2026-06-01T00:00:00Z");
        let usage = used(25, 25, "2026-06-01T00:00:00Z");
        let next = budget(FREE).retry(&usage, listed_at);
        assert_eq!(next, Due::At(at("2026-06-01T00:05:00Z")));
    }

    #[test]
    fn credits_of_other_requests_are_left() {
        let mut budget = budget(FREE);
        // One credit in five minutes is 8 640 in a month of 30 days.
        budget.other_requests = Some(SignedDuration::from_mins(5));
        let fresh = minutes(budget, used(25, 25, "2026-06-01T00:00:00Z"));
        assert_eq!(fresh, Some(170));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_month_and_no_day_exceeds_its_plan(
            per_month in proptest::option::of(0_u64..40_000),
            per_day in proptest::option::of(0_u64..2_000),
            cost in 1_u64..60,
            interval in 60_i64..7_200,
            other in proptest::option::of(300_i64..7_200),
            start in 0_i64..2_678_400,
        ) {
            let budget = Budget {
                plan: Plan { per_month, per_day },
                cost,
                interval: SignedDuration::from_secs(interval),
                other_requests: other.map(SignedDuration::from_secs),
            };
            let begin = at("2026-05-01T00:00:00Z");
            let mut now = begin + SignedDuration::from_secs(start);
            let end = now + SignedDuration::from_hours(24 * 40);
            let (mut usage, mut month, mut day) = (Usage::default(), Period::month(now), Period::day(now));
            let mut others_at = now;
            while now < end {
                if Period::month(now) != month {
                    (usage.month, month) = (0, Period::month(now));
                }
                if Period::day(now) != day {
                    (usage.day, day) = (0, Period::day(now));
                }
                if let Some(other) = budget.other_requests && now >= others_at {
                    // They stop at an exhausted plan, as the provider would refuse them.
                    if budget.left(&usage) .0 != Some(0) && budget.left(&usage).1 != Some(0) {
                        (usage.month, usage.day) = (usage.month + 1, usage.day + 1);
                    }
                    others_at = now + other;
                }
                let due = budget.next(&usage, now);
                if matches!(due, Due::At(at) if at <= now) {
                    if let Some(before) = usage.listed_at {
                        prop_assert!(now.duration_since(before) >= budget.interval);
                    }
                    (usage.month, usage.day) = (usage.month + cost, usage.day + cost);
                    usage.listed_at = Some(now);
                }
                prop_assert!(per_month.is_none_or(|limit| usage.month <= limit), "{usage:?}");
                prop_assert!(per_day.is_none_or(|limit| usage.day <= limit), "{usage:?}");
                let next = match budget.next(&usage, now) {
                    Due::At(at) | Due::NoCreditsUntil(at) => at,
                };
                now = next.min(if other.is_some() { others_at } else { end }).max(now + SignedDuration::from_secs(1));
            }
        }

        #[test]
        fn a_month_is_used_up_evenly(per_month in 1_000_u64..15_000, cost in 5_u64..30) {
            let budget = Budget {
                plan: Plan { per_month: Some(per_month), per_day: None },
                cost,
                interval: SignedDuration::from_secs(10),
                other_requests: None,
            };
            let month = Period::month(at("2026-06-01T00:00:00Z"));
            let (mut usage, mut now, mut longest) = (Usage::default(), month.start, SignedDuration::ZERO);
            while let Due::At(due) = budget.next(&usage, now) && due < month.end {
                longest = longest.max(due.duration_since(now));
                now = due;
                usage = Usage { month: usage.month + cost, listed_at: Some(now), ..Usage::default() };
            }
            let listings = per_month / cost;
            prop_assert!(usage.month / cost >= listings - 1, "{} of {listings}", usage.month / cost);
            let even = month.end.duration_since(month.start).as_secs() / i64::try_from(listings).unwrap();
            prop_assert!(longest.as_secs() <= even + 1, "{longest:?} against {even} s");
        }
    }
}
