//! What one member changes of a uniform assignment, worked out without a look at all members, is what a look at all gives.

use std::sync::Arc;

use kafka_sim_core::{Seed, SimRng};

use super::rig::{Rig, beating, joining, owning, parts, topic_id};
use crate::group::consumer::{ConsumerGroup, ConsumerMember, all_changes, changes};
use crate::group::records::Change;
use crate::group::words::{Beat, LEAVES_FOR_A_WHILE, Parts, Text};
use crate::peer::MetadataImage;

const SEEDS: u64 = 60;
const STEPS: usize = 80;

struct Play {
    rig: Rig,
    rng: SimRng,
    names: u64,
    most: usize,
    /// One member in so many reads other topics than the rest.
    mixed: Option<u32>,
}

impl Play {
    fn new(seed: u64) -> Play {
        let mut rng = Seed(seed).stream("few", 0);
        let mut rig = Rig::new();
        rig.grow("orders", rng.index(60) + 1);
        rig.grow("payments", rng.index(6) + 1);
        Play {
            rig,
            names: 0,
            most: [3, 12, 40][rng.index(3)],
            mixed: rng.chance(1, 4).then_some(6),
            rng,
        }
    }

    fn members(&self) -> usize {
        let group = self.rig.shard.consumer_groups.get("g");
        group.map_or(0, |group| group.members.len())
    }

    fn somebody(&mut self) -> Option<ConsumerMember> {
        let group = self.rig.shard.consumer_groups.get("g")?;
        let members: Vec<&ConsumerMember> = group.members.values().collect();
        self.rng.pick(&members).map(|member| (*member).clone())
    }

    /// Neither the first nor the last in order of the ids.
    fn name(&mut self) -> Text {
        self.names += 1;
        format!("m{:03}-{}", self.rng.below(1_000), self.names).into()
    }

    fn topics(&mut self) -> Vec<&'static str> {
        let is_odd = self.mixed.is_some_and(|odd| self.rng.chance(1, odd));
        if is_odd {
            vec!["orders"]
        } else {
            vec!["orders", "payments"]
        }
    }

    fn join(&mut self, instance: Option<Text>) {
        let id = self.name();
        let topics = self.topics().into_iter().map(Text::from).collect();
        let mut beat = Beat {
            topics: Some(topics),
            ..joining(&id, "orders")
        };
        beat.caller.instance = instance;
        self.rig.beat(beat);
    }

    fn step(&mut self) {
        match self.rng.below(20) {
            0..=5 if self.members() < self.most => {
                let instance = self.rng.chance(1, 4).then(|| self.name());
                self.join(instance);
            }
            6..=8 => self.leave(),
            9 => {
                let (topic, more) = (["orders", "payments"][self.rng.index(2)], self.rng.index(5));
                let topic_now = self.rig.image.topic_named(topic);
                let now = topic_now.map_or(0, |topic| topic.partitions.len());
                self.rig.grow(topic, now + more + usize::from(now == 0));
            }
            10 if self.rng.chance(1, 3) => self.rig.delete_topic("payments"),
            11 => self.rig.fail_over(self.rig.log.records.len()),
            _ => {
                if let Some(member) = self.somebody().filter(|member| member.epoch >= 0) {
                    let owned = Parts::clone(&member.assigned);
                    let mut beat = owning(&member.id, member.epoch, owned);
                    beat.caller.instance = member.instance().cloned();
                    self.rig.beat(beat);
                }
            }
        }
    }

    /// For good or for a while; then somebody comes in its place.
    fn leave(&mut self) {
        let Some(member) = self.somebody() else { return };
        let mut beat = beating(&member.id, -1);
        if let Some(instance) = member.instance() {
            beat.caller.instance = Some(instance.clone());
            if self.rng.chance(1, 2) {
                beat.epoch = LEAVES_FOR_A_WHILE;
                self.rig.beat(beat);
                return self.join(Some(instance.clone()));
            }
        }
        self.rig.beat(beat);
    }

    /// Somebody who could be heard of next.
    fn anybody(&mut self) -> ConsumerMember {
        let present = self.somebody();
        match (present, self.rng.below(3)) {
            (Some(present), 0) => present,
            (Some(present), 1) if present.instance().is_some() => ConsumerMember {
                id: self.name(),
                ..present
            },
            (Some(present), _) => {
                let mut newcomer = ConsumerMember::new(self.name());
                newcomer.metadata = present.metadata.clone();
                Arc::make_mut(&mut newcomer.metadata).instance = None;
                newcomer
            }
            (None, _) => ConsumerMember::new(self.name()),
        }
    }
}

