//! Fair shares of the slots among receivers, so that one that hangs never delays another.
//!
//! Every receiver has a lane. A new one gets few slots; each success adds one, each failure halves them. Lanes are of three
//! classes, fresh (nothing known), fast and slow, and each class has slots of its own: however many receivers hang, those
//! that answer do not wait for them. A message that would wait too long in its lane is not held here but put back.
//!
//! Pure: no clock, no I/O; the worker tells it what came and what ended.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use uuid::Uuid;

/// Slots of a lane of which nothing is known.
const FRESH_SLOTS: usize = 4;

/// Most slots of a lane whose receiver is slow.
const SLOW_SLOTS: usize = 4;

/// Assumed of a receiver that never answered yet.
const FRESH_LATENCY: Duration = Duration::from_millis(20);

/// A receiver that needs longer than this on average is slow.
const SLOW_FROM: Duration = Duration::from_secs(1);

/// A message that would wait longer than this is put back.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Shortest time for which a message is put back.
const SHORTEST_DEFERRAL: Duration = Duration::from_secs(1);

/// Longest time for which a message is put back.
const LONGEST_DEFERRAL: Duration = Duration::from_secs(60);

/// How much the newest latency counts in the average.
const NEWEST_WEIGHT: f64 = 0.2;

/// Idle lanes are forgotten when there are more than this.
const MOST_LANES: usize = 10_000;

/// What is known about a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Fresh,
    Fast,
    Slow,
}

/// A slot that is taken. Give it back with [`Lanes::finished`].
#[derive(Debug, PartialEq, Eq)]
pub struct Slot {
    endpoint_id: Uuid,
    class: Class,
}

/// What happens to a message that came.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival<J> {
    /// It goes out now.
    Start(Slot, J),
    /// It waits in its lane.
    Waits,
    /// It is put back for about this long.
    PutBack(J, Duration),
}

/// How an attempt ended, as far as lanes care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The receiver was asked.
    Tried {
        /// It answered as wished.
        succeeded: bool,
        /// How long that took.
        latency: Duration,
    },
    /// Nothing was sent, so nothing was learnt.
    NotTried,
}

#[derive(Debug)]
struct Lane<J> {
    slots: usize,
    in_flight: usize,
    latency: Option<Duration>,
    waiting: VecDeque<J>,
}

impl<J> Lane<J> {
    fn new() -> Self {
        Self {
            slots: FRESH_SLOTS,
            in_flight: 0,
            latency: None,
            waiting: VecDeque::new(),
        }
    }

    fn class(&self) -> Class {
        match self.latency {
            None => Class::Fresh,
            Some(latency) if latency > SLOW_FROM => Class::Slow,
            Some(_) => Class::Fast,
        }
    }

    /// How long one more message would wait.
    fn wait(&self) -> Duration {
        let each = self.latency.unwrap_or(FRESH_LATENCY);
        each.mul_f64((self.waiting.len() + 1) as f64 / self.slots as f64)
    }

    fn learn(&mut self, succeeded: bool, latency: Duration, most_slots: usize) {
        let average = self.latency.map_or(latency, |known| {
            known.mul_f64(1.0 - NEWEST_WEIGHT) + latency.mul_f64(NEWEST_WEIGHT)
        });
        self.latency = Some(average);
        self.slots = if succeeded { self.slots + 1 } else { self.slots / 2 };
        let most = if self.class() == Class::Slow {
            SLOW_SLOTS
        } else {
            most_slots
        };
        self.slots = self.slots.clamp(1, most);
    }
}

/// All lanes and the slots that they share.
#[derive(Debug)]
pub struct Lanes<J> {
    lanes: HashMap<Uuid, Lane<J>>,
    /// Receivers with waiting messages, each once, in the order in which they are served.
    queue: VecDeque<Uuid>,
    free: Free,
    most_slots_of_one: usize,
    waiting: usize,
    most_waiting: usize,
}

#[derive(Debug)]
struct Free {
    fresh: usize,
    fast: usize,
    slow: usize,
}

impl Free {
    fn of(&mut self, class: Class) -> &mut usize {
        match class {
            Class::Fresh => &mut self.fresh,
            Class::Fast => &mut self.fast,
            Class::Slow => &mut self.slow,
        }
    }
}

