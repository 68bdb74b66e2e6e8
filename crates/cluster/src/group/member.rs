//! A member of a classic group (ClassicGroupMember).

use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::AgendaKey;

use super::records::MemberValue;
use super::words::{DescribedMember, Join, Text, Waiter};

/// A member.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: Text,
    pub(crate) instance: Option<Text>,
    pub(crate) client_id: Text,
    pub(crate) client_host: Text,
    /// Milliseconds.
    pub(crate) session_timeout: i32,
    /// Milliseconds.
    pub(crate) rebalance_timeout: i32,
    /// Name and metadata, most preferred first.
    pub(crate) protocols: Vec<(Text, Bytes)>,
    pub(crate) assignment: Bytes,
    /// The JoinGroup that waits for the join phase to end.
    pub(crate) joining: Option<Waiter>,
    /// The SyncGroup that waits for the leader's assignment.
    pub(crate) syncing: Option<Waiter>,
    /// Has never been through a join phase: it has no id yet under which it could send heartbeats.
    pub(crate) is_new: bool,
    pub(crate) session: Option<AgendaKey>,
}

impl Member {
    pub(crate) fn new(id: Text, join: &Join) -> Member {
        Member {
            id,
            instance: join.caller.instance.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            session_timeout: join.session_timeout,
            rebalance_timeout: join.rebalance_timeout,
            protocols: join.protocols.clone(),
            assignment: Bytes::new(),
            joining: None,
            syncing: None,
            is_new: true,
            session: None,
        }
    }

    /// A member as the log remembers it: of its protocols only the one that was chosen.
    pub(crate) fn restored(value: &MemberValue, protocol: Option<&Text>) -> Member {
        Member {
            id: value.id.clone(),
            instance: value.instance.clone(),
            client_id: value.client_id.clone(),
            client_host: value.client_host.clone(),
            session_timeout: value.session_timeout,
            rebalance_timeout: value.rebalance_timeout,
            protocols: protocol
                .map(|name| (name.clone(), value.subscription.clone()))
                .into_iter()
                .collect(),
            assignment: value.assignment.clone(),
            joining: None,
            syncing: None,
            is_new: false,
            session: None,
        }
    }

    pub(crate) fn value(&self, protocol: Option<&Text>) -> MemberValue {
        MemberValue {
            id: self.id.clone(),
            instance: self.instance.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout: self.rebalance_timeout,
            session_timeout: self.session_timeout,
            subscription: protocol.map(|name| self.metadata(name)).unwrap_or_default(),
            assignment: self.assignment.clone(),
        }
    }

    pub(crate) fn described(&self, stable_protocol: Option<&Text>) -> DescribedMember {
        DescribedMember {
            id: self.id.clone(),
            instance: self.instance.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            metadata: stable_protocol.map(|name| self.metadata(name)).unwrap_or_default(),
            assignment: if stable_protocol.is_some() {
                self.assignment.clone()
            } else {
                Bytes::new()
            },
        }
    }

    /// What the member says about itself under a protocol; empty if it does not know the protocol.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|(name, _)| **name == *protocol)
            .map(|(_, metadata)| metadata.clone())
            .unwrap_or_default()
    }

    /// While it waits for the coordinator, a member's session does not run out. A new member's time does: it may have
    /// gone away without anybody hearing of it.
    pub(crate) fn is_excused(&self) -> bool {
        !self.is_new && (self.joining.is_some() || self.syncing.is_some())
    }
}

/// Milliseconds from the wire; negative ones are no time at all.
pub(crate) fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
