//! Requests to the consumer groups of a shard: finds the group, writes what came out, and applies it.

use kafka_sim_core::{ErrorCode, Offset};

use super::super::classic::{Group, State};
use super::super::records::{Change, Record};
use super::super::shard::Shard;
use super::super::turn::{Act, Due, Turn};
use super::super::words::{Beat, Beaten, LEAVES_FOR_A_WHILE, Reply, Text, Waiter};
use super::convert::upgrade;
use super::draft::{Draft, Refused};
use super::fence::not_found;
use super::{ConsumerGroup, ConsumerMember, Deadline, MemberState};

/// Milliseconds until something that could not be written is tried again.
const RETRY_MS: i32 = 500;

impl Shard {
    /// ConsumerGroupHeartbeat.
    pub(crate) fn beat(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &Text, beat: &Beat) {
        let outcome = if beat.epoch < 0 {
            self.leave_consumer_group(act, id, beat)
        } else {
            self.heartbeat_of_consumer(act, id, beat)
        };
        let mut turn = self.turn(act);
        match outcome {
            Ok(beaten) => turn.answer_after_writes(waiter, Reply::Beaten(beaten)),
            Err(refused) => turn.answer(waiter, Reply::Beaten(Beaten::refused(refused))),
        }
    }

    pub(crate) fn turn<'t, 'a>(&'t mut self, act: &'t mut Act<'a>) -> Turn<'t, 'a> {
        Turn {
            act,
            core: &mut self.core,
        }
    }

    fn heartbeat_of_consumer(&mut self, act: &mut Act<'_>, id: &Text, beat: &Beat) -> Result<Beaten, Refused> {
        let (fresh, mut records) = self.consumer_group_for(act, id, beat.epoch == 0)?;
        let group = fresh.as_ref().unwrap_or_else(|| &self.consumer_groups[id]);
        let mut draft = Draft::new(group, act, &mut self.core);
        let outcome = draft.heartbeat(beat)?;
        let (refreshed, resolve) = (draft.refreshed, draft.resolve);
        records.extend(draft.changes.into_iter().map(|change| of(id, change)));
        self.write(act, id, fresh.is_some(), records)?;
        let group = self.consumer_groups.get_mut(id).expect("the group was written");
        group.is_stale &= !refreshed;
        let mut turn = Turn {
            act,
            core: &mut self.core,
        };
        if resolve && !group.is_resolving {
            group.is_resolving = true;
            turn.core.agenda.push(turn.act.now, Due::Resolve { group: id.clone() });
        }
        if outcome.moved {
            group.watch_revocation(&mut turn, &outcome.member);
        }
        let session_ms = group.session_ms(&outcome.member.id, turn.act.config, turn.act.image);
        group.set_deadline(&mut turn, &outcome.member.id, Deadline::Session, session_ms);
        Ok(outcome.answer)
    }

    /// Makes sure that there is a consumer group: if it is new, the group and the records that make it.
    fn consumer_group_for(
        &mut self,
        act: &Act<'_>,
        id: &Text,
        joins: bool,
    ) -> Result<(Option<ConsumerGroup>, Vec<Record>), Refused> {
        if self.consumer_groups.contains_key(id) {
            return Ok((None, Vec::new()));
        }
        let mut group = ConsumerGroup::new(id.clone());
        match self.groups.get(id) {
            None if joins => Ok((Some(group), Vec::new())),
            Some(classic) if joins && classic.state == State::Empty => Ok((Some(group), vec![Group::tombstone(id)])),
            Some(classic) if joins => {
                let changes = upgrade(classic, act.config, act.image, &mut self.core.hashes)?;
                for change in &changes {
                    group.apply(change.clone());
                }
                let changes = changes.into_iter().map(|change| of(id, change));
                Ok((Some(group), [Group::tombstone(id)].into_iter().chain(changes).collect()))
            }
            _ => Err(not_found(id)),
        }
    }