impl<J> Lanes<J> {
    /// Lanes that share `concurrency` slots for fast receivers, and as many for fresh and for slow ones together. At most
    /// `most_waiting` messages wait here.
    pub fn new(concurrency: usize, most_waiting: usize) -> Self {
        let half = concurrency.div_ceil(2);
        Self {
            lanes: HashMap::new(),
            queue: VecDeque::new(),
            free: Free {
                fresh: half,
                fast: concurrency,
                slow: half,
            },
            most_slots_of_one: concurrency.div_ceil(4),
            waiting: 0,
            most_waiting,
        }
    }

    /// The most slots that can be taken at once with this concurrency.
    pub fn most_in_flight(concurrency: usize) -> usize {
        concurrency + 2 * concurrency.div_ceil(2)
    }

    /// Decides about a message that came.
    pub fn arrived(&mut self, endpoint_id: Uuid, job: J) -> Arrival<J> {
        let lane = self.lanes.entry(endpoint_id).or_insert_with(Lane::new);
        let class = lane.class();
        if lane.waiting.is_empty() && lane.in_flight < lane.slots && *self.free.of(class) > 0 {
            lane.in_flight += 1;
            *self.free.of(class) -= 1;
            return Arrival::Start(Slot { endpoint_id, class }, job);
        }
        let wait = lane.wait();
        // Half of the places are kept for receivers that are known to answer.
        let places = if class == Class::Fast {
            self.most_waiting
        } else {
            self.most_waiting / 2
        };
        if wait > LONGEST_WAIT || self.waiting >= places {
            return Arrival::PutBack(job, wait.clamp(SHORTEST_DEFERRAL, LONGEST_DEFERRAL));
        }
        if lane.waiting.is_empty() {
            self.queue.push_back(endpoint_id);
        }
        lane.waiting.push_back(job);
        self.waiting += 1;
        Arrival::Waits
    }

    /// Takes a slot back, with what was learnt about its receiver.
    pub fn finished(&mut self, slot: Slot, ending: Ending) {
        *self.free.of(slot.class) += 1;
        let most_slots = self.most_slots_of_one;
        let Some(lane) = self.lanes.get_mut(&slot.endpoint_id) else {
            return;
        };
        lane.in_flight = lane.in_flight.saturating_sub(1);
        if let Ending::Tried { succeeded, latency } = ending {
            lane.learn(succeeded, latency, most_slots);
        }
        if lane.in_flight == 0 && lane.waiting.is_empty() && self.lanes.len() > MOST_LANES {
            self.lanes.remove(&slot.endpoint_id);
        }
    }

