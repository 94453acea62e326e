//! Fair shares of the slots among users, destinations and endpoints, so that one that hangs never delays another.
//!
//! Endpoints are of three paces: unknown, fast and slow. Each pace has slots of its own: however many endpoints hang,
//! those that answer do not wait for them. Within a pace none takes all: a user, a destination (host and port) and an
//! endpoint each take one more slot only while a multiple of those they have is free (the dynamic threshold of
//! Choudhury and Hahne, 1998), so a thousand URLs of one user, or of one host, leave slots for the next.
//!
//! Messages that find no slot wait here. What may come at all is bounded for each endpoint and user in the outbox
//! (`store::queues`); a message for which there is no room all the same is deferred. Half of the capacity is reserved
//! for endpoints that are known to be fast. Users take turns, and so do the endpoints of a user.
//!
//! Pure: no clock, no I/O.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use contracts::messages::EndpointPace;
use uuid::Uuid;

/// An endpoint takes one more slot while this many times those it has are free: at most a fifth when it is alone.
const ENDPOINT_SHARE: usize = 4;

/// A destination takes one more slot while more are free than it has: at most half when it is alone.
const DESTINATION_SHARE: usize = 1;

/// A user takes one more slot while a third of those it has are free: at most three quarters when alone, so that a dead
/// host of a user leaves slots for its others.
const USER_SHARE: usize = 3;

/// At most so many endpoints of one user are checked for one that may start; the next check begins behind them.
const MAX_ENDPOINTS_PER_TURN: usize = 32;

/// An endpoint and those it shares slots with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    pub endpoint_id: Uuid,
    pub user_id: Uuid,
    /// Stands for its host and port.
    pub destination: u64,
    /// How quickly it answers.
    pub pace: EndpointPace,
}

/// A slot that is taken. Give it back with [`FairQueue::release`].
#[derive(Debug, PartialEq, Eq)]
pub struct Slot {
    endpoint: Endpoint,
}

/// The result of [`FairQueue::admit`].
#[derive(Debug, PartialEq, Eq)]
pub enum Admission<J> {
    /// A slot is free: it is sent now.
    Start(Slot, J),
    /// It waits for a slot.
    Queued,
    /// The queue is full.
    Deferred(J),
}

/// The messages of one endpoint that wait, and those under way.
#[derive(Debug)]
struct EndpointQueue<J> {
    in_flight: usize,
    waiting: VecDeque<(Endpoint, J)>,
}

impl<J> Default for EndpointQueue<J> {
    fn default() -> Self {
        Self {
            in_flight: 0,
            waiting: VecDeque::new(),
        }
    }
}

/// The endpoints of one user that have waiting messages.
#[derive(Debug, Default)]
struct UserQueue {
    /// Each once, in the order in which they are served.
    endpoints: VecDeque<Uuid>,
    /// Messages that wait for them.
    waiting: usize,
}

/// All waiting messages and the slots that they share.
#[derive(Debug)]
pub struct FairQueue<J> {
    endpoints: HashMap<Uuid, EndpointQueue<J>>,
    /// Users with waiting messages.
    users: HashMap<Uuid, UserQueue>,
    /// The same users, each once, in the order in which they are served.
    turns: VecDeque<Uuid>,
    slots: Slots,
    /// How many more messages may wait.
    capacity: usize,
    /// Of these, how many only for fast endpoints.
    reserved: usize,
}

/// The free slots, and who holds the others.
#[derive(Debug)]
struct Slots {
    free: HashMap<EndpointPace, usize>,
    of_users: HashMap<(Uuid, EndpointPace), usize>,
    of_destinations: HashMap<(u64, EndpointPace), usize>,
}

impl Slots {
    /// Whether an endpoint with so many messages in flight may take one more.
    fn permit(&self, endpoint: &Endpoint, in_flight: usize) -> bool {
        let free = self.free.get(&endpoint.pace).copied().unwrap_or(0);
        let of_user = (endpoint.user_id, endpoint.pace);
        let of_user = self.of_users.get(&of_user).copied().unwrap_or(0);
        let of_destination = (endpoint.destination, endpoint.pace);
        let of_destination = self.of_destinations.get(&of_destination).copied().unwrap_or(0);
        let within = |held: usize, share: usize| held == 0 || held < free * share;
        free > 0
            && (in_flight == 0 || in_flight * ENDPOINT_SHARE < free)
            && within(of_user, USER_SHARE)
            // Fast endpoints give their slots back at once, so hosts do not share those.
            && (endpoint.pace == EndpointPace::Fast || within(of_destination, DESTINATION_SHARE))
    }

    fn take(&mut self, endpoint: &Endpoint) {
        *self.free.entry(endpoint.pace).or_default() -= 1;
        *self.of_users.entry((endpoint.user_id, endpoint.pace)).or_default() += 1;
        let of_destination = (endpoint.destination, endpoint.pace);
        *self.of_destinations.entry(of_destination).or_default() += 1;
    }

