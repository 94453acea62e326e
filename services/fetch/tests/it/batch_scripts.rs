//! The scripts of batches against a model, in any order of requests, timers and crashes.

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::api::price::BatchTrigger;
use contracts::keys;
use domain::coin_id::CoinId;
use fetch::batch::coordinator::{Admission, Claim, Coordinator, Grant};
use fetch::batch::outcome::{BatchResult, Failure, Outcome};
use fetch::batch::rules::BatchRules;
use fetch::batch::scripts::Scripts;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redis::AsyncCommands;
use testkit::TestRedis;
use tokio::runtime::Runtime;
use uuid::Uuid;

const CLOCK: &str = "local now = tonumber(redis.call('GET', 'test:now'))\n";

const RULES: BatchRules = BatchRules {
    admission_timeout: Duration::from_millis(500),
    threshold: 3,
    window: Duration::from_millis(5_000),
    result_timeout: Duration::from_millis(8_000),
    lease: Duration::from_millis(2_750),
    upstream_timeout: Duration::from_millis(2_500),
    coalesce: Duration::from_millis(50),
};

const WINDOW: u64 = 5_000;
const LEASE: u64 = 2_750;
const UPSTREAM: u64 = 2_500;
const RESULT_TIMEOUT: u64 = 8_000;
const PROCESSES: usize = 3;

/// What happens next. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    /// A process gets a request.
    Request(usize),
    /// A client of the newest batch disconnects.
    Disconnect,
    /// A process tries to flush a batch, whether or not its timer has fired.
    Claim(usize, usize),
    /// Whoever flushes a batch brings the result.
    Finish(usize),
    /// Whoever flushes a batch takes longer.
    Renew(usize),
    /// A process dies, with all that waits there and all that it flushes.
    Crash(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..PROCESSES).prop_map(Step::Request),
        1 => Just(Step::Disconnect),
        6 => (0..PROCESSES, 0..4_usize).prop_map(|(process, batch)| Step::Claim(process, batch)),
        3 => (0..4_usize).prop_map(Step::Finish),
        1 => (0..4_usize).prop_map(Step::Renew),
        1 => (0..PROCESSES).prop_map(Step::Crash),
        4 => prop_oneof![1..300_u64, Just(LEASE), Just(WINDOW)].prop_map(Step::Wait),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Open,
    Closed,
    Flushing {
        owner: Uuid,
        lease_until: u64,
    },
    Done,
    /// All of its requests have left.
    Ended,
}

#[derive(Debug)]
struct ModelBatch {
    id: Uuid,
    status: Status,
    count: u32,
    opened: u64,
    deadline: u64,
    claims: u32,
    is_full: bool,
    /// The process that flushes, unless it died.
    flusher: Option<usize>,
    /// Requests by process.
    waiting: BTreeMap<usize, u32>,
}

impl ModelBatch {
    fn grant(&self, time_left: Duration) -> Grant {
        Grant {
            size: self.count,
            trigger: if self.is_full {
                BatchTrigger::Threshold
            } else {
                BatchTrigger::Window
            },
            time_left,
        }
    }
}

/// What should be true, and the scripts beside it.
struct World {
    redis: TestRedis,
    coordinator: Coordinator,
    coin: CoinId,
    now: u64,
    batches: Vec<ModelBatch>,
    /// Who a process claims as; another one after a crash.
    owners: [Uuid; PROCESSES],
}

impl World {
    async fn new(redis: TestRedis) -> Self {
        let coordinator = Coordinator::new(redis.connection.clone(), Scripts::with_clock(CLOCK), RULES);
        let mut world = Self {
            redis,
            coordinator,
            coin: "bitcoin".parse().unwrap(),
            now: 1_700_000_000_000,
            batches: Vec::new(),
            owners: [(); PROCESSES].map(|()| Uuid::now_v7()),
        };
        world.wait(0).await;
        world
    }

    async fn wait(&mut self, ms: u64) {
        self.now += ms;
        let () = self.redis.connection.set("test:now", self.now).await.unwrap();
    }

