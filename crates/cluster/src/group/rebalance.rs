//! The two phases of a rebalance: members join, then the leader's assignment is handed out.

use bytes::Bytes;
use kafka_sim_core::ErrorCode;

use super::classic::{Group, State};
use super::member::{Member, millis};
use super::turn::{Due, Turn};
use super::words::{Joined, Reply, Synced, Text};
use super::writes::Then;

impl Group {
    /// Something changed that needs a rebalance, or may be what the join phase waited for.
    pub(crate) fn rebalance_or_complete(&mut self, turn: &mut Turn<'_, '_>) {
        if self.state == State::PreparingRebalance {
            self.complete_join_if_all_are_here(turn);
        } else {
            self.begin_join_phase(turn);
        }
    }

    pub(crate) fn begin_join_phase(&mut self, turn: &mut Turn<'_, '_>) {
        if self.state == State::CompletingRebalance {
            self.refuse_assignment(turn, ErrorCode::REBALANCE_IN_PROGRESS);
        }
        turn.cancel(&mut self.sync_phase);
        self.unsynced.clear();
        self.initial = self.state == State::Empty;
        self.newcomer = false;
        self.enter(turn, State::PreparingRebalance);
        if self.initial {
            // Others are likely to come: a group that starts would otherwise rebalance once for each of them.
            let delay = turn.act.config.group_initial_rebalance_delay_ms.max(0);
            let remaining = self.rebalance_timeout_ms().saturating_sub(delay).max(0);
            self.wait_for_newcomers(turn, delay, remaining);
        } else if self.has_all_members() {
            self.complete_join(turn);
        } else {
            let (timeout, due) = (self.rebalance_timeout(), Due::JoinPhase { group: self.id.clone() });
            turn.reset(&mut self.phase, timeout, due);
        }
    }

    fn wait_for_newcomers(&mut self, turn: &mut Turn<'_, '_>, delay_ms: i32, remaining_ms: i32) {
        let due = Due::InitialDelay {
            group: self.id.clone(),
            delay_ms,
            remaining_ms,
        };
        turn.reset(&mut self.phase, millis(delay_ms), due);
    }

    /// The initial delay is over: once more if somebody came meanwhile, but not beyond the rebalance timeout.
    pub(crate) fn initial_delay_over(&mut self, turn: &mut Turn<'_, '_>, delay_ms: i32, remaining_ms: i32) {
        self.phase = None;
        if self.newcomer && remaining_ms > 0 {
            self.newcomer = false;
            let delay = turn
                .act
                .config
                .group_initial_rebalance_delay_ms
                .max(0)
                .min(remaining_ms);
            self.wait_for_newcomers(turn, delay, remaining_ms.saturating_sub(delay_ms).max(0));
        } else {
            self.complete_join(turn);
        }
    }

    fn has_all_members(&self) -> bool {
        self.joining == self.members.len() && self.pending.is_empty()
    }

    /// A join phase that began without members always waits its time out.
    pub(crate) fn complete_join_if_all_are_here(&mut self, turn: &mut Turn<'_, '_>) {
        if self.state == State::PreparingRebalance && !self.initial && self.has_all_members() {
            self.complete_join(turn);
        }
    }

    /// Ends the join phase. Dynamic members that did not rejoin are out; static ones stay until their session ends.
    pub(crate) fn complete_join(&mut self, turn: &mut Turn<'_, '_>) {
        turn.cancel(&mut self.phase);
        let late = |member: &&Member| member.joining.is_none() && member.instance.is_none();
        let late: Vec<Text> = self
            .members
            .values()
            .filter(late)
            .map(|member| member.id.clone())
            .collect();
        for id in late {
            self.remove(turn, &id);
        }
        if !self.members.is_empty() && !self.elect_leader() {
            // Only static members are left, and none of them is here.
            let (timeout, due) = (self.rebalance_timeout(), Due::JoinPhase { group: self.id.clone() });
            return turn.reset(&mut self.phase, timeout, due);
        }
        self.initial = false;
        self.generation = self.generation.wrapping_add(1);
        turn.act
            .generations
            .push((self.id.clone(), self.generation, self.members.len()));
        if self.members.is_empty() {
            self.become_empty(turn);
        } else {
            self.begin_sync_phase(turn);
        }
    }

    /// Makes sure that the leader is somebody who has rejoined. False if nobody has.
    fn elect_leader(&mut self) -> bool {
        let is_here = |member: &Member| member.joining.is_some();
        if self
            .leader
            .as_ref()
            .and_then(|id| self.members.get(id))
            .is_some_and(is_here)
        {
            return true;
        }
        let next = self
            .members
            .values()
            .find(|member| is_here(member))
            .map(|member| member.id.clone());
        let found = next.is_some();
        self.leader = next.or(self.leader.take());
        found
    }

