//! A running cluster, hostile clients and faults in any order: nothing panics, a clone of the cluster does exactly the
//! same, and once everything is healed the cluster becomes whole again.
#![no_main]

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::fault::{Fault, Filter, Role};
use kafka_sim_cluster::{Cluster, ClusterConfig, Input, Output, Topic};
use kafka_sim_core::{BrokerId, ConnId, Seed, SimTime};
use libfuzzer_sys::fuzz_target;

const BROKERS: i32 = 3;
const PARTITIONS: i32 = 2;
const MOST_STEPS: usize = 40;

#[derive(Arbitrary, Clone, Debug)]
enum Step {
    Connect {
        broker: u8,
    },
    /// A frame with an honest size, because the size is the business of the target `frames`.
    Request {
        conn: u8,
        key: u8,
        version: u8,
        body: Vec<u8>,
    },
    Raw {
        conn: u8,
        bytes: Vec<u8>,
    },
    Disconnect {
        conn: u8,
    },
    Wait {
        ms: u16,
    },
    Harm {
        fault: Harm,
        partition: u8,
        heal_after_ms: u16,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Harm {
    Kill,
    PowerLoss,
    TornTail,
    CleanStop,
    ControlledStop,
    Restart,
    Pause,
    Isolate,
    IsolateFromController,
    SlowFsync,
    DropRequest,
    DropResponse,
    KillEverybody,
    LosePowerEverywhere,
}

impl Harm {
    fn fault(self, partition: u8) -> Fault {
        let leader = || Role::leader_of("orders", i32::from(partition) % PARTITIONS);
        match self {
            Harm::Kill => Fault::Kill(leader()),
            Harm::PowerLoss => Fault::PowerLoss {
                target: leader(),
                survivors: Survivors::None,
            },
            Harm::TornTail => Fault::PowerLoss {
                target: leader(),
                survivors: Survivors::TornTail,
            },
            Harm::CleanStop => Fault::CleanStop(leader()),
            Harm::ControlledStop => Fault::ControlledStop(leader()),
            Harm::Restart => Fault::Restart(leader()),
            Harm::Pause => Fault::Pause(leader()),
            Harm::Isolate => Fault::Isolate(leader()),
            Harm::IsolateFromController => Fault::IsolateFromController(leader()),
            Harm::SlowFsync => Fault::SlowFsync {
                target: leader(),
                latency: Duration::from_millis(300),
            },
            Harm::DropRequest => Fault::DropRequest(Filter::next(1)),
            Harm::DropResponse => Fault::DropResponse(Filter::next(1)),
            Harm::KillEverybody => Fault::Kill(Role::AllBrokers),
            Harm::LosePowerEverywhere => Fault::PowerLoss {
                target: Role::AllBrokers,
                survivors: Survivors::PageSubset,
            },
        }
    }
}

/// A cluster that is up, and how far it has come.
#[derive(Clone)]
struct World {
    cluster: Cluster,
    now: SimTime,
    connections: u64,
    out: Vec<Output>,
}

impl World {
    fn started() -> World {
        let mut config = ClusterConfig::simulated(BROKERS as usize);
        config
            .topics
            .push(Topic::named("orders").partitions(PARTITIONS).replicas(3));
        let cluster = Cluster::new(config, Seed(1)).expect("a valid configuration");
        let mut world = World {
            cluster,
            now: SimTime::ZERO,
            connections: 0,
            out: Vec::new(),
        };
        assert!(world.settle(Duration::from_secs(30)), "a new cluster becomes whole");
        world
    }

    /// Lets `time` pass, firing everything at its own moment.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.cluster.next_due().filter(|due| *due <= until) {
            self.cluster.advance(due.max(self.now), &mut self.out);
            self.now = due.max(self.now);
        }
        self.now = until;
        self.cluster.advance(until, &mut self.out);
        self.out.clear();
    }

    /// Whether the cluster is whole within `bound`.
    fn settle(&mut self, bound: Duration) -> bool {
        let end = self.now + bound;
        while self.now < end && !(self.cluster.is_ready() && self.cluster.is_converged()) {
            self.wait(Duration::from_millis(500));
        }
        self.cluster.is_converged()
    }

    fn send(&mut self, conn: u8, bytes: Bytes) {
        if self.connections > 0 {
            let conn = ConnId(u64::from(conn) % self.connections);
            self.take(Input::Data { conn, bytes });
        }
    }

    fn take(&mut self, input: Input) {
        self.cluster.handle(self.now, input, &mut self.out);
        self.out.clear();
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Connect { broker } => {
                let conn = ConnId(self.connections);
                self.connections += 1;
                let broker = BrokerId(i32::from(*broker) % BROKERS);
                self.take(Input::Connect {
                    conn,
                    broker,
                    host: Arc::from("fuzz"),
                });
                self.wait(Duration::from_millis(20));
            }
            Step::Request {
                conn,
                key,
                version,
                body,
            } => {
                let mut frame = BytesMut::new();
                frame.put_i32(body.len() as i32 + 8);
                frame.put_i16(i16::from(*key % 93));
                frame.put_i16(i16::from(*version % 19));
                frame.put_i32(1);
                frame.put_slice(body);
                self.send(*conn, frame.freeze());
            }
            Step::Raw { conn, bytes } => self.send(*conn, Bytes::copy_from_slice(bytes)),
            Step::Disconnect { conn } if self.connections > 0 => {
                self.take(Input::Disconnect {
                    conn: ConnId(u64::from(*conn) % self.connections),
                });
            }
            Step::Disconnect { .. } => {}
            Step::Wait { ms } => self.wait(Duration::from_millis(u64::from(*ms % 5_000))),
            Step::Harm {
                fault,
                partition,
                heal_after_ms,
            } => {
                let heal_after = Duration::from_millis(u64::from(*heal_after_ms % 5_000));
                let fault = fault.fault(*partition).at(self.now).healed_after(heal_after);
                self.take(Input::Fault(fault));
            }
        }
    }
}

thread_local! {
    static STARTED: OnceCell<World> = const { OnceCell::new() };
}

fuzz_target!(|steps: Vec<Step>| {
    let mut world = STARTED.with(|started| started.get_or_init(World::started).clone());
    let mut twin = world.clone();
    for step in steps.iter().take(MOST_STEPS) {
        world.step(step);
        twin.step(step);
    }
    assert_eq!(
        world.cluster.trace().hash(),
        twin.cluster.trace().hash(),
        "a clone did something else"
    );
    world.take(Input::HealAll);
    assert!(
        world.settle(Duration::from_secs(180)),
        "not whole 180 s after everything was healed"
    );
});
