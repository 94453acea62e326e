//! The velocities of one token over the last thirty days, kept ready for every question.
//!
//! The points lie in order of time. Blocks of them are summed up in a pyramid, so a window costs a few partial blocks
//! and a logarithmic number of sums. A point at the end is added in amortised constant time; a late or a corrected one
//! costs the blocks that follow it. What is answered depends only on the points that are kept, not on the order in
//! which they came, and equals `summarise` up to rounding.

use std::num::NonZeroUsize;

use jiff::{SignedDuration, Timestamp};

use super::momentum::{Momentum, volatility_score};
use super::point::{VelocityPoint, microseconds};
use super::pyramid::Pyramid;
use super::summary::WindowSummary;
use super::timeframe::Timeframe;
use super::trend::Trend;
use super::weighted::Weighted;

/// Points per block: the pyramid then takes a small part of the memory of the points themselves.
const BLOCK: usize = 16;

/// What became of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is kept.
    Added,
    /// It is kept instead of the one of the same time.
    Corrected,
    /// It is not kept, because no window reaches back to it, or because as many newer ones are kept as may be.
    TooOld,
    /// It is not kept, because its time has not come. A wrong clock must not push out thirty days of points.
    InFuture,
}

/// The velocities of one token within the longest [`Timeframe`].
#[derive(Debug, Clone)]
pub struct VelocityTracker {
    max_hold: i64,
    capacity: NonZeroUsize,
    /// Ascending by time, no two of one time. Those before `first` have been dropped.
    points: Vec<VelocityPoint>,
    first: usize,
    /// Points before this time are not kept, in microseconds.
    horizon: i64,
    /// The blocks of `points` whose every point has a successor and so a final length.
    blocks: Pyramid,
}

impl VelocityTracker {
    /// A tracker without points.
    ///
    /// A point holds for `max_hold` at most; usual are two to three times the interval at which points come. No more
    /// than `capacity` points are kept, the newest ones, which bounds the memory (about 30 bytes per point, twice that
    /// before dropped ones are cleared away): where more come in thirty days, the longest windows are covered less.
    pub fn new(max_hold: SignedDuration, capacity: NonZeroUsize) -> Self {
        Self {
            max_hold: microseconds(max_hold).max(0),
            capacity,
            points: Vec::new(),
            first: 0,
            horizon: i64::MIN,
            blocks: Pyramid::default(),
        }
    }

    /// Takes a point in, whatever its place in time; one of a time that is already there replaces it.
    ///
    /// Drops what no window that ends at `now` reaches any more.
    pub fn record(&mut self, point: VelocityPoint, now: Timestamp) -> Recorded {
        self.advance(now);
        let (recorded, changed) = self.place(point, now);
        if let Some(changed) = changed {
            self.rebuild_from(changed);
        }
        recorded
    }

    /// Takes many points in, such as a history, as [`Self::record`] does each, but sums up once. Of points of one time
    /// the last counts. Returns how many were kept at first; the capacity may have dropped some of them again.
    pub fn record_all(&mut self, points: impl IntoIterator<Item = VelocityPoint>, now: Timestamp) -> usize {
        self.advance(now);
        let mut points: Vec<VelocityPoint> = points.into_iter().collect();
        points.sort_by_key(VelocityPoint::at_us);
        let mut kept = 0;
        let mut earliest = None;
        for point in points {
            let (_, changed) = self.place(point, now);
            kept += usize::from(changed.is_some());
            // The points ascend, so the first place stays where it is unless something before it is dropped.
            earliest = earliest.or(changed);
        }
        if let Some(earliest) = earliest {
            self.rebuild_from(earliest);
        }
        kept
    }

    /// How many points are kept.
    pub fn len(&self) -> usize {
        self.live().len()
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.live().is_empty()
    }

    /// The newest point, with a value or without.
    pub fn latest(&self) -> Option<&VelocityPoint> {
        self.live().last()
    }

    /// The points of the trailing window that ends at `now`, ascending by time.
    pub fn points(&self, timeframe: Timeframe, now: Timestamp) -> &[VelocityPoint] {
        let to = now.as_microsecond();
        let from = to.saturating_sub(microseconds(timeframe.duration()));
        let live = self.live();
        let start = live.partition_point(|point| point.at_us() < from);
        let end = live.partition_point(|point| point.at_us() <= to);
        &live[start..end.max(start)]
    }

    /// The velocities of the trailing window that ends at `now`.
    ///
    /// Defined as in [`summarise`](super::summarise). For a `now` before the newest one there was, a window may reach
    /// back to points that are no longer kept; its coverage says so.
    pub fn summary(&self, timeframe: Timeframe, now: Timestamp) -> WindowSummary {
        let (to, window) = (now.as_microsecond(), microseconds(timeframe.duration()));
        self.between(to.saturating_sub(window), to)
    }

    /// The trend over the trailing window that ends at `now`.
    pub fn trend(&self, timeframe: Timeframe, now: Timestamp) -> Trend {
        let (to, window) = (now.as_microsecond(), microseconds(timeframe.duration()));
        let (from, middle) = (to.saturating_sub(window), to.saturating_sub(window / 2));
        Trend::of(
            &self.between(from, to),
            &self.between(from, middle),
            &self.between(middle, to),
        )
    }