    /// The batches from the newest to the oldest.
    fn nth(&self, index: usize) -> Option<usize> {
        self.batches.len().checked_sub(index + 1)
    }

    async fn request(&mut self, process: usize) {
        let admission = self.coordinator.admit(&self.coin).await.unwrap();
        let Admission::Admitted(place) = admission else {
            panic!("{admission:?}")
        };
        let joins = self
            .batches
            .last()
            .is_some_and(|batch| batch.status == Status::Open && self.now < batch.deadline);
        if !joins {
            assert!(
                self.batches.iter().all(|batch| batch.id != place.batch_id),
                "an old batch was joined"
            );
            self.batches.push(ModelBatch {
                id: place.batch_id,
                status: Status::Open,
                count: 0,
                opened: self.now,
                deadline: self.now + WINDOW,
                claims: 0,
                is_full: false,
                flusher: None,
                waiting: BTreeMap::new(),
            });
        }
        let batch = self.batches.last_mut().unwrap();
        assert_eq!(place.batch_id, batch.id);
        batch.count += 1;
        *batch.waiting.entry(process).or_default() += 1;
        if batch.count == RULES.threshold {
            batch.status = Status::Closed;
            batch.is_full = true;
        }
        assert_eq!(place.is_last, batch.is_full);
    }

    async fn disconnect(&mut self) {
        let Some(batch) = self.batches.last_mut() else { return };
        let Some((&process, _)) = batch.waiting.iter().next() else {
            return;
        };
        self.coordinator.leave(&self.coin, batch.id).await.unwrap();
        let left = batch.waiting.get_mut(&process).unwrap();
        *left -= 1;
        if *left == 0 {
            batch.waiting.remove(&process);
        }
        if batch.status == Status::Open {
            batch.count -= 1;
            if batch.count == 0 {
                batch.status = Status::Ended;
            }
        }
    }

    async fn claim(&mut self, process: usize, index: usize) {
        let Some(at) = self.nth(index) else { return };
        let (now, owner) = (self.now, self.owners[process]);
        let batch = &mut self.batches[at];
        let claim = self.coordinator.claim(&self.coin, batch.id, owner).await.unwrap();
        let time_left = (batch.opened + RESULT_TIMEOUT).saturating_sub(now);
        let ms = Duration::from_millis;
        let expected = match batch.status {
            Status::Ended => Claim::Gone,
            Status::Done => Claim::Done,
            // It did not hear the first answer.
            Status::Flushing { owner: right, .. } if right == owner => {
                batch.status = Status::Flushing {
                    owner,
                    lease_until: now + LEASE,
                };
                Claim::Granted(batch.grant(ms(time_left)))
            }
            Status::Open if now < batch.deadline => Claim::Early(ms(batch.deadline - now)),
            Status::Flushing { lease_until, .. } if now < lease_until => Claim::Busy(ms(lease_until - now)),
            Status::Flushing { .. } if batch.claims > 1 || time_left < UPSTREAM => Claim::Late,
            Status::Open | Status::Closed | Status::Flushing { .. } => {
                batch.status = Status::Flushing {
                    owner,
                    lease_until: now + LEASE,
                };
                batch.claims += 1;
                batch.flusher = Some(process);
                Claim::Granted(batch.grant(ms(time_left)))
            }
        };
        assert_eq!(claim, expected);
        assert!(batch.claims <= 2, "a batch is flushed once, and taken over once");
    }

    fn result(&self, at: usize) -> BatchResult {
        BatchResult {
            coin_id: self.coin.clone(),
            batch_id: self.batches[at].id,
            size: self.batches[at].count,
            trigger: BatchTrigger::Window,
            outcome: Outcome::Failure(Failure::UPSTREAM),
        }
    }

