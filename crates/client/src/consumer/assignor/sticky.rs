//! `sticky` and `cooperative-sticky` where all members are subscribed to the same topics: everybody keeps what they
//! own up to their share, and the rest is dealt out in turn.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use kafka_sim_core::TopicPartition;

use super::{Assignment, Membership, Topics, general, nobody_has_anything, partitions};

pub(super) fn assign(topics: &Topics, members: &[Membership], owned: &Assignment) -> Assignment {
    let same = members
        .windows(2)
        .all(|pair| pair[0].subscription.topics == pair[1].subscription.topics);
    if !same {
        return general::assign(topics, members, owned);
    }
    let Some(first) = members.first() else {
        return Assignment::new();
    };
    let topics: Topics = topics
        .iter()
        .filter(|(topic, _)| first.subscription.topics.contains(*topic))
        .map(|(topic, count)| (topic.clone(), *count))
        .collect();
    Shares::new(&topics, members).deal(&topics, owned)
}

/// How much each member is to get.
struct Shares {
    least: usize,
    /// So many members get one more.
    more: usize,
    with_more: usize,
    assignment: Assignment,
    /// Members below the least share.
    below: Vec<Arc<str>>,
    /// Members with the least share exactly.
    at_least: VecDeque<Arc<str>>,
}

impl Shares {
    fn new(topics: &Topics, members: &[Membership]) -> Shares {
        let total: usize = topics.values().sum();
        Shares {
            least: total / members.len(),
            more: total % members.len(),
            with_more: 0,
            assignment: nobody_has_anything(members),
            below: Vec::new(),
            at_least: VecDeque::new(),
        }
    }

    fn deal(mut self, topics: &Topics, owned: &Assignment) -> Assignment {
        for (member, owned) in owned {
            self.keep(member, owned, topics);
        }
        if self.with_more == self.more {
            self.at_least.clear();
        }
        let all = topics.iter().flat_map(|(topic, count)| partitions(topic, *count));
        let taken: BTreeSet<&TopicPartition> = self.assignment.values().flatten().collect();
        let free: Vec<TopicPartition> = all.filter(|partition| !taken.contains(partition)).collect();
        let mut at = 0;
        for partition in free {
            self.give(partition, &mut at);
        }
        self.assignment
    }

    /// A member keeps its first partitions, by index and then by topic.
    fn keep(&mut self, member: &Arc<str>, owned: &[TopicPartition], topics: &Topics) {
        let mut owned: Vec<&TopicPartition> = owned.iter().filter(|one| topics.contains_key(&one.topic)).collect();
        owned.sort_by_key(|partition| (partition.partition, partition.topic.clone()));
        let share = if owned.len() < self.least {
            self.below.push(member.clone());
            owned.len()
        } else if owned.len() > self.least && self.with_more < self.more {
            self.with_more += 1;
            self.least + 1
        } else {
            self.at_least.push_back(member.clone());
            self.least
        };
        let kept = owned.into_iter().take(share).cloned();
        self.assignment.entry(member.clone()).or_default().extend(kept);
    }

    /// Gives a partition to the next member below its share; then to those that may get one more.
    fn give(&mut self, partition: TopicPartition, at: &mut usize) {
        if self.below.is_empty() {
            let member = self.at_least.pop_front().expect("shares add up to all partitions");
            self.with_more += 1;
            self.assignment.entry(member).or_default().push(partition);
            return;
        }
        if *at >= self.below.len() {
            *at = 0;
        }
        let member = self.below[*at].clone();
        let own = self.assignment.entry(member.clone()).or_default();
        own.push(partition);
        if own.len() == self.least {
            self.below.remove(*at);
            self.at_least.push_back(member);
        } else {
            *at += 1;
        }
    }
}
