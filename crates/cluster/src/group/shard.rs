//! The groups of one partition of `__consumer_offsets` (GroupCoordinatorShard): finds the group a request is about, and
//! runs what is due.

use std::collections::BTreeMap;

use kafka_sim_core::{ErrorCode, SimTime};

use super::classic::Group;
use super::consumer::ConsumerGroup;
use super::offsets::Offsets;
use super::turn::{Act, Core, Due, Turn};
use super::words::{Caller, Join, Joined, Reply, Sync, Synced, Text, Waiter};
use super::writes::Then;

/// The state of one shard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shard {
    /// Classic groups.
    pub(crate) groups: BTreeMap<Text, Group>,
    /// Consumer groups (KIP-848). An id is in one of both at most.
    pub(crate) consumer_groups: BTreeMap<Text, ConsumerGroup>,
    pub(crate) offsets: Offsets,
    pub(crate) core: Core,
}

impl Shard {
    /// When [`Shard::advance`] next has something to do.
    pub(crate) fn next_due(&self) -> Option<SimTime> {
        self.core.agenda.next_due()
    }

    /// Does one thing that is due. False if nothing is.
    pub(crate) fn advance(&mut self, act: &mut Act<'_>) -> bool {
        let Some((_, due)) = self.core.agenda.pop_due(act.now) else {
            return false;
        };
        match due {
            Due::Write(number) => self.write_timed_out(act, number),
            Due::ExpireOffsets => self.expire_offsets(act),
            Due::Deadline {
                group,
                member,
                deadline,
            } => self.deadline_over(act, &group, &member, deadline),
            Due::Resolve { group } => self.resolve(act, &group),
            Due::Session { group, member } => self.on(act, &group, |group, turn| group.session_over(turn, &member)),
            Due::Pending { group, member } => self.on(act, &group, |group, turn| group.pending_over(turn, &member)),
            Due::InitialDelay {
                group,
                delay_ms,
                remaining_ms,
            } => {
                self.on(act, &group, |group, turn| {
                    group.initial_delay_over(turn, delay_ms, remaining_ms)
                });
            }
            Due::JoinPhase { group } => self.on(act, &group, |group, turn| {
                group.phase = None;
                group.complete_join(turn);
            }),
            Due::SyncPhase { group } => self.on(act, &group, Group::sync_phase_over),
        }
        true
    }

    fn on(&mut self, act: &mut Act<'_>, group: &str, run: impl FnOnce(&mut Group, &mut Turn<'_, '_>)) {
        if let Some(group) = self.groups.get_mut(group) {
            run(
                group,
                &mut Turn {
                    act,
                    core: &mut self.core,
                },
            );
        }
    }

    /// JoinGroup. The group comes into being with the first member that has no id yet.
    pub(crate) fn join(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &Text, join: Join) {
        if self
            .consumer_groups
            .get(id)
            .is_some_and(|group| !group.members.is_empty())
        {
            return self.join_consumer_group(act, waiter, id, &join);
        }
        let member = join.caller.member.clone();
        if !self.groups.contains_key(id) {
            if !member.is_empty() {
                let failed = Joined::failed(ErrorCode::UNKNOWN_MEMBER_ID, member);
                return act.replies.push((waiter, Reply::Joined(failed)));
            }
            if let Err(error) = self.create(act, waiter, id) {
                return act.replies.push((waiter, Reply::Joined(Joined::failed(error, member))));
            }
        }
        self.on(act, id, |group, turn| group.join(turn, waiter, join));
    }

    /// Writes the new group down, in place of a consumer group that has no members left. If that is not replicated in time, its first JoinGroup fails.
    fn create(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &Text) -> Result<(), ErrorCode> {
        let mut turn = Turn {
            act,
            core: &mut self.core,
        };
        let mut group = Group::new(id.clone(), 0);
        let mut records = self
            .consumer_groups
            .get(id)
            .map(ConsumerGroup::tombstones)
            .unwrap_or_default();
        records.push(group.record());
        group.exists_from = turn.append(&records)?;
        self.consumer_groups.remove(id);
        let reply = Reply::Joined(Joined::failed(ErrorCode::NONE, "".into()));
        turn.after(group.exists_from, Then::Created { waiter, reply });
        self.groups.insert(id.clone(), group);
        Ok(())
    }

    /// SyncGroup.
    pub(crate) fn sync(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &str, sync: Sync) {
        if self.consumer_groups.contains_key(id) {
            self.sync_consumer_group(act, waiter, id, &sync);
        } else if self.groups.contains_key(id) {
            self.on(act, id, |group, turn| group.sync(turn, waiter, sync));
        } else {
            act.replies
                .push((waiter, Reply::Synced(Synced::failed(ErrorCode::UNKNOWN_MEMBER_ID))));
        }
    }

    /// Heartbeat. What is refused is refused at once.
    pub(crate) fn heartbeat(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &str, caller: &Caller, generation: i32) {
        let mut turn = Turn {
            act,
            core: &mut self.core,
        };
        let outcome = match (self.groups.get_mut(id), self.consumer_groups.get_mut(id)) {
            (Some(group), _) => group.heartbeat(&mut turn, caller, generation),
            (None, Some(group)) => group.classic_heartbeat(&mut turn, caller, generation),
            (None, None) => ErrorCode::UNKNOWN_MEMBER_ID,
        };
        match outcome {
            ErrorCode::NONE | ErrorCode::REBALANCE_IN_PROGRESS => {
                turn.answer_after_writes(waiter, Reply::Alive(outcome));
            }
            refused => turn.answer(waiter, Reply::Alive(refused)),
        }
    }

    /// LeaveGroup: the outcome for each.
    pub(crate) fn leave(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &Text, leavers: &[Caller]) {
        let outcome = if self.consumer_groups.contains_key(id) {
            self.leave_as_classic(act, id, leavers)
        } else {
            let mut outcomes = Ok(vec![ErrorCode::UNKNOWN_MEMBER_ID; leavers.len()]);
            self.on(act, id, |group, turn| outcomes = Ok(group.leave(turn, leavers)));
            outcomes
        };
        let mut turn = Turn {
            act,
            core: &mut self.core,
        };
        match outcome {
            Ok(_) => turn.answer_after_writes(waiter, Reply::Left(outcome)),
            Err(_) => turn.answer(waiter, Reply::Left(outcome)),
        }
    }

    /// The broker no longer leads the partition: everybody who waits has to look for the new coordinator.
    pub(crate) fn unload(mut self, replies: &mut Vec<(Waiter, Reply)>) {
        let error = ErrorCode::NOT_COORDINATOR;
        for group in self.groups.values_mut() {
            for member in group.members.values_mut() {
                if let Some(waiter) = member.joining.take() {
                    replies.push((waiter, Reply::Joined(Joined::failed(error, member.id.clone()))));
                }
                if let Some(waiter) = member.syncing.take() {
                    replies.push((waiter, Reply::Synced(Synced::failed(error))));
                }
            }
        }
        for write in self.core.writes {
            match write.then {
                Then::Answer(waiter, reply) => replies.push((waiter, reply.fail(error))),
                Then::Read { waiter, .. } => replies.push((waiter, Reply::Fetched(Err(error)))),
                Then::Nothing | Then::Assign { .. } | Then::Replaced { .. } | Then::Created { .. } => {}
            }
        }
    }
}