    fn give_back(&mut self, endpoint: &Endpoint) {
        *self.free.entry(endpoint.pace).or_default() += 1;
        decrease(&mut self.of_users, (endpoint.user_id, endpoint.pace));
        decrease(&mut self.of_destinations, (endpoint.destination, endpoint.pace));
    }
}

/// Removes entries that reach zero, so that the map does not grow.
fn decrease<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

impl<J> FairQueue<J> {
    /// A queue with `concurrency` slots for fast endpoints, and as many for unknown and for slow ones together. At most
    /// `capacity` messages wait.
    pub fn new(concurrency: usize, capacity: usize) -> Self {
        let half = concurrency.div_ceil(2);
        Self {
            endpoints: HashMap::new(),
            users: HashMap::new(),
            turns: VecDeque::new(),
            slots: Slots {
                free: [
                    (EndpointPace::Unknown, half),
                    (EndpointPace::Fast, concurrency),
                    (EndpointPace::Slow, half),
                ]
                .into(),
                of_users: HashMap::new(),
                of_destinations: HashMap::new(),
            },
            capacity,
            reserved: capacity / 2,
        }
    }

    /// The most slots that can be taken at once with this concurrency.
    pub fn max_in_flight(concurrency: usize) -> usize {
        concurrency + 2 * concurrency.div_ceil(2)
    }

    /// Decides about a message that came.
    pub fn admit(&mut self, endpoint: Endpoint, job: J) -> Admission<J> {
        let queue = self.endpoints.entry(endpoint.endpoint_id).or_default();
        // Behind those of its endpoint that wait already, also when a slot is free: first come, first served.
        if queue.waiting.is_empty() && self.slots.permit(&endpoint, queue.in_flight) {
            queue.in_flight += 1;
            self.slots.take(&endpoint);
            return Admission::Start(Slot { endpoint }, job);
        }
        let of_user = self.users.get(&endpoint.user_id).map_or(0, |user| user.waiting);
        let has_room = match endpoint.pace {
            EndpointPace::Fast => self.capacity > 0,
            EndpointPace::Unknown | EndpointPace::Slow => {
                let room = self.capacity.saturating_sub(self.reserved);
                of_user < room * USER_SHARE
            }
        };
        if !has_room {
            self.forget_if_idle(endpoint.endpoint_id);
            return Admission::Deferred(job);
        }
        let user = self.users.entry(endpoint.user_id).or_insert_with(|| {
            self.turns.push_back(endpoint.user_id);
            UserQueue::default()
        });
        if queue.waiting.is_empty() {
            user.endpoints.push_back(endpoint.endpoint_id);
        }
        user.waiting += 1;
        queue.waiting.push_back((endpoint, job));
        self.capacity -= 1;
        Admission::Queued
    }

    pub fn release(&mut self, slot: Slot) {
        self.slots.give_back(&slot.endpoint);
        if let Some(queue) = self.endpoints.get_mut(&slot.endpoint.endpoint_id) {
            queue.in_flight = queue.in_flight.saturating_sub(1);
        }
        self.forget_if_idle(slot.endpoint.endpoint_id);
    }

    fn forget_if_idle(&mut self, endpoint_id: Uuid) {
        if let Entry::Occupied(queue) = self.endpoints.entry(endpoint_id)
            && queue.get().in_flight == 0
            && queue.get().waiting.is_empty()
        {
            queue.remove();
        }
    }

    /// The next waiting message that may go out; users take turns, and endpoints within a user. Call it until there is
    /// none.
    pub fn next_start(&mut self) -> Option<(Slot, J)> {
        for _ in 0..self.turns.len() {
            let user_id = self.turns.pop_front()?;
            let started = self.next_start_of(user_id);
            let has_more = self.users.get(&user_id).is_some_and(|user| !user.endpoints.is_empty());
            if has_more {
                self.turns.push_back(user_id);
            } else {
                self.users.remove(&user_id);
            }
            if started.is_some() {
                return started;
            }
        }
        None
    }

    fn next_start_of(&mut self, user_id: Uuid) -> Option<(Slot, J)> {
        let user = self.users.get_mut(&user_id)?;
        for _ in 0..user.endpoints.len().min(MAX_ENDPOINTS_PER_TURN) {
            let endpoint_id = user.endpoints.pop_front()?;
            let Some(queue) = self.endpoints.get_mut(&endpoint_id) else {
                continue;
            };
            let Some((endpoint, job)) = queue.waiting.pop_front() else {
                continue;
            };
            if !self.slots.permit(&endpoint, queue.in_flight) {
                queue.waiting.push_front((endpoint, job));
                // It goes behind the user's other endpoints, which may have a free slot.
                user.endpoints.push_back(endpoint_id);
                continue;
            }
            queue.in_flight += 1;
            self.slots.take(&endpoint);
            self.capacity += 1;
            user.waiting -= 1;
            if !queue.waiting.is_empty() {
                user.endpoints.push_back(endpoint_id);
            }
            return Some((Slot { endpoint }, job));
        }
        None
    }
}

#[cfg(test)]
mod tests;
