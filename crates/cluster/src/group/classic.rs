//! A classic group: its members and what they have agreed on (ClassicGroup).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::{AgendaKey, ErrorCode, Offset};

use super::member::{Member, millis};
use super::records::{GroupValue, Record, subscribed_topics};
use super::turn::{Due, Turn};
use super::words::{Caller, Described, Text};

/// Where a group is between two generations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// No members; there may be offsets.
    Empty,
    /// Collecting JoinGroups.
    PreparingRebalance,
    /// Waiting for the leader's SyncGroup.
    CompletingRebalance,
    Stable,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::PreparingRebalance => "PreparingRebalance",
            State::CompletingRebalance => "CompletingRebalance",
            State::Stable => "Stable",
        }
    }
}

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: Text,
    pub(crate) state: State,
    /// When the group entered its state, by the coordinator's clock.
    pub(crate) state_since_ms: Option<i64>,
    /// The join phase began without members: it lasts for the initial rebalance delay at least.
    pub(crate) initial: bool,
    /// Somebody joined since the initial delay was last extended.
    pub(crate) newcomer: bool,
    pub(crate) generation: i32,
    /// `None`: the group has only ever been used to commit offsets.
    pub(crate) protocol_type: Option<Text>,
    pub(crate) protocol: Option<Text>,
    pub(crate) leader: Option<Text>,
    /// By member id.
    pub(crate) members: BTreeMap<Text, Member>,
    /// Member id by instance id.
    pub(crate) statics: BTreeMap<Text, Text>,
    /// Ids handed out whose owners have not joined yet.
    pub(crate) pending: BTreeMap<Text, AgendaKey>,
    /// Members whose SyncGroup is missing in this generation.
    pub(crate) unsynced: BTreeSet<Text>,
    /// Number of parked JoinGroups.
    pub(crate) joining: usize,
    /// How many members support each protocol.
    pub(crate) support: BTreeMap<Text, usize>,
    pub(crate) phase: Option<AgendaKey>,
    pub(crate) sync_phase: Option<AgendaKey>,
    /// The group shows in lists once records below are replicated.
    pub(crate) exists_from: Offset,
}

impl Group {
    /// An empty group whose first record ends at `exists_from`.
    pub(crate) fn new(id: Text, exists_from: Offset) -> Group {
        Group {
            id,
            state: State::Empty,
            state_since_ms: None,
            initial: false,
            newcomer: false,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            statics: BTreeMap::new(),
            pending: BTreeMap::new(),
            unsynced: BTreeSet::new(),
            joining: 0,
            support: BTreeMap::new(),
            phase: None,
            sync_phase: None,
            exists_from,
        }
    }

    /// A group as its last record describes it.
    pub(crate) fn restored(id: Text, value: &GroupValue, exists_from: Offset) -> Group {
        let mut group = Group::new(id, exists_from);
        group.state = if value.members.is_empty() {
            State::Empty
        } else {
            State::Stable
        };
        group.state_since_ms = value.state_since_ms;
        group.generation = value.generation;
        group.protocol_type = Some(value.protocol_type.clone()).filter(|text| !text.is_empty());
        group.protocol.clone_from(&value.protocol);
        group.leader.clone_from(&value.leader);
        for member in &value.members {
            group.insert(Member::restored(member, value.protocol.as_ref()));
        }
        group
    }

    /// The record that keeps the group, with every member's current assignment.
    pub(crate) fn record(&self) -> Record {
        let members = self.members.values().map(|member| member.value(self.protocol.as_ref()));
        let value = GroupValue {
            protocol_type: self.protocol_type.clone().unwrap_or_else(|| "".into()),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            state_since_ms: self.state_since_ms,
            members: members.collect(),
        };
        Record::Group {
            group: self.id.clone(),
            value: Some(value),
        }
    }

    pub(crate) fn tombstone(id: &Text) -> Record {
        Record::Group {
            group: id.clone(),
            value: None,
        }
    }

    pub(crate) fn enter(&mut self, turn: &Turn<'_, '_>, state: State) {
        self.state = state;
        self.state_since_ms = Some(turn.act.now_ms);
    }

    pub(crate) fn insert(&mut self, member: Member) {
        self.leader.get_or_insert_with(|| member.id.clone());
        if let Some(instance) = &member.instance {
            self.statics.insert(instance.clone(), member.id.clone());
        }
        self.joining += usize::from(member.joining.is_some());
        self.count_support(&member.protocols, true);
        self.members.insert(member.id.clone(), member);
    }