    /// How unsteady the velocity was over the trailing window that ends at `now`, see [`volatility_score`].
    pub fn volatility_score(&self, timeframe: Timeframe, now: Timestamp) -> Option<f64> {
        volatility_score(&self.summary(timeframe, now))
    }

    /// The hour that ends at `now` against its week, see [`Momentum::of`].
    pub fn momentum(&self, now: Timestamp) -> Option<Momentum> {
        Momentum::of(&self.summary(Timeframe::H1, now), &self.summary(Timeframe::D7, now))
    }

    fn live(&self) -> &[VelocityPoint] {
        &self.points[self.first..]
    }

    /// Moves the horizon and drops what lies before it.
    fn advance(&mut self, now: Timestamp) {
        // A point from before the longest window may still hold in it.
        let reach = microseconds(Timeframe::LONGEST.duration()).saturating_add(self.max_hold);
        self.horizon = self.horizon.max(now.as_microsecond().saturating_sub(reach));
        self.first += self.live().partition_point(|point| point.at_us() < self.horizon);
        self.compact();
    }

    /// Puts a point in its place. Also tells from which index on the sums are no longer right.
    fn place(&mut self, point: VelocityPoint, now: Timestamp) -> (Recorded, Option<usize>) {
        let at = point.at_us();
        if at > now.as_microsecond() {
            return (Recorded::InFuture, None);
        }
        if at < self.horizon {
            return (Recorded::TooOld, None);
        }
        let index = self.first + self.live().partition_point(|kept| kept.at_us() < at);
        if let Some(same) = self.points.get_mut(index).filter(|kept| kept.at_us() == at) {
            *same = point;
            return (Recorded::Corrected, Some(index));
        }
        let full = self.len() >= self.capacity.get();
        if full && index == self.first {
            return (Recorded::TooOld, None);
        }
        self.points.insert(index, point);
        self.first += usize::from(full);
        // The point before it now ends here.
        (Recorded::Added, Some(index.saturating_sub(1)))
    }

    /// Sums up the blocks anew from the one that holds `index`.
    fn rebuild_from(&mut self, index: usize) {
        self.blocks.truncate((index / BLOCK).min(self.blocks.len()));
        // The last point has no successor yet.
        let complete = self.points.len().saturating_sub(1) / BLOCK;
        for block in self.blocks.len()..complete {
            let sum = self.pieces(block * BLOCK, (block + 1) * BLOCK);
            self.blocks.push(sum);
        }
    }

    /// Gives the memory of dropped points back once they are the larger part: amortised constant time per point.
    fn compact(&mut self) {
        if self.first > BLOCK && self.first > self.points.len() / 2 {
            self.points.drain(..self.first);
            self.first = 0;
            self.blocks = Pyramid::default();
            self.rebuild_from(0);
        }
    }

    /// The statistics between two times in microseconds.
    fn between(&self, from: i64, to: i64) -> WindowSummary {
        let upto = self.first + self.live().partition_point(|point| point.at_us() <= to);
        let begin = self.first + self.live().partition_point(|point| point.at_us() <= from);
        // The last point from before the window may hold in it.
        let begin = begin.saturating_sub(1).max(self.first);
        let total = match upto.checked_sub(1) {
            Some(last) if begin < last => self
                .clipped(begin, from, to)
                .merge(self.sum(begin + 1, last))
                .merge(self.clipped(last, from, to)),
            Some(last) if begin == last => self.clipped(last, from, to),
            Some(_) | None => Weighted::default(),
        };
        WindowSummary::new(
            total.mean,
            total.squares,
            total.covered_us,
            to.saturating_sub(from),
            total.points,
        )
    }

    /// The part of one point that lies between two times.
    fn clipped(&self, index: usize, from: i64, to: i64) -> Weighted {
        let point = &self.points[index];
        let held = point.held_us(self.points.get(index + 1), from, to, self.max_hold);
        let inside = (from..=to).contains(&point.at_us());
        let part = Weighted::of(point, held);
        Weighted {
            points: if inside { part.points } else { 0 },
            ..part
        }
    }

    /// The points from `start` up to, but not including, `end` in full length, by blocks where they are whole.
    fn sum(&self, start: usize, end: usize) -> Weighted {
        let whole_start = start.next_multiple_of(BLOCK).min(end);
        let whole_end = (end / BLOCK * BLOCK).max(whole_start);
        self.pieces(start, whole_start)
            .merge(self.blocks.range(whole_start / BLOCK, whole_end / BLOCK))
            .merge(self.pieces(whole_end, end))
    }

    /// The same, one by one. Each must have a successor.
    fn pieces(&self, start: usize, end: usize) -> Weighted {
        (start..end).fold(Weighted::default(), |total, index| {
            let point = &self.points[index];
            let held = point.held_us(self.points.get(index + 1), i64::MIN, i64::MAX, self.max_hold);
            total.merge(Weighted::of(point, held))
        })
    }
}
