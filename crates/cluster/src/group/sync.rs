//! SyncGroup.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_sim_core::ErrorCode;

use super::classic::{Group, State};
use super::records::{GroupValue, Record};
use super::turn::Turn;
use super::words::{Reply, Sync, Synced, Text, Waiter};
use super::writes::Then;

impl Group {
    pub(crate) fn sync(&mut self, turn: &mut Turn<'_, '_>, waiter: Waiter, sync: Sync) {
        let refusal = self.check_sync(&sync).err().or(match self.state {
            State::PreparingRebalance => Some(ErrorCode::REBALANCE_IN_PROGRESS),
            _ => None,
        });
        if let Some(error) = refusal {
            return turn.answer(waiter, Reply::Synced(Synced::failed(error)));
        }
        let id = sync.caller.member.clone();
        self.has_synced(turn, &id);
        if self.state == State::Stable {
            let synced = self.synced(&id);
            turn.answer(waiter, Reply::Synced(synced));
            return self.refresh(turn, &id);
        }
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        if let Some(superseded) = member.syncing.replace(waiter) {
            turn.answer(superseded, Reply::Synced(Synced::failed(ErrorCode::UNKNOWN_MEMBER_ID)));
        }
        if self.leader.as_ref() == Some(&id) {
            self.propose(turn, sync);
        }
    }

    fn check_sync(&self, sync: &Sync) -> Result<(), ErrorCode> {
        if self.state == State::Empty {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        self.check_member(&sync.caller)?;
        let differs = |asked: &Option<Text>, ours: &Option<Text>| asked.is_some() && asked != ours;
        if sync.generation != self.generation {
            Err(ErrorCode::ILLEGAL_GENERATION)
        } else if differs(&sync.protocol_type, &self.protocol_type) || differs(&sync.protocol, &self.protocol) {
            Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL)
        } else {
            Ok(())
        }
    }

    /// Writes the leader's assignment. Members it leaves out get an empty one.
    fn propose(&mut self, turn: &mut Turn<'_, '_>, sync: Sync) {
        let mut record = self.record();
        if let Record::Group {
            value: Some(GroupValue { members, .. }),
            ..
        } = &mut record
        {
            let given: BTreeMap<&Text, &Bytes> = sync.assignments.iter().map(|(id, bytes)| (id, bytes)).collect();
            for member in members {
                member.assignment = given
                    .get(&member.id)
                    .map(|bytes| Bytes::clone(bytes))
                    .unwrap_or_default();
            }
        }
        match turn.append(&[record]) {
            Ok(end) => {
                let then = Then::Assign {
                    group: self.id.clone(),
                    generation: self.generation,
                    assignment: sync.assignments,
                };
                turn.after(end, then);
            }
            Err(error) => self.assignment_failed(turn, error),
        }
    }
}