/// What each of both says is to change. The first may not say anything.
fn both(group: &ConsumerGroup, updated: &ConsumerMember, image: &MetadataImage) -> (Option<Targets>, Targets) {
    let few = changes("uniform", group, updated, true, image);
    (few, all_changes("uniform", group, updated, true, image))
}

type Targets = Vec<(Text, Arc<Parts>)>;

#[test]
fn looking_at_few_members_changes_what_looking_at_all_of_them_does() {
    let (mut few_said, mut of_present, mut large) = (0, 0, 0);
    for seed in 0..SEEDS {
        let mut play = Play::new(seed);
        for step in 0..STEPS {
            play.step();
            for _ in 0..3 {
                let updated = play.anybody();
                let Some(group) = play.rig.shard.consumer_groups.get("g") else {
                    continue;
                };
                let (few, all) = both(group, &updated, &play.rig.image);
                if let Some(few) = few {
                    assert_eq!(few, all, "seed {seed}, step {step}");
                    few_said += 1;
                    of_present += usize::from(group.members.contains_key(&updated.id));
                    large += usize::from(group.members.len() > 12 && few.len() < 4);
                }
            }
        }
    }
    assert!(
        few_said > 10_000 && of_present > 1_000 && large > 300,
        "{few_said}, {of_present}, {large}"
    );
}

#[test]
fn looking_at_few_members_is_refused_where_targets_make_no_sense_or_changes_what_looking_at_all_does() {
    let mut refused = 0;
    for seed in 0..SEEDS {
        let mut play = Play::new(seed);
        (0..STEPS / 2).for_each(|_| play.step());
        for _ in 0..20 {
            let Some(member) = play.somebody() else { break };
            let mut group = play.rig.consumer_group().clone();
            let index = i32::try_from(play.rng.below(9)).unwrap();
            let odd = match play.rng.below(6) {
                0 => parts("orders", &[index]),
                1 => parts("orders", &[i32::MAX]),
                2 => parts("orders", &[-1]),
                3 => parts("refunds", &[index]),
                4 => [(topic_id("payments"), [].into())].into(),
                _ => parts("orders", &[index, 70_000]),
            };
            // Who is to own it may be no member.
            let id = if play.rng.chance(1, 6) {
                play.name()
            } else {
                member.id.clone()
            };
            group.apply(Change::Target(id.clone(), Some(Arc::new(odd))));
            if play.rng.chance(1, 6) {
                group.apply(Change::Target(id.clone(), None));
            }
            if play.rng.chance(1, 6) {
                group.apply(Change::Member(id, None));
            }
            let updated = play.anybody();
            match both(&group, &updated, &play.rig.image) {
                (Some(few), all) => assert_eq!(few, all, "seed {seed}"),
                (None, _) => refused += 1,
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn what_one_member_changes_is_not_what_it_changes_after_a_topic_has_grown() {
    let mut play = Play::new(1);
    for _ in 0..4 {
        play.join(None);
    }
    let updated = play.anybody();
    let (few, _) = both(play.rig.consumer_group(), &updated, &play.rig.image);
    let few = few.expect("nothing makes no sense");
    play.rig.grow("orders", 90);
    let (_, all) = both(play.rig.consumer_group(), &updated, &play.rig.image);
    assert_ne!(few, all);
}
