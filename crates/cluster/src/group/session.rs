//! Heartbeats, departures, and members that fall silent.

use kafka_sim_core::ErrorCode;

use super::classic::{Group, State};
use super::turn::Turn;
use super::words::{Caller, Text};

impl Group {
    /// Heartbeat. A member hears of a rebalance this way, and stays alive while it finishes its work.
    pub(crate) fn heartbeat(&mut self, turn: &mut Turn<'_, '_>, caller: &Caller, generation: i32) -> ErrorCode {
        if self.state == State::Empty {
            return ErrorCode::UNKNOWN_MEMBER_ID;
        }
        if let Err(error) = self.check_member(caller) {
            return error;
        }
        if generation != self.generation {
            return ErrorCode::ILLEGAL_GENERATION;
        }
        self.refresh(turn, &caller.member);
        match self.state {
            State::PreparingRebalance => ErrorCode::REBALANCE_IN_PROGRESS,
            _ => ErrorCode::NONE,
        }
    }

    /// LeaveGroup: the outcome for each.
    pub(crate) fn leave(&mut self, turn: &mut Turn<'_, '_>, leavers: &[Caller]) -> Vec<ErrorCode> {
        let outcomes: Vec<ErrorCode> = leavers.iter().map(|caller| self.let_go(turn, caller)).collect();
        if outcomes.contains(&ErrorCode::NONE) {
            self.after_departure(turn);
        }
        outcomes
    }

    fn let_go(&mut self, turn: &mut Turn<'_, '_>, caller: &Caller) -> ErrorCode {
        if caller.member.is_empty() {
            // An administrator removes a static member by its instance id.
            let id = caller
                .instance
                .as_ref()
                .and_then(|instance| self.statics.get(instance))
                .cloned();
            let Some(id) = id else {
                return ErrorCode::UNKNOWN_MEMBER_ID;
            };
            self.drop_member(turn, &id);
        } else if let Some(timer) = self.pending.remove(&caller.member) {
            turn.core.agenda.cancel(timer);
        } else if let Err(error) = self.check_member(caller) {
            return error;
        } else {
            self.drop_member(turn, &caller.member);
        }
        ErrorCode::NONE
    }

    /// A session timer fired.
    pub(crate) fn session_over(&mut self, turn: &mut Turn<'_, '_>, id: &Text) {
        let Some(member) = self.members.get_mut(id) else { return };
        member.session = None;
        if member.is_excused() {
            // Its session begins anew when it is answered.
            return;
        }
        #[cfg(feature = "mutants")]
        if turn.act.mutant == Some(crate::mutant::Mutant::SilentMembersStay) {
            return;
        }
        self.drop_member(turn, id);
        self.after_departure(turn);
    }

    /// A member that was given an id never came back with it.
    pub(crate) fn pending_over(&mut self, turn: &mut Turn<'_, '_>, id: &Text) {
        if self.pending.remove(id).is_some() {
            self.after_pending_is_gone(turn);
        }
    }

    fn after_pending_is_gone(&mut self, turn: &mut Turn<'_, '_>) {
        self.complete_join_if_all_are_here(turn);
    }
}
