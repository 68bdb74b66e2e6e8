//! What stands in the way of bytes: rules laid over links, and machines without power.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::net::{Endpoint, EndpointSet};

/// What a rule does to bytes that go its way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LinkEffect {
    /// They wait, those in flight included, and are delivered in order with fresh latency once the rule is removed.
    Hold,
    /// They are gone, those in flight included, and nobody is told. A connection that lost something is dead.
    BlackHole,
    /// Each message that is sent takes this much longer.
    Delay(Duration),
    /// At most this many bytes per second, for all connections between two endpoints together.
    Bandwidth(u64),
}

/// Names a rule, for its removal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleId(u64);

/// One rule over the links from one set to another.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) id: RuleId,
    pub(super) from: EndpointSet,
    pub(super) to: EndpointSet,
    pub(super) effect: LinkEffect,
}

impl Rule {
    pub(super) fn covers(&self, from: Endpoint, to: Endpoint) -> bool {
        self.from.contains(from) && self.to.contains(to)
    }
}

/// Everything that stands in the way.
#[derive(Clone, Debug, Default)]
pub(super) struct Obstacles {
    rules: Vec<Rule>,
    next_rule: u64,
    down: BTreeSet<Endpoint>,
}

impl Obstacles {
    pub(super) fn add(&mut self, from: EndpointSet, to: EndpointSet, effect: LinkEffect) -> Rule {
        let rule = Rule {
            id: RuleId(self.next_rule),
            from,
            to,
            effect,
        };
        self.next_rule += 1;
        self.rules.push(rule.clone());
        rule
    }

    pub(super) fn remove(&mut self, id: RuleId) -> Option<Rule> {
        let index = self.rules.iter().position(|rule| rule.id == id)?;
        Some(self.rules.remove(index))
    }

    pub(super) fn set_down(&mut self, endpoint: Endpoint, down: bool) {
        if down {
            self.down.insert(endpoint);
        } else {
            self.down.remove(&endpoint);
        }
    }

    pub(super) fn is_down(&self, endpoint: Endpoint) -> bool {
        self.down.contains(&endpoint)
    }

    fn effects(&self, from: Endpoint, to: Endpoint) -> impl Iterator<Item = LinkEffect> {
        self.rules
            .iter()
            .filter(move |rule| rule.covers(from, to))
            .map(|rule| rule.effect)
    }

    /// Nothing stands in anybody's way.
    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.rules.is_empty() && self.down.is_empty()
    }

    /// Whether any rule is laid over any link.
    #[inline]
    pub(super) fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    pub(super) fn is_hold(&self, from: Endpoint, to: Endpoint) -> bool {
        self.effects(from, to).any(|effect| effect == LinkEffect::Hold)
    }

    pub(super) fn is_black_hole(&self, from: Endpoint, to: Endpoint) -> bool {
        (!self.down.is_empty() && self.is_down(to))
            || self.has_rules() && self.effects(from, to).any(|effect| effect == LinkEffect::BlackHole)
    }

    /// The sum of all delays, and the tightest limit in bytes per second.
    pub(super) fn slowness(&self, from: Endpoint, to: Endpoint) -> (Duration, Option<u64>) {
        let mut extra = Duration::ZERO;
        let mut limit: Option<u64> = None;
        for effect in self.effects(from, to) {
            match effect {
                LinkEffect::Delay(delay) => extra = extra.saturating_add(delay),
                LinkEffect::Bandwidth(rate) => limit = Some(limit.map_or(rate, |other| other.min(rate))),
                LinkEffect::Hold | LinkEffect::BlackHole => {}
            }
        }
        (extra, limit)
    }
}
