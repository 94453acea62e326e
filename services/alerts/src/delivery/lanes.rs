//! Fair shares of the slots among users, destinations and receivers, so that one that hangs never delays another.
//!
//! Every receiver has a lane. A new one gets few slots; each success adds one, each failure halves them. Lanes are of three
//! classes, fresh (nothing known), fast and slow, and each class has slots of its own: however many receivers hang, those
//! that answer do not wait for them. Within a class nobody takes all: a user, a destination (host and port) and a lane each
//! take one more slot only while a multiple of those they have is free (the dynamic threshold of Choudhury and Hahne, 1998),
//! so a thousand addresses of one user, or of one host, leave slots for the next.
//!
//! Messages that find no slot wait here, in their lane: at most as many of a lane, and of a user, as there are places left for
//! everyone else, so that a burst to one receiver is held and the next receiver still finds room; half of the places are kept
//! for receivers that are known to answer quickly. A message that would wait too long, because its receiver is slow or has
//! too many, is put back instead. Users take turns, and so do the lanes of a user.
//!
//! Pure: no clock, no I/O; the worker tells it what came and what ended, and when.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use platform::breaker::{Admission, BreakerSettings, BreakerState, CircuitBreaker};
use uuid::Uuid;

/// Slots of a lane of which nothing is known.
const FRESH_SLOTS: usize = 4;

/// Most slots of a lane whose receiver is slow.
const SLOW_SLOTS: usize = 4;

/// A receiver that needs longer than this on average is slow.
const SLOW_FROM: Duration = Duration::from_secs(1);

/// A message that would wait longer than this is put back.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Shortest time for which a message is put back.
const SHORTEST_DEFERRAL: Duration = Duration::from_secs(1);

/// Longest time for which a message is put back.
const LONGEST_DEFERRAL: Duration = Duration::from_secs(60);

/// A receiver that hangs this often in a row is left alone for a while, and then tried with one message.
const BREAKER: BreakerSettings = BreakerSettings {
    failures: 5,
    open_for: LONGEST_DEFERRAL,
};

/// How much the newest latency counts in the average.
const NEWEST_WEIGHT: f64 = 0.2;

/// Idle lanes are forgotten when there are more than this.
const MOST_LANES: usize = 10_000;

/// A destination takes one more slot while this many times those it has are free: at most half when it is alone.
const DESTINATION_SHARE: usize = 1;

/// The same of a user: at most three quarters when alone, so that a dead host of a user leaves slots for its others.
const USER_SHARE: usize = 3;

/// Most lanes of one user that are looked at for one that may start; the next look begins behind them.
const LANES_LOOKED_AT: usize = 32;

/// A receiver and those it shares its slots with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiver {
    /// The receiver.
    pub endpoint_id: Uuid,
    /// Its user.
    pub user_id: Uuid,
    /// Stands for its host and port.
    pub destination: u64,
}

/// What is known about a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Fresh,
    Fast,
    Slow,
}

/// A slot that is taken. Give it back with [`Lanes::finished`].
#[derive(Debug, PartialEq, Eq)]
pub struct Slot {
    receiver: Receiver,
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
    receiver: Receiver,
    slots: usize,
    in_flight: usize,
    latency: Option<Duration>,
    breaker: CircuitBreaker,
    waiting: VecDeque<J>,
    /// When the last of those that were put back returns.
    last_return: Option<Instant>,
}

impl<J> Lane<J> {
    fn new(receiver: Receiver) -> Self {
        Self {
            receiver,
            slots: FRESH_SLOTS,
            in_flight: 0,
            latency: None,
            breaker: CircuitBreaker::new(BREAKER),
            waiting: VecDeque::new(),
            last_return: None,
        }
    }

    fn class(&self) -> Class {
        match self.latency {
            None => Class::Fresh,
            Some(latency) if latency > SLOW_FROM => Class::Slow,
            Some(_) => Class::Fast,
        }
    }

    /// Whether one more message may go out while so many slots of its class are free.
    fn may_start(&self, free: usize, now: Instant) -> bool {
        free > 0
            && self.breaker.peek(now) == Admission::Pass
            && (self.in_flight == 0 || (self.in_flight < self.slots && self.in_flight * 4 < free))
    }

    /// How many messages may wait for their turn; what a receiver takes is not known before its first answer.
    fn most_waiting(&self) -> usize {
        match self.latency {
            None => usize::MAX,
            Some(latency) => (LONGEST_WAIT.as_secs_f64() / latency.as_secs_f64() * self.slots as f64) as usize,
        }
    }

