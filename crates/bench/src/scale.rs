//! How much of everything is measured.

#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Armed alerts while latency is measured.
    pub armed: i64,
    /// Ticks whose latency is measured.
    pub ticks: usize,
    /// Armed alerts while evaluation is measured.
    pub armed_many: i64,
    /// Alerts that fire on one tick.
    pub burst: i64,
    /// Webhooks that are delivered as fast as possible.
    pub webhooks: i64,
    /// URLs that hang while another user's first webhook is measured.
    pub hanging: i64,
    pub points: usize,
    /// Seconds of each round of load.
    pub load_seconds: u64,
    /// Seconds after which a service counts as idle.
    pub idle_seconds: u64,
}

impl Scale {
    /// What the budgets are defined for.
    pub const FULL: Self = Self {
        armed: 100_000,
        ticks: 1_000,
        armed_many: 1_000_000,
        burst: 1_000,
        webhooks: 20_000,
        hanging: 10_000,
        points: 1_000_000,
        load_seconds: 3,
        idle_seconds: 20,
    };

    /// Enough to see that every row works.
    pub const QUICK: Self = Self {
        armed: 1_000,
        ticks: 50,
        armed_many: 10_000,
        burst: 100,
        webhooks: 500,
        hanging: 500,
        points: 50_000,
        load_seconds: 1,
        idle_seconds: 3,
    };
}
