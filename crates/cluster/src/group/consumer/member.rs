//! A member of a consumer group (ConsumerGroupMember).

use std::sync::Arc;

use super::super::records::{Current, MemberMetadata};
use super::super::words::{LEAVES, Parts, Text};

/// How far a member is with its target assignment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MemberState {
    /// It owns what it is to own.
    Stable,
    /// It has to give partitions back before anything else.
    Unrevoked,
    /// It waits for partitions that others have to give back.
    Unreleased,
    /// Written by a newer coordinator.
    Unknown,
}

impl MemberState {
    pub(crate) fn number(self) -> i8 {
        match self {
            MemberState::Stable => 0,
            MemberState::Unrevoked => 1,
            MemberState::Unreleased => 2,
            MemberState::Unknown => 127,
        }
    }

    fn of_number(number: i8) -> MemberState {
        match number {
            0 => MemberState::Stable,
            1 => MemberState::Unrevoked,
            2 => MemberState::Unreleased,
            _ => MemberState::Unknown,
        }
    }
}

/// A member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ConsumerMember {
    pub(crate) id: Text,
    pub(crate) metadata: Arc<MemberMetadata>,
    pub(crate) epoch: i32,
    pub(crate) previous_epoch: i32,
    pub(crate) state: MemberState,
    pub(crate) assigned: Arc<Parts>,
    /// To be given back.
    pub(crate) revoking: Arc<Parts>,
}

impl ConsumerMember {
    /// Somebody nothing is known of yet.
    pub(crate) fn new(id: Text) -> ConsumerMember {
        let metadata = MemberMetadata {
            instance: None,
            rack: None,
            client_id: Text::from(""),
            client_host: Text::from(""),
            topics: Default::default(),
            regex: Some(Text::from("")),
            rebalance_timeout: -1,
            assignor: None,
            classic: None,
        };
        ConsumerMember {
            id,
            metadata: Arc::new(metadata),
            epoch: 0,
            previous_epoch: -1,
            state: MemberState::Stable,
            assigned: Arc::default(),
            revoking: Arc::default(),
        }
    }

    pub(crate) fn instance(&self) -> Option<&Text> {
        self.metadata.instance.as_ref()
    }

    /// The regular expression it subscribes to.
    pub(crate) fn regex(&self) -> Option<&Text> {
        self.metadata.regex.as_ref().filter(|regex| !regex.is_empty())
    }

    pub(crate) fn is_classic(&self) -> bool {
        self.metadata.classic.is_some()
    }

    pub(crate) fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == target_epoch
    }

    /// The member at a new epoch.
    pub(crate) fn at_epoch(mut self, epoch: i32) -> ConsumerMember {
        self.previous_epoch = self.epoch;
        self.epoch = epoch;
        self
    }

    pub(crate) fn current(&self) -> Current {
        Current {
            epoch: self.epoch,
            previous_epoch: self.previous_epoch,
            state: self.state.number(),
            assigned: self.assigned.clone(),
            revoking: self.revoking.clone(),
        }
    }

    pub(crate) fn set_current(&mut self, current: Current) {
        self.epoch = current.epoch;
        self.previous_epoch = current.previous_epoch;
        self.state = MemberState::of_number(current.state);
        self.assigned = current.assigned;
        self.revoking = current.revoking;
    }

    /// It owns nothing any more.
    pub(crate) fn clear_current(&mut self) {
        self.set_current(Current {
            epoch: LEAVES,
            previous_epoch: LEAVES,
            state: self.state.number(),
            assigned: Arc::default(),
            revoking: Arc::default(),
        });
    }
}