    fn become_empty(&mut self, turn: &mut Turn<'_, '_>) {
        self.enter(turn, State::Empty);
        self.protocol = None;
        self.leader = None;
        // If this cannot be written, the next coordinator finds members whose sessions run out.
        if let Ok(end) = turn.append(&[self.record()]) {
            turn.after(end, Then::Nothing);
        }
    }

    fn begin_sync_phase(&mut self, turn: &mut Turn<'_, '_>) {
        self.protocol = self.elect_protocol();
        self.enter(turn, State::CompletingRebalance);
        let ids: Vec<Text> = self.members.keys().cloned().collect();
        for id in ids {
            let joined = self.joined(&id, self.leader.as_ref() == Some(&id));
            let member = self.members.get_mut(&id).expect("listed above");
            member.is_new = false;
            if let Some(waiter) = member.joining.take() {
                turn.answer(waiter, Reply::Joined(joined));
            }
            self.refresh(turn, &id);
            self.unsynced.insert(id);
        }
        self.joining = 0;
        let (timeout, due) = (self.rebalance_timeout(), Due::SyncPhase { group: self.id.clone() });
        turn.reset(&mut self.sync_phase, timeout, due);
    }

    /// Members that sent no SyncGroup in time are out, static ones too.
    pub(crate) fn sync_phase_over(&mut self, turn: &mut Turn<'_, '_>) {
        self.sync_phase = None;
        let is_due = matches!(self.state, State::CompletingRebalance | State::Stable) && !self.unsynced.is_empty();
        if !is_due {
            return;
        }
        for id in std::mem::take(&mut self.unsynced) {
            self.remove(turn, &id);
        }
        self.begin_join_phase(turn);
    }

    /// A member has sent its SyncGroup.
    pub(crate) fn has_synced(&mut self, turn: &mut Turn<'_, '_>, id: &str) {
        self.unsynced.remove(id);
        if self.unsynced.is_empty() {
            turn.cancel(&mut self.sync_phase);
        }
    }

    /// The leader's assignment is replicated: every parked SyncGroup is answered.
    pub(crate) fn assign(&mut self, turn: &mut Turn<'_, '_>, assignment: &[(Text, Bytes)]) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
        }
        for (id, bytes) in assignment {
            if let Some(member) = self.members.get_mut(id) {
                member.assignment = bytes.clone();
            }
        }
        self.enter(turn, State::Stable);
        self.answer_syncs(turn, ErrorCode::NONE);
    }

    /// The leader's assignment could not be written.
    pub(crate) fn assignment_failed(&mut self, turn: &mut Turn<'_, '_>, error: ErrorCode) {
        self.refuse_assignment(turn, error);
        self.rebalance_or_complete(turn);
    }

    fn refuse_assignment(&mut self, turn: &mut Turn<'_, '_>, error: ErrorCode) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
        }
        self.answer_syncs(turn, error);
    }

    fn answer_syncs(&mut self, turn: &mut Turn<'_, '_>, error: ErrorCode) {
        let waiting = self
            .members
            .values_mut()
            .filter_map(|member| Some((member.id.clone(), member.syncing.take()?)));
        let waiting: Vec<_> = waiting.collect();
        for (id, waiter) in waiting {
            let synced = if error.is_ok() {
                self.synced(&id)
            } else {
                Synced::failed(error)
            };
            turn.answer(waiter, Reply::Synced(synced));
            self.refresh(turn, &id);
        }
    }

    /// A member's current assignment as a SyncGroup answer.
    pub(crate) fn synced(&self, id: &str) -> Synced {
        Synced {
            error: ErrorCode::NONE,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: self
                .members
                .get(id)
                .map(|member| member.assignment.clone())
                .unwrap_or_default(),
        }
    }

    /// A member is gone, for whatever reason. Its parked requests are answered with UNKNOWN_MEMBER_ID.
    pub(crate) fn drop_member(&mut self, turn: &mut Turn<'_, '_>, id: &str) {
        let Some(member) = self.remove(turn, id) else { return };
        refuse(turn, &member, ErrorCode::UNKNOWN_MEMBER_ID);
    }

    /// Members have gone: the others rebalance.
    pub(crate) fn after_departure(&mut self, turn: &mut Turn<'_, '_>) {
        match self.state {
            State::Stable | State::CompletingRebalance => self.begin_join_phase(turn),
            State::PreparingRebalance => self.complete_join_if_all_are_here(turn),
            State::Empty => {}
        }
    }
}

/// Answers what a member that is no longer one waits for.
pub(crate) fn refuse(turn: &mut Turn<'_, '_>, member: &Member, error: ErrorCode) {
    if let Some(waiter) = member.joining {
        turn.answer(waiter, Reply::Joined(Joined::failed(error, member.id.clone())));
    }
    if let Some(waiter) = member.syncing {
        turn.answer(waiter, Reply::Synced(Synced::failed(error)));
    }
}
