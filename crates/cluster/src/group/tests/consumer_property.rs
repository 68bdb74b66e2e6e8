//! Consumer groups under random joins, departures, silences, failovers and lost answers: no partition is ever held by
//! two members at once, and once everybody is heard of again the assignment is whole and balanced.

use std::collections::{BTreeMap, BTreeSet};

use kafka_sim_core::{ErrorCode, Seed, SimRng};
use uuid::Uuid;

use super::rig::{Rig, beating, joining, owning};
use crate::group::words::{Beat, Beaten, Parts, Text};

const SEEDS: u64 = 40;
const STEPS: usize = 120;
const SESSION_MS: u64 = 45_000;

/// A member as its own process sees it.
#[derive(Default)]
struct Client {
    epoch: i32,
    /// What it works on.
    holds: Parts,
    /// What it was last told to own.
    told: Parts,
    silent_since_ms: Option<u64>,
}

struct Play {
    rig: Rig,
    rng: SimRng,
    clients: BTreeMap<Text, Client>,
    names: usize,
    /// Members say that they have given back what they still work on.
    lies: bool,
}

impl Play {
    fn new(seed: u64, lies: bool) -> Play {
        Play {
            rig: Rig::new(),
            rng: Seed(seed).stream("play", 0),
            clients: BTreeMap::new(),
            names: 0,
            lies,
        }
    }

    fn now_ms(&self) -> u64 {
        self.rig.now.as_millis()
    }

    fn step(&mut self) {
        match self.rng.below(20) {
            0..=2 if self.clients.len() < 6 => self.join(),
            3 => self.leave(),
            4 => self.fall_silent(),
            5 => self.rig.fail_over(self.rig.log.records.len()),
            6 => self.lose_an_answer(),
            7 => self.pass(5_000),
            8 => {
                let partitions = self.rig.image.topic_named("orders").unwrap().partitions.len();
                self.rig.grow("orders", (partitions + 1).min(9));
            }
            _ => {
                if let Some(id) = self.somebody() {
                    let gives_back = self.rng.chance(1, 2);
                    self.beat(&id, gives_back);
                }
                self.pass(500);
            }
        }
    }

    fn somebody(&mut self) -> Option<Text> {
        let heard = self
            .clients
            .iter()
            .filter(|(_, client)| client.silent_since_ms.is_none());
        let heard: Vec<Text> = heard.map(|(id, _)| id.clone()).collect();
        self.rng.pick(&heard).cloned()
    }

    fn join(&mut self) {
        self.names += 1;
        let id = Text::from(format!("m{}", self.names));
        let topic = if self.rng.chance(1, 4) { "payments" } else { "orders" };
        let mut beat = joining(&id, topic);
        if self.rng.chance(1, 3) {
            beat.topics = Some(["orders", "payments"].map(Text::from).into());
        }
        self.clients.insert(id.clone(), Client::default());
        let beaten = self.rig.beat(beat);
        self.hear(&id, beaten);
    }

    fn leave(&mut self) {
        if let Some(id) = self.somebody() {
            self.clients.remove(&id);
            self.rig.beat(beating(&id, -1));
        }
    }

    fn fall_silent(&mut self) {
        let now_ms = self.now_ms();
        if let Some(id) = self.somebody() {
            self.clients.get_mut(&id).unwrap().silent_since_ms = Some(now_ms);
        }
    }

    /// Whoever is silent for longer than its session has noticed itself, and works on nothing any more.
    fn pass(&mut self, ms: u64) {
        let now_ms = self.now_ms() + ms;
        let is_over = |client: &Client| client.silent_since_ms.is_some_and(|since| now_ms >= since + SESSION_MS);
        self.clients.retain(|_, client| !is_over(client));
        self.rig.pass(ms);
    }

    fn request(&mut self, id: &Text) -> Beat {
        let client = &self.clients[id];
        let reported = if self.lies { &client.told } else { &client.holds };
        owning(id, client.epoch, reported.clone())
    }

    fn beat(&mut self, id: &Text, gives_back: bool) {
        if gives_back && !self.lies {
            let client = self.clients.get_mut(id).unwrap();
            client.holds = client.told.clone();
        }
        let request = self.request(id);
        let beaten = self.rig.beat(request);
        self.hear(id, beaten);
    }