    async fn finish(&mut self, index: usize) {
        let Some(at) = self.nth(index) else { return };
        let result = self.result(at);
        // All that ever flushed it may still believe that they do.
        for (process, owner) in self.owners.into_iter().enumerate() {
            let batch = &mut self.batches[at];
            let is_accepted = self.coordinator.finish(&result, owner).await.unwrap();
            match batch.status {
                Status::Flushing { owner: right, .. } if right == owner => {
                    assert!(is_accepted);
                    assert_eq!(batch.flusher, Some(process));
                    batch.status = Status::Done;
                }
                Status::Done => assert!(!is_accepted || batch.flusher == Some(process)),
                Status::Open | Status::Closed | Status::Flushing { .. } | Status::Ended => assert!(!is_accepted),
            }
        }
        let stored = self.coordinator.find_result(&self.coin, result.batch_id).await.unwrap();
        assert_eq!(stored.is_some(), self.batches[at].status == Status::Done);
    }

    async fn renew(&mut self, index: usize) {
        let Some(at) = self.nth(index) else { return };
        for owner in self.owners {
            let batch = &mut self.batches[at];
            let is_renewed = self.coordinator.renew(&self.coin, batch.id, owner).await.unwrap();
            let is_owner = matches!(batch.status, Status::Flushing { owner: right, .. } if right == owner);
            assert_eq!(is_renewed, is_owner);
            if is_renewed {
                batch.status = Status::Flushing {
                    owner,
                    lease_until: self.now + LEASE,
                };
            }
        }
    }

    fn crash(&mut self, process: usize) {
        self.owners[process] = Uuid::now_v7();
        for batch in &mut self.batches {
            batch.waiting.remove(&process);
            if batch.flusher == Some(process) {
                batch.flusher = None;
            }
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Request(process) => self.request(process).await,
            Step::Disconnect => self.disconnect().await,
            Step::Claim(process, batch) => self.claim(process, batch).await,
            Step::Finish(batch) => self.finish(batch).await,
            Step::Renew(batch) => self.renew(batch).await,
            Step::Crash(process) => self.crash(process),
            Step::Wait(ms) => self.wait(ms).await,
        }
    }

    /// Nobody dies any more: every timer fires in its time, and each flush brings its result. Then all who wait have an
    /// answer, unless two flushes of their batch died, or one so late that the first waiter had no time for another.
    async fn settle(&mut self) {
        for _ in 0..2 {
            for index in 0..self.batches.len() {
                let at = self.batches.len() - 1 - index;
                let Some((&process, _)) = self.batches[at].waiting.iter().next() else {
                    continue;
                };
                self.claim(process, index).await;
                if self.batches[at].flusher.is_some() {
                    self.finish(index).await;
                }
            }
            self.wait(WINDOW.max(LEASE)).await;
        }
        for batch in self.batches.iter().filter(|batch| !batch.waiting.is_empty()) {
            let was_given_up = batch.claims == 2 || self.now + UPSTREAM > batch.opened + RESULT_TIMEOUT;
            let is_lost = matches!(batch.status, Status::Flushing { .. }) && batch.flusher.is_none() && was_given_up;
            assert!(batch.status == Status::Done || is_lost, "{batch:?} at {}", self.now);
        }
        for key in self.redis.connection.keys::<_, Vec<String>>("{batch:*").await.unwrap() {
            let ttl: i64 = self.redis.connection.pttl(&key).await.unwrap();
            assert!(ttl > 0, "{key} stays for ever");
        }
        assert!(keys::open_batch(&self.coin).starts_with("{batch:"));
    }
}

#[test]
fn no_batch_has_two_flushes_and_no_waiter_is_forgotten() {
    let runtime = Runtime::new().unwrap();
    let config = Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    };
    let redis = std::cell::RefCell::new(Some(runtime.block_on(testkit::redis())));
    let run = |steps: Vec<Step>| {
        runtime.block_on(async {
            let own = redis.borrow_mut().take();
            let own = match own {
                Some(own) => own,
                None => testkit::redis().await,
            };
            own.flush().await;
            let mut world = World::new(own).await;
            for step in steps {
                world.take(step).await;
            }
            world.settle().await;
            *redis.borrow_mut() = Some(world.redis);
        });
        Ok(())
    };
    let steps = prop::collection::vec(step(), 1..50);
    TestRunner::new(config).run(&steps, run).unwrap();
}