    /// Writes records of a consumer group and applies them. A new group takes the place of a classic one.
    pub(crate) fn write(
        &mut self,
        act: &mut Act<'_>,
        id: &Text,
        is_new: bool,
        records: Vec<Record>,
    ) -> Result<Offset, Refused> {
        if records.is_empty() {
            return Ok(self.core.written);
        }
        let written = self.turn(act).append(&records);
        let end = written.map_err(|error| Refused::new(error, "The change could not be written."))?;
        let mut classic = None;
        if is_new {
            let mut group = ConsumerGroup::new(id.clone());
            group.exists_from = end;
            classic = self.drop_classic(id);
            self.consumer_groups.insert(id.clone(), group);
        }
        let Some(group) = self.consumer_groups.get_mut(id) else {
            return Ok(end);
        };
        let epoch = group.epoch;
        let mut stays = true;
        for record in records {
            if let Record::Consumer { change, .. } = record {
                if let Change::Member(member, None) = &change {
                    let mut turn = Turn {
                        act,
                        core: &mut self.core,
                    };
                    group.clear_deadlines(&mut turn, member);
                }
                stays = group.apply(change);
            }
        }
        if stays && group.epoch != epoch {
            act.generations.push((id.clone(), group.epoch, group.members.len()));
        }
        if !stays {
            self.consumer_groups.remove(id);
        }
        if let Some(classic) = classic {
            self.take_over(act, id, classic);
        }
        Ok(end)
    }

    fn leave_consumer_group(&mut self, act: &mut Act<'_>, id: &Text, beat: &Beat) -> Result<Beaten, Refused> {
        let group = self.consumer_groups.get(id).ok_or_else(|| not_found(id))?;
        let member = group.leaver(beat)?.clone();
        if beat.epoch == LEAVES_FOR_A_WHILE {
            let mut draft = Draft::new(group, act, &mut self.core);
            draft.leave_for_a_while(&member);
            let records = draft.changes.into_iter().map(|change| of(id, change)).collect();
            self.write(act, id, false, records)?;
        } else {
            self.fence(act, id, std::slice::from_ref(&member.id))?;
        }
        Ok(Beaten::left(member.id, beat.epoch))
    }

    /// A member has not done in time what it had to.
    pub(crate) fn deadline_over(&mut self, act: &mut Act<'_>, id: &Text, member: &Text, deadline: Deadline) {
        let Some(group) = self.consumer_groups.get_mut(id) else {
            return;
        };
        group.deadline_passed(member, deadline);
        let still_there = group.members.get(member).is_some_and(|member| match deadline {
            Deadline::Revoke(epoch) => member.epoch == epoch,
            Deadline::Session | Deadline::Join | Deadline::Sync => true,
        });
        #[cfg(feature = "mutants")]
        if deadline == Deadline::Session && act.mutant == Some(crate::mutant::Mutant::SilentMembersStay) {
            return;
        }
        if still_there && self.fence(act, id, std::slice::from_ref(member)).is_err() {
            self.on_consumer_group(act, id, |group, turn| {
                group.set_deadline(turn, member, deadline, RETRY_MS)
            });
        }
    }

    /// The regular expressions of a group are resolved.
    pub(crate) fn resolve(&mut self, act: &mut Act<'_>, id: &Text) {
        let Some(group) = self.consumer_groups.get_mut(id) else {
            return;
        };
        group.is_resolving = false;
        let mut draft = Draft::new(group, act, &mut self.core);
        draft.resolve();
        let records = draft.changes.into_iter().map(|change| of(id, change)).collect();
        // What cannot be written is resolved again by a later heartbeat.
        if self.write(act, id, false, records).is_ok() {
            self.on_consumer_group(act, id, |group, _| group.is_stale = false);
        }
    }

    pub(crate) fn on_consumer_group(
        &mut self,
        act: &mut Act<'_>,
        id: &str,
        run: impl FnOnce(&mut ConsumerGroup, &mut Turn<'_, '_>),
    ) {
        if let Some(group) = self.consumer_groups.get_mut(id) {
            run(
                group,
                &mut Turn {
                    act,
                    core: &mut self.core,
                },
            );
        }
    }
}

impl ConsumerGroup {
    /// A member that has to give partitions back has its rebalance timeout for it. Members of the classic protocol have
    /// other deadlines.
    pub(crate) fn watch_revocation(&mut self, turn: &mut Turn<'_, '_>, member: &ConsumerMember) {
        if member.is_classic() {
            return;
        }
        let deadline = Deadline::Revoke(member.epoch);
        if member.state == MemberState::Unrevoked {
            self.set_deadline(turn, &member.id, deadline, member.metadata.rebalance_timeout);
        } else {
            self.clear_deadline(turn, &member.id, deadline);
        }
    }
}

/// A change as a record of a group.
pub(crate) fn of(id: &Text, change: Change) -> Record {
    Record::Consumer {
        group: id.clone(),
        change,
    }
}

impl Beaten {
    fn refused(refused: Refused) -> Beaten {
        Beaten::failed(refused.error, Some(refused.message))
    }

    fn left(member: Text, epoch: i32) -> Beaten {
        Beaten {
            member: Some(member),
            epoch,
            ..Beaten::failed(ErrorCode::NONE, None)
        }
    }
}
