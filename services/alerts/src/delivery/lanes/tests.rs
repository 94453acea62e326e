use super::*;

const QUICK: Ending = Ending::Tried {
    succeeded: true,
    latency: Duration::from_millis(2),
};
const HUNG: Ending = Ending::Tried {
    succeeded: false,
    latency: Duration::from_secs(15),
};

/// Tests take no time.
fn now() -> Instant {
    static NOW: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    *NOW
}

/// A receiver with a user and a host of its own.
fn endpoint(n: u128) -> Receiver {
    of(n, n, u64::try_from(n).unwrap())
}

fn of(endpoint: u128, user: u128, destination: u64) -> Receiver {
    Receiver {
        endpoint_id: Uuid::from_u128(endpoint),
        user_id: Uuid::from_u128(user),
        destination,
    }
}

/// Brings `count` messages; gives back the slots of those that started, and how many were put back.
fn bring(lanes: &mut Lanes<u32>, to: Receiver, count: u32) -> (Vec<Slot>, usize) {
    let (mut slots, mut put_back) = (Vec::new(), 0);
    for job in 0..count {
        match lanes.arrived(to, job, now()) {
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
    let mut excess = Vec::new();
    for slot in slots {
        excess.extend(lanes.finished(slot, HUNG, now()));
    }
    assert_eq!(excess.len(), 5, "what would wait for minutes is put back");
    assert!(excess.iter().all(|(_, wait)| *wait > LONGEST_WAIT), "{excess:?}");
    let started: Vec<_> = std::iter::from_fn(|| lanes.next_start(now())).collect();
    assert_eq!(started.len(), 1, "after failures one is tried at a time");
    let (slots, put_back) = bring(&mut lanes, endpoint(1), 5);
    assert_eq!((slots.len(), put_back), (0, 5));
}

#[test]
fn a_burst_to_one_receiver_is_held_and_leaves_room_for_the_next() {
    let mut lanes = Lanes::new(64, 8_000);
    let (slots, put_back) = bring(&mut lanes, endpoint(1), 2_004);
    assert_eq!((slots.len(), put_back), (FRESH_SLOTS, 0));
    assert_eq!(
        bring(&mut lanes, endpoint(1), 10).1,
        10,
        "a quarter of the places is its share"
    );
    for n in 2..20 {
        let (_, put_back) = bring(&mut lanes, endpoint(n), 50);
        assert_eq!(put_back, 0, "receiver {n}");
    }
}

#[test]
fn what_is_put_back_returns_spread_over_the_time_that_it_takes() {
    let mut lanes = Lanes::new(64, 1_000);
    for slot in bring(&mut lanes, endpoint(1), 1).0 {
        let second = Ending::Tried {
            succeeded: true,
            latency: Duration::from_secs(1),
        };
        lanes.finished(slot, second, now());
    }
    let waits: Vec<Duration> = (0..600)
        .filter_map(|job| match lanes.arrived(endpoint(1), job, now()) {
            Arrival::PutBack(_, wait) => Some(wait),
            Arrival::Start(..) | Arrival::Waits => None,
        })
        .collect();
    // Five slots of a second each: 25 messages wait five seconds.
    assert_eq!(waits.len(), 600 - 5 - 25);
    assert!(waits.is_sorted());
    assert!(waits[0] >= LONGEST_WAIT, "{:?}", waits[0]);
    assert_eq!(*waits.last().unwrap(), LONGEST_DEFERRAL);
}

#[test]
fn many_hanging_receivers_do_not_delay_one_that_answers() {
    let mut lanes = Lanes::new(64, 256);
    for slot in bring(&mut lanes, endpoint(1), 1).0 {
        lanes.finished(slot, QUICK, now());
    }
    for n in 100..400 {
        bring(&mut lanes, endpoint(n), 50);
    }
    let (slots, put_back) = bring(&mut lanes, endpoint(1), 20);
    assert_eq!((slots.len(), put_back), (FRESH_SLOTS + 1, 0));
    let mut delivered = 0;
    let mut open: VecDeque<Slot> = slots.into();
    while let Some(slot) = open.pop_front() {
        lanes.finished(slot, QUICK, now());
        delivered += 1;
        open.extend(
            std::iter::from_fn(|| lanes.next_start(now()))
                .map(|(slot, _)| slot)
                .filter(|s| s.receiver == endpoint(1)),
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
fn a_quick_receiver_earns_a_fifth_of_the_slots() {
    let mut lanes = Lanes::new(64, 1024);
    for _ in 0..100 {
        for slot in bring(&mut lanes, endpoint(1), 1).0 {
            lanes.finished(slot, QUICK, now());
        }
    }
    let (slots, put_back) = bring(&mut lanes, endpoint(1), 500);
    assert_eq!((slots.len(), put_back), (13, 0));
}

#[test]
fn a_few_that_were_quick_and_then_hang_leave_slots_for_the_others() {
    let mut lanes = Lanes::new(256, 8_192);
    for n in 1..=9 {
        for _ in 0..100 {
            for slot in bring(&mut lanes, endpoint(n), 1).0 {
                lanes.finished(slot, QUICK, now());
            }
        }
    }
    let taken: usize = (1..=8).map(|n| bring(&mut lanes, endpoint(n), 200).0.len()).sum();
    assert!(taken < 256, "{taken}");
    assert!(!bring(&mut lanes, endpoint(9), 1).0.is_empty());
}

#[test]
fn a_receiver_that_recovers_is_trusted_again() {
    let mut lanes = Lanes::new(64, 256);
    for slot in bring(&mut lanes, endpoint(1), 1).0 {
        lanes.finished(slot, HUNG, now());
    }
    for _ in 0..40 {
        for slot in bring(&mut lanes, endpoint(1), 1).0 {
            lanes.finished(slot, QUICK, now());
        }
    }
    assert_eq!(lanes.lanes[&endpoint(1).endpoint_id].class(), Class::Fast);
    assert_eq!(bring(&mut lanes, endpoint(1), 100).0.len(), 13);
}

#[test]
fn receivers_take_turns() {
    let mut lanes = Lanes::new(4, 100);
    let (first, _) = bring(&mut lanes, endpoint(1), 10);
    let (second, _) = bring(&mut lanes, endpoint(2), 10);
    assert_eq!(
        (first.len(), second.len()),
        (1, 1),
        "half of the slots are for fresh receivers"
    );
    let mut served = Vec::new();
    let mut open: VecDeque<Slot> = first.into_iter().chain(second).collect();
    while let Some(slot) = open.pop_front() {
        lanes.finished(slot, Ending::NotTried, now());
        while let Some((slot, _)) = lanes.next_start(now()) {
            served.push(slot.receiver.endpoint_id.as_u128());
            open.push_back(slot);
        }
    }
    assert_eq!(served.len(), 18);
    assert_eq!(served[..4], [1, 2, 1, 2]);
    assert_eq!(lanes.places, 100);
    assert!(lanes.turns.is_empty() && lanes.users.is_empty());
    assert!(lanes.shares.of_users.is_empty() && lanes.shares.of_destinations.is_empty());
    assert_eq!(
        (lanes.shares.free.fresh, lanes.shares.free.fast, lanes.shares.free.slow),
        (2, 4, 2)
    );
}

#[test]
fn thousands_of_addresses_of_one_user_leave_slots_and_room_for_the_next_user() {
    for (count, hosts) in [(1_200, 1), (1_200, 1_200), (10_000, 1), (10_000, 10_000)] {
        let mut lanes = Lanes::new(256, 8_192);
        let mut started = 0;
        for n in 0..count {
            let receiver = of(1_000 + n, 1, u64::try_from(n % hosts).unwrap());
            started += bring(&mut lanes, receiver, 1).0.len();
        }
        let most = if hosts == 1 { 64 } else { 96 };
        assert!(started <= most, "{started} of {count} at {hosts} hosts");
        for user in 2..6 {
            let (slots, _) = bring(&mut lanes, of(user, user, 1_000_000 + u64::try_from(user).unwrap()), 1);
            assert_eq!(slots.len(), 1, "user {user} beside {count} at {hosts} hosts");
        }
        // Those that wait are asked about in a bounded number of steps.
        while lanes.next_start(now()).is_some() {}
        assert!(lanes.places >= 8_192 / 2);
    }
}

#[test]
fn dead_host_of_a_user_leaves_slots_for_its_others() {
    let mut lanes = Lanes::new(96, 1_024);
    for n in 0..10 {
        bring(&mut lanes, of(100 + n, 1, 7), 15);
    }
    let (slots, _) = bring(&mut lanes, of(1, 1, 8), 1);
    assert_eq!(slots.len(), 1);
}

#[test]
fn a_receiver_that_hangs_is_left_alone_after_a_few_attempts() {
    let mut lanes = Lanes::new(64, 8_192);
    let at = |seconds| now() + Duration::from_secs(seconds);
    let (mut slots, mut put_back) = bring(&mut lanes, endpoint(1), 5_000);
    let mut attempts = 0;
    while let Some(slot) = slots.pop() {
        attempts += 1;
        put_back += lanes.finished(slot, HUNG, at(15)).len();
        slots.extend(std::iter::from_fn(|| lanes.next_start(at(15))).map(|(slot, _)| slot));
    }
    assert!(attempts <= 8, "{attempts} attempts");
    assert_eq!(attempts + put_back, 5_000, "nothing waits for it here");
    // Until a minute has passed nothing is sent, then one, and after its success all.
    assert!(
        matches!(lanes.arrived(endpoint(1), 0, at(30)), Arrival::PutBack(_, wait) if wait >= Duration::from_secs(45))
    );
    let Arrival::Start(probe, _) = lanes.arrived(endpoint(1), 0, at(75)) else {
        panic!("no probe")
    };
    assert!(matches!(lanes.arrived(endpoint(1), 0, at(75)), Arrival::PutBack(..)));
    lanes.finished(probe, QUICK, at(75));
    assert!(matches!(lanes.arrived(endpoint(1), 0, at(75)), Arrival::Start(..)));
}

#[test]
fn errors_that_come_quickly_do_not_open_the_breaker() {
    let mut lanes = Lanes::new(64, 8_192);
    let error = Ending::Tried {
        succeeded: false,
        latency: Duration::from_millis(3),
    };
    for job in 0..50 {
        let Arrival::Start(slot, _) = lanes.arrived(endpoint(1), job, now()) else {
            panic!("put back")
        };
        lanes.finished(slot, error, now());
    }
}