    /// Notes that one more message is put back. Returns for how long: until those before it have had their turn, so that
    /// what is put back together does not return together.
    fn put_back(&mut self, now: Instant) -> Duration {
        let each = self.latency.unwrap_or_default().div_f64(self.slots as f64);
        let after_waiting = now + each.mul_f64(self.waiting.len() as f64).max(SHORTEST_DEFERRAL);
        let turn = self
            .last_return
            .map_or(after_waiting, |last| after_waiting.max(last + each));
        let turn = match self.breaker.peek(now) {
            Admission::Refuse { probe_in } => turn.max(now + probe_in),
            Admission::Pass => turn,
        };
        let turn = turn.min(now + LONGEST_DEFERRAL);
        self.last_return = Some(turn);
        turn - now
    }

    fn begin(&mut self, now: Instant) {
        self.in_flight += 1;
        // Asked for just before: what is open becomes half open.
        let _ = self.breaker.admit(now);
    }

    fn learn(&mut self, succeeded: bool, latency: Duration, most_slots: usize, now: Instant) {
        // Whoever answers quickly, if only with an error, does not hang.
        self.breaker.settle(succeeded || latency <= SLOW_FROM, now);
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

/// The lanes of one user that have waiting messages.
#[derive(Debug, Default)]
struct Turns {
    /// Each once, in the order in which they are served.
    lanes: VecDeque<Uuid>,
    /// Messages that wait in them.
    waiting: usize,
}

/// All lanes and the slots that they share.
#[derive(Debug)]
pub struct Lanes<J> {
    lanes: HashMap<Uuid, Lane<J>>,
    /// Users with waiting messages.
    turns: HashMap<Uuid, Turns>,
    /// The same users, each once, in the order in which they are served.
    users: VecDeque<Uuid>,
    shares: Shares,
    most_slots_of_one: usize,
    /// For messages that wait: how many are left.
    places: usize,
    /// Of these, how many are for receivers that are known to answer quickly.
    kept_places: usize,
}

/// The free slots, and who holds the others.
#[derive(Debug)]
struct Shares {
    free: Free,
    of_users: HashMap<(Uuid, Class), usize>,
    of_destinations: HashMap<(u64, Class), usize>,
}

impl Shares {
    /// Whether a lane of this receiver may take one more slot of the class.
    fn permit(&mut self, receiver: &Receiver, class: Class) -> bool {
        let free = *self.free.of(class);
        let of_user = self.of_users.get(&(receiver.user_id, class)).copied().unwrap_or(0);
        let of_destination = self
            .of_destinations
            .get(&(receiver.destination, class))
            .copied()
            .unwrap_or(0);
        let within = |held: usize, share: usize| held == 0 || held < free * share;
        // What answers quickly gives its slots back at once, so only lanes share those.
        class == Class::Fast || (within(of_user, USER_SHARE) && within(of_destination, DESTINATION_SHARE))
    }

    fn take(&mut self, receiver: &Receiver, class: Class) {
        *self.free.of(class) -= 1;
        *self.of_users.entry((receiver.user_id, class)).or_default() += 1;
        *self.of_destinations.entry((receiver.destination, class)).or_default() += 1;
    }

    fn give_back(&mut self, receiver: &Receiver, class: Class) {
        *self.free.of(class) += 1;
        decrease(&mut self.of_users, (receiver.user_id, class));
        decrease(&mut self.of_destinations, (receiver.destination, class));
    }
}

/// Who holds nothing is not remembered.
fn decrease<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
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
    /// `places` messages wait here.
    pub fn new(concurrency: usize, places: usize) -> Self {
        let half = concurrency.div_ceil(2);
        Self {
            lanes: HashMap::new(),
            turns: HashMap::new(),
            users: VecDeque::new(),
            shares: Shares {
                free: Free {
                    fresh: half,
                    fast: concurrency,
                    slow: half,
                },
                of_users: HashMap::new(),
                of_destinations: HashMap::new(),
            },
            most_slots_of_one: concurrency.div_ceil(4),
            places,
            kept_places: places / 2,
        }
    }

    /// The most slots that can be taken at once with this concurrency.
    pub fn most_in_flight(concurrency: usize) -> usize {
        concurrency + 2 * concurrency.div_ceil(2)
    }

    /// Decides about a message that came.
    pub fn arrived(&mut self, receiver: Receiver, job: J, now: Instant) -> Arrival<J> {
        let lane = self
            .lanes
            .entry(receiver.endpoint_id)
            .or_insert_with(|| Lane::new(receiver));
        let class = lane.class();
        if lane.waiting.is_empty()
            && lane.may_start(*self.shares.free.of(class), now)
            && self.shares.permit(&lane.receiver, class)
        {
            lane.begin(now);
            self.shares.take(&lane.receiver, class);
            return Arrival::Start(
                Slot {
                    receiver: lane.receiver,
                    class,
                },
                job,
            );
        }
        let user_id = lane.receiver.user_id;
        let of_user = self.turns.get(&user_id).map_or(0, |turns| turns.waiting);
        let has_room = match class {
            _ if lane.breaker.state() != BreakerState::Closed => false,
            Class::Fast => lane.waiting.len() < lane.most_waiting().min(self.places),
            Class::Fresh | Class::Slow => {
                let room = self.places.saturating_sub(self.kept_places);
                lane.waiting.len() < lane.most_waiting().min(room) && of_user < room * USER_SHARE
            }
        };
        if !has_room {
            return Arrival::PutBack(job, lane.put_back(now));
        }
        let turns = self.turns.entry(user_id).or_insert_with(|| {
            self.users.push_back(user_id);
            Turns::default()
        });
        if lane.waiting.is_empty() {
            turns.lanes.push_back(receiver.endpoint_id);
        }
        turns.waiting += 1;
        lane.waiting.push_back(job);
        self.places -= 1;
        Arrival::Waits
    }

    /// Takes a slot back, with what was learnt about its receiver. Returns the messages that would wait too long now, each
    /// with how long it is put back for.
    pub fn finished(&mut self, slot: Slot, ending: Ending, now: Instant) -> Vec<(J, Duration)> {
        self.shares.give_back(&slot.receiver, slot.class);
        let most_slots = self.most_slots_of_one;
        let Some(lane) = self.lanes.get_mut(&slot.receiver.endpoint_id) else {
            return Vec::new();
        };
        lane.in_flight = lane.in_flight.saturating_sub(1);
        match ending {
            Ending::Tried { succeeded, latency } => lane.learn(succeeded, latency, most_slots, now),
            Ending::NotTried => lane.breaker.abandon(now),
        }
        let keep = match lane.breaker.state() {
            BreakerState::Open => 0,
            BreakerState::Closed | BreakerState::HalfOpen => lane.most_waiting().max(1).min(lane.waiting.len()),
        };
        let excess = lane.waiting.split_off(keep);
        self.places += excess.len();
        if let Some(turns) = self.turns.get_mut(&slot.receiver.user_id) {
            turns.waiting -= excess.len();
        }
        let excess = excess.into_iter().map(|job| (job, lane.put_back(now))).collect();
        if lane.in_flight == 0 && lane.waiting.is_empty() && self.lanes.len() > MOST_LANES {
            self.lanes.remove(&slot.receiver.endpoint_id);
        }
        excess
    }

    /// The next waiting message that may go out; users take turns, and lanes within a user. Ask until there is none.
    pub fn next_start(&mut self, now: Instant) -> Option<(Slot, J)> {
        for _ in 0..self.users.len() {
            let user_id = self.users.pop_front()?;
            let started = self.next_start_of(user_id, now);
            let has_more = self.turns.get(&user_id).is_some_and(|turns| !turns.lanes.is_empty());
            if has_more {
                self.users.push_back(user_id);
            } else {
                self.turns.remove(&user_id);
            }
            if started.is_some() {
                return started;
            }
        }
        None
    }

    fn next_start_of(&mut self, user_id: Uuid, now: Instant) -> Option<(Slot, J)> {
        let turns = self.turns.get_mut(&user_id)?;
        for _ in 0..turns.lanes.len().min(LANES_LOOKED_AT) {
            let endpoint_id = turns.lanes.pop_front()?;
            let Some(lane) = self.lanes.get_mut(&endpoint_id) else {
                continue;
            };
            let class = lane.class();
            if !lane.may_start(*self.shares.free.of(class), now) || !self.shares.permit(&lane.receiver, class) {
                turns.lanes.push_back(endpoint_id);
                continue;
            }
            let Some(job) = lane.waiting.pop_front() else { continue };
            lane.begin(now);
            self.shares.take(&lane.receiver, class);
            self.places += 1;
            turns.waiting -= 1;
            if !lane.waiting.is_empty() {
                turns.lanes.push_back(endpoint_id);
            }
            return Some((
                Slot {
                    receiver: lane.receiver,
                    class,
                },
                job,
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests;
