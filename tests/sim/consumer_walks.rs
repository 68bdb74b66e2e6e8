//! Groups under random joins, departures, deaths and failing coordinators: in the end every partition has one owner, and
//! every record was processed.

use std::collections::BTreeSet;

use kafka_sim_client::SendResult;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_core::{Seed, SimRng, TopicPartition};

use crate::fleet::Fleet;
use crate::story::secs;

const PARTITIONS: i32 = 4;

const PROTOCOLS: [(&str, &str); 5] = [
    ("partition.assignment.strategy", "range"),
    ("partition.assignment.strategy", "roundrobin"),
    ("partition.assignment.strategy", "sticky"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("group.protocol", "consumer"),
];

struct Walk {
    fleet: Fleet,
    rng: SimRng,
    protocol: (&'static str, &'static str),
    /// Members that live.
    members: Vec<usize>,
    all: Vec<usize>,
    /// Applications put records into a queue, and take their time.
    queues: bool,
}

impl Walk {
    /// A walk to its end.
    fn walked(seed: u64, protocol: (&'static str, &'static str), queues: bool) -> Walk {
        let mut walk = Walk::new(seed, protocol, queues);
        walk.join();
        for _ in 0..16 {
            walk.step();
        }
        walk.fleet.pass(secs(120));
        walk
    }

    fn new(seed: u64, protocol: (&'static str, &'static str), queues: bool) -> Walk {
        let topic = Topic::named("orders").partitions(PARTITIONS).replicas(3);
        let config = ClusterConfig {
            topics: vec![topic],
            ..ClusterConfig::simulated(3)
        };
        Walk {
            fleet: Fleet::of(config),
            rng: Seed(seed).stream("walk", 0),
            protocol,
            members: Vec::new(),
            all: Vec::new(),
            queues,
        }
    }

    fn join(&mut self) {
        let member = self.fleet.join(&[self.protocol, ("max.poll.records", "3")]);
        let app = self.fleet.app_mut(member);
        app.queues = self.queues;
        app.pace = if self.queues { secs(20) } else { secs(0) };
        self.members.push(member);
        self.all.push(member);
    }

    fn step(&mut self) {
        match self.rng.below(8) {
            0 | 1 if self.members.len() < 5 => self.join(),
            2 if self.members.len() > 1 => {
                let member = self.members.remove(self.rng.index(self.members.len()));
                self.fleet.app_mut(member).running = false;
                self.fleet.pass(secs(1));
                self.fleet
                    .on(member, |consumer, now, out| consumer.close(now, secs(30), out));
            }
            3 if self.members.len() > 1 => {
                let member = self.members.remove(self.rng.index(self.members.len()));
                self.fleet.kill(member);
            }
            4 => {
                // The group `g` belongs to partition 3 of 50.
                let role = Role::leader_of("__consumer_offsets", 3);
                let now = self.fleet.now;
                self.fleet.schedule(Fault::Kill(role).at(now).healed_after(secs(15)));
            }
            _ => {
                let partition = i32::try_from(self.rng.below(4)).expect("few partitions");
                self.fleet.produce(partition, 10);
            }
        }
        let pause = self.rng.between(0, 8);
        self.fleet.pass(secs(pause));
    }

    fn owners(&self) -> Vec<TopicPartition> {
        let owned = self.members.iter().flat_map(|member| self.fleet.app(*member).owned());
        let mut owned: Vec<TopicPartition> = owned.collect();
        owned.sort();
        owned
    }

    fn acknowledged(&self) -> usize {
        let sent = self.fleet.sent.iter();
        sent.filter(|outcome| matches!(outcome.result, SendResult::Acked { .. }))
            .count()
    }

    fn processed(&self) -> usize {
        let done = self.all.iter().flat_map(|member| &self.fleet.app(*member).processed);
        done.collect::<BTreeSet<_>>().len()
    }
}

#[test]
fn every_partition_has_one_owner_in_the_end_and_every_acknowledged_record_was_processed() {
    for seed in 0..2 {
        for protocol in PROTOCOLS {
            let walk = Walk::walked(seed, protocol, false);
            let expected: Vec<TopicPartition> = (0..PARTITIONS)
                .map(|index| TopicPartition::new("orders", index))
                .collect();
            assert_eq!(walk.owners(), expected, "seed {seed}, {protocol:?}");
            let acknowledged = walk.acknowledged();
            assert_eq!(walk.processed(), acknowledged, "seed {seed}, {protocol:?}");
            assert!(acknowledged > 0, "seed {seed} produces something");
        }
    }
}

#[test]
fn records_in_queues_are_lost_with_the_processes_that_hold_them() {
    let losses = (0..4).filter(|seed| {
        let walk = Walk::walked(*seed, PROTOCOLS[0], true);
        walk.processed() < walk.acknowledged()
    });
    assert!(losses.count() > 0);
}