    /// The coordinator dies before the answer is replicated.
    fn lose_an_answer(&mut self) {
        let Some(id) = self.somebody() else { return };
        let kept = self.rig.log.records.len();
        self.rig.replicates = false;
        let request = self.request(&id);
        self.rig.send_beat(request);
        self.rig.replicates = true;
        self.rig.fail_over(kept);
    }

    fn hear(&mut self, id: &Text, beaten: Beaten) {
        let client = self.clients.get_mut(id).unwrap();
        match beaten.error {
            ErrorCode::NONE => {
                client.epoch = beaten.epoch;
                if let Some(told) = beaten.assignment {
                    // What is new is taken at once, what is to go is worked on for a while.
                    for (topic, indexes) in &*told {
                        client.holds.entry(*topic).or_default().extend(indexes);
                    }
                    client.told = Parts::clone(&told);
                }
            }
            ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::FENCED_MEMBER_EPOCH => {
                self.clients.remove(id);
            }
            other => panic!("{id} is answered with {other}"),
        }
    }

    /// A partition that two members work on.
    fn shared(&self) -> Option<(Uuid, i32)> {
        let mut seen = BTreeSet::new();
        let held = self.clients.values().flat_map(|client| {
            let parts = client.holds.iter();
            parts.flat_map(|(topic, indexes)| indexes.iter().map(|index| (*topic, *index)))
        });
        held.into_iter().find(|partition| !seen.insert(*partition))
    }

    /// Everybody is heard of until nothing changes.
    fn settle(&mut self) {
        for _ in 0..12 {
            let ids: Vec<Text> = self.clients.keys().cloned().collect();
            for id in ids {
                if self
                    .clients
                    .get(&id)
                    .is_some_and(|client| client.silent_since_ms.is_none())
                {
                    self.beat(&id, true);
                }
            }
            self.pass(5_000);
        }
    }
}

#[test]
fn no_partition_is_held_by_two_members_and_in_the_end_every_one_by_one() {
    for seed in 0..SEEDS {
        let mut play = Play::new(seed, false);
        for step in 0..STEPS {
            play.step();
            assert_eq!(play.shared(), None, "seed {seed}, step {step}");
        }
        play.join();
        play.settle();
        let group = play.rig.consumer_group();
        assert_eq!(group.state(), "Stable", "seed {seed}");
        for topic in ["orders", "payments"] {
            let state = play.rig.image.topic_named(topic).unwrap();
            let readers = group.members.values().filter(|m| m.metadata.topics.contains(topic));
            let counts: Vec<usize> = readers
                .map(|m| m.assigned.get(&state.id).map_or(0, BTreeSet::len))
                .collect();
            let held: usize = counts.iter().sum();
            let expected = if counts.is_empty() { 0 } else { state.partitions.len() };
            assert_eq!(held, expected, "seed {seed}: all of {topic} is assigned");
        }
        for member in group.members.values() {
            assert_eq!(play.clients[&member.id].told, *member.assigned, "seed {seed}");
        }
    }
}

#[test]
fn members_that_only_say_they_have_given_back_hold_partitions_together() {
    let caught = (0..SEEDS).any(|seed| {
        let mut play = Play::new(seed, true);
        (0..STEPS).any(|_| {
            play.step();
            play.shared().is_some()
        })
    });
    assert!(caught);
}

#[test]
fn members_of_the_same_topics_get_as_many_partitions_give_or_take_one() {
    for (members, assignor) in [
        (2, "uniform"),
        (3, "uniform"),
        (7, "uniform"),
        (3, "range"),
        (5, "range"),
    ] {
        let mut rig = Rig::with("group.consumer.assignors", assignor);
        rig.grow("orders", 17);
        let ids: Vec<Text> = (0..members).map(|index| Text::from(format!("m{index}"))).collect();
        for id in &ids {
            rig.beat(joining(id, "orders"));
        }
        let group = rig.consumer_group();
        let counts: Vec<usize> = group
            .targets
            .values()
            .map(|parts| parts.values().map(BTreeSet::len).sum())
            .collect();
        assert_eq!(counts.iter().sum::<usize>(), 17);
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most - least <= 1, "{assignor} of {members}: {counts:?}");
    }
}