    /// Takes a member out. Whoever calls this answers what the member waits for.
    pub(crate) fn remove(&mut self, turn: &mut Turn<'_, '_>, id: &str) -> Option<Member> {
        let mut member = self.members.remove(id)?;
        turn.cancel(&mut member.session);
        if let Some(instance) = &member.instance {
            self.statics.remove(instance);
        }
        self.joining -= usize::from(member.joining.is_some());
        self.unsynced.remove(id);
        self.count_support(&member.protocols, false);
        if self.leader.as_deref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    pub(crate) fn count_support(&mut self, protocols: &[(Text, Bytes)], add: bool) {
        let names: BTreeSet<&Text> = protocols.iter().map(|(name, _)| name).collect();
        for name in names {
            let count = self.support.entry(name.clone()).or_default();
            *count = if add { *count + 1 } else { *count - 1 };
            if *count == 0 {
                self.support.remove(name);
            }
        }
    }

    fn is_supported_by_all(&self, protocol: &str) -> bool {
        self.support.get(protocol).copied() == Some(self.members.len())
    }

    /// Whether somebody with these protocols could be a member.
    pub(crate) fn admits(&self, protocol_type: &str, protocols: &[(Text, Bytes)]) -> bool {
        if self.state == State::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let same_type = self.protocol_type.as_deref() == Some(protocol_type);
        same_type && (self.members.is_empty() || protocols.iter().any(|(name, _)| self.is_supported_by_all(name)))
    }

    /// The protocol with the most votes: each member votes for the first of its own that all support.
    pub(crate) fn elect_protocol(&self) -> Option<Text> {
        let mut votes: BTreeMap<&Text, usize> = BTreeMap::new();
        for member in self.members.values() {
            let vote = member
                .protocols
                .iter()
                .map(|(name, _)| name)
                .find(|name| self.is_supported_by_all(name));
            *votes.entry(vote?).or_default() += 1;
        }
        // Of equals the first by name, so that runs repeat.
        let most = votes.values().copied().max()?;
        votes
            .into_iter()
            .find(|(_, count)| *count == most)
            .map(|(name, _)| name.clone())
    }

    /// The longest rebalance timeout of any member.
    pub(crate) fn rebalance_timeout(&self) -> Duration {
        millis(self.rebalance_timeout_ms())
    }

    pub(crate) fn rebalance_timeout_ms(&self) -> i32 {
        self.members
            .values()
            .map(|member| member.rebalance_timeout)
            .max()
            .unwrap_or(0)
    }

    /// UNKNOWN_MEMBER_ID for callers that are not members, FENCED_INSTANCE_ID where another member has the instance.
    pub(crate) fn check_member(&self, caller: &Caller) -> Result<(), ErrorCode> {
        match &caller.instance {
            Some(instance) => match self.statics.get(instance) {
                None => Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(id) if *id != caller.member => Err(ErrorCode::FENCED_INSTANCE_ID),
                Some(_) => Ok(()),
            },
            None if self.members.contains_key(&caller.member) => Ok(()),
            None => Err(ErrorCode::UNKNOWN_MEMBER_ID),
        }
    }

    /// Starts a member's session anew.
    pub(crate) fn refresh(&mut self, turn: &mut Turn<'_, '_>, id: &str) {
        let group = self.id.clone();
        if let Some(member) = self.members.get_mut(id) {
            let due = Due::Session {
                group,
                member: member.id.clone(),
            };
            turn.reset(&mut member.session, millis(member.session_timeout), due);
        }
    }

    /// Whether a member reads the topic. A group that does not tell is taken to read everything, if it consumes.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        match self.subscriptions() {
            Some(topics) => topics.contains(topic),
            None => self.is_of_consumers(),
        }
    }

    pub(crate) fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some("consumer")
    }

    /// Topics that the members read, if that can be told.
    pub(crate) fn subscriptions(&self) -> Option<BTreeSet<Text>> {
        if !self.is_of_consumers() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_ref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(subscribed_topics(member.metadata(protocol))?);
        }
        Some(topics)
    }

    pub(crate) fn described(&self) -> Described {
        let stable = self.protocol.as_ref().filter(|_| self.state == State::Stable);
        Described {
            state: self.state.name(),
            protocol_type: self.protocol_type.clone().unwrap_or_else(|| "".into()),
            protocol: stable.cloned().unwrap_or_else(|| "".into()),
            members: self.members.values().map(|member| member.described(stable)).collect(),
        }
    }
}