    /// The next waiting message that may go out, receivers taking turns. Ask until there is none.
    pub fn next_start(&mut self) -> Option<(Slot, J)> {
        for _ in 0..self.queue.len() {
            let endpoint_id = self.queue.pop_front()?;
            let Some(lane) = self.lanes.get_mut(&endpoint_id) else {
                continue;
            };
            let class = lane.class();
            if lane.in_flight >= lane.slots || *self.free.of(class) == 0 {
                self.queue.push_back(endpoint_id);
                continue;
            }
            let Some(job) = lane.waiting.pop_front() else { continue };
            lane.in_flight += 1;
            *self.free.of(class) -= 1;
            self.waiting -= 1;
            if !lane.waiting.is_empty() {
                self.queue.push_back(endpoint_id);
            }
            return Some((Slot { endpoint_id, class }, job));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Ending = Ending::Tried {
        succeeded: true,
        latency: Duration::from_millis(2),
    };
    const HUNG: Ending = Ending::Tried {
        succeeded: false,
        latency: Duration::from_secs(15),
    };

    fn endpoint(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    /// Brings `count` messages; gives back the slots of those that started, and how many were put back.
    fn bring(lanes: &mut Lanes<u32>, to: Uuid, count: u32) -> (Vec<Slot>, usize) {
        let (mut slots, mut put_back) = (Vec::new(), 0);
        for job in 0..count {
            match lanes.arrived(to, job) {
                Arrival::Start(slot, _) => slots.push(slot),
                Arrival::Waits => {}
                Arrival::PutBack(..) => put_back += 1,
            }
        }
        (slots, put_back)
    }

    #[test]
    fn a_hanging_receiver_takes_few_slots_and_then_fewer() {
        let mut lanes = Lanes::new(64, 256);
        let (slots, put_back) = bring(&mut lanes, endpoint(1), 10);
        assert_eq!((slots.len(), put_back), (FRESH_SLOTS, 0));
        for slot in slots {
            lanes.finished(slot, HUNG);
        }
        let started: Vec<_> = std::iter::from_fn(|| lanes.next_start()).collect();
        assert_eq!(started.len(), 1, "after failures one is tried at a time");
        let (slots, put_back) = bring(&mut lanes, endpoint(1), 5);
        assert_eq!(
            (slots.len(), put_back),
            (0, 5),
            "what would wait for minutes is put back"
        );
    }

    #[test]
    fn many_hanging_receivers_do_not_delay_one_that_answers() {
        let mut lanes = Lanes::new(64, 256);
        for slot in bring(&mut lanes, endpoint(1), 1).0 {
            lanes.finished(slot, QUICK);
        }
        for n in 100..400 {
            bring(&mut lanes, endpoint(n), 50);
        }
        let (slots, put_back) = bring(&mut lanes, endpoint(1), 20);
        assert_eq!((slots.len(), put_back), (FRESH_SLOTS + 1, 0));
        let mut delivered = 0;
        let mut open: VecDeque<Slot> = slots.into();
        while let Some(slot) = open.pop_front() {
            lanes.finished(slot, QUICK);
            delivered += 1;
            open.extend(
                std::iter::from_fn(|| lanes.next_start())
                    .map(|(slot, _)| slot)
                    .filter(|s| s.endpoint_id == endpoint(1)),
            );
        }
        assert_eq!(delivered, 20);
    }

    #[test]
    fn a_new_receiver_starts_at_once_beside_ten_that_hang() {
        let mut lanes = Lanes::new(256, 1024);
        for n in 0..10 {
            bring(&mut lanes, endpoint(n), 500);
        }
        let (slots, _) = bring(&mut lanes, endpoint(99), 1);
        assert_eq!(slots.len(), 1);
    }

    #[test]
    fn a_quick_receiver_earns_a_quarter_of_the_slots() {
        let mut lanes = Lanes::new(64, 1024);
        for _ in 0..100 {
            for slot in bring(&mut lanes, endpoint(1), 1).0 {
                lanes.finished(slot, QUICK);
            }
        }
        let (slots, put_back) = bring(&mut lanes, endpoint(1), 1000);
        assert_eq!((slots.len(), put_back), (16, 0));
    }

    #[test]
    fn a_receiver_that_recovers_is_trusted_again() {
        let mut lanes = Lanes::new(64, 256);
        for slot in bring(&mut lanes, endpoint(1), 1).0 {
            lanes.finished(slot, HUNG);
        }
        for _ in 0..40 {
            for slot in bring(&mut lanes, endpoint(1), 1).0 {
                lanes.finished(slot, QUICK);
            }
        }
        assert_eq!(lanes.lanes[&endpoint(1)].class(), Class::Fast);
        assert_eq!(bring(&mut lanes, endpoint(1), 100).0.len(), 16);
    }

    #[test]
    fn receivers_take_turns() {
        let mut lanes = Lanes::new(4, 100);
        let (first, _) = bring(&mut lanes, endpoint(1), 10);
        assert_eq!(first.len(), 2, "half of the slots are for fresh receivers");
        bring(&mut lanes, endpoint(2), 10);
        let mut served = Vec::new();
        let mut open: VecDeque<Slot> = first.into();
        while let Some(slot) = open.pop_front() {
            lanes.finished(slot, Ending::NotTried);
            while let Some((slot, _)) = lanes.next_start() {
                served.push(slot.endpoint_id.as_u128());
                open.push_back(slot);
            }
        }
        assert_eq!(served.len(), 18);
        assert_eq!(served[..4], [1, 2, 1, 2]);
        assert_eq!(lanes.waiting, 0);
        assert_eq!((lanes.free.fresh, lanes.free.fast, lanes.free.slow), (2, 4, 2));
    }
}
