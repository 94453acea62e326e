use super::*;

/// An endpoint with a user and a host of its own, of which nothing is known.
fn endpoint(n: u128) -> Endpoint {
    of(n, n, u64::try_from(n).unwrap())
}

fn of(endpoint: u128, user: u128, destination: u64) -> Endpoint {
    Endpoint {
        endpoint_id: Uuid::from_u128(endpoint),
        user_id: Uuid::from_u128(user),
        destination,
        pace: EndpointPace::Unknown,
    }
}

fn fast(n: u128) -> Endpoint {
    Endpoint {
        pace: EndpointPace::Fast,
        ..endpoint(n)
    }
}

/// Admits `count` messages; gives back the slots of those that started, and how many were deferred.
fn admit(queue: &mut FairQueue<u32>, to: Endpoint, count: u32) -> (Vec<Slot>, usize) {
    let (mut slots, mut deferred) = (Vec::new(), 0);
    for job in 0..count {
        match queue.admit(to, job) {
            Admission::Start(slot, _) => slots.push(slot),
            Admission::Queued => {}
            Admission::Deferred(_) => deferred += 1,
        }
    }
    (slots, deferred)
}

#[test]
fn endpoint_takes_at_most_a_fifth_of_the_slots_of_its_pace() {
    let mut queue = FairQueue::new(100, 1_000);
    assert_eq!(admit(&mut queue, fast(1), 500).0.len(), 20);
    assert_eq!(admit(&mut queue, endpoint(2), 500).0.len(), 10);
}

#[test]
fn many_hanging_endpoints_do_not_delay_a_fast_one() {
    let mut queue = FairQueue::new(64, 256);
    for n in 100..400 {
        admit(&mut queue, endpoint(n), 4);
    }
    let (slots, deferred) = admit(&mut queue, fast(1), 20);
    assert_eq!((slots.len(), deferred), (13, 0));
    let mut delivered = 0;
    let mut open: VecDeque<Slot> = slots.into();
    while let Some(slot) = open.pop_front() {
        queue.release(slot);
        delivered += 1;
        open.extend(std::iter::from_fn(|| queue.next_start()).map(|(slot, _)| slot));
    }
    assert_eq!(delivered, 20);
}

#[test]
fn unknown_endpoint_starts_at_once_beside_ten_that_hang() {
    let mut queue = FairQueue::new(256, 1_024);
    for n in 0..10 {
        admit(&mut queue, endpoint(n), 500);
    }
    assert_eq!(admit(&mut queue, endpoint(99), 1).0.len(), 1);
}

#[test]
fn endpoints_that_were_fast_and_hang_leave_slots_for_the_others() {
    let mut queue = FairQueue::new(256, 8_192);
    let taken: usize = (1..=8).map(|n| admit(&mut queue, fast(n), 200).0.len()).sum();
    assert!(taken < 256, "{taken}");
    assert!(!admit(&mut queue, fast(9), 1).0.is_empty());
}

#[test]
fn user_whose_fast_endpoints_all_hang_leaves_fast_slots_for_the_next() {
    let mut queue = FairQueue::new(256, 8_192);
    for n in 0..1_000 {
        let endpoint = Endpoint {
            pace: EndpointPace::Fast,
            ..of(100 + n, 1, 7)
        };
        admit(&mut queue, endpoint, 1);
    }
    assert_eq!(queue.slots.free[&EndpointPace::Fast], 64);
    assert_eq!(admit(&mut queue, fast(2), 1).0.len(), 1);
}

#[test]
fn half_of_the_capacity_is_reserved_for_fast_endpoints() {
    let mut queue = FairQueue::new(2, 100);
    let mut waiting = 0;
    for n in 1..=60 {
        let (slots, deferred) = admit(&mut queue, endpoint(n), 4);
        waiting += 4 - slots.len() - deferred;
    }
    assert_eq!(waiting, 50);
    let (slots, deferred) = admit(&mut queue, fast(99), 60);
    assert_eq!((slots.len(), deferred), (1, 60 - 1 - 50));
}

#[test]
fn endpoints_take_turns_and_leave_nothing_behind() {
    let mut queue = FairQueue::new(4, 100);
    let (first, _) = admit(&mut queue, endpoint(1), 10);
    let (second, _) = admit(&mut queue, endpoint(2), 10);
    assert_eq!(
        (first.len(), second.len()),
        (1, 1),
        "half of the slots are for unknown endpoints"
    );
    let mut served = Vec::new();
    let mut open: VecDeque<Slot> = first.into_iter().chain(second).collect();
    while let Some(slot) = open.pop_front() {
        queue.release(slot);
        while let Some((slot, _)) = queue.next_start() {
            served.push(slot.endpoint.endpoint_id.as_u128());
            open.push_back(slot);
        }
    }
    assert_eq!(served.len(), 18);
    assert_eq!(served[..4], [1, 2, 1, 2]);
    assert_eq!(queue.capacity, 100);
    assert!(queue.users.is_empty() && queue.turns.is_empty() && queue.endpoints.is_empty());
    assert!(queue.slots.of_users.is_empty() && queue.slots.of_destinations.is_empty());
    let free = |pace| queue.slots.free[&pace];
    assert_eq!(
        [
            free(EndpointPace::Unknown),
            free(EndpointPace::Fast),
            free(EndpointPace::Slow)
        ],
        [2, 4, 2]
    );
}

#[test]
fn thousands_of_urls_of_one_user_leave_slots_and_room_for_the_next_user() {
    for (count, hosts) in [(1_200, 1), (1_200, 1_200), (10_000, 1), (10_000, 10_000)] {
        let mut queue = FairQueue::new(256, 8_192);
        let mut started = 0;
        for n in 0..count {
            let endpoint = of(1_000 + n, 1, u64::try_from(n % hosts).unwrap());
            started += admit(&mut queue, endpoint, 1).0.len();
        }
        let most = if hosts == 1 { 64 } else { 96 };
        assert!(started <= most, "{started} of {count} at {hosts} hosts");
        for user in 2..6 {
            let (slots, _) = admit(&mut queue, of(user, user, 1_000_000 + u64::try_from(user).unwrap()), 1);
            assert_eq!(slots.len(), 1, "user {user} beside {count} at {hosts} hosts");
        }
        // Those that wait are asked about in a bounded number of steps.
        while queue.next_start().is_some() {}
        assert!(queue.capacity >= 8_192 / 2);
    }
}

#[test]
fn dead_host_of_a_user_leaves_slots_for_its_others() {
    let mut queue = FairQueue::new(96, 1_024);
    for n in 0..10 {
        admit(&mut queue, of(100 + n, 1, 7), 15);
    }
    assert_eq!(admit(&mut queue, of(1, 1, 8), 1).0.len(), 1);
}
