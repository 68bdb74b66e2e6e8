//! Static members (KIP-345): one that comes back with its instance id replaces the one that was there.

use bytes::Bytes;
use kafka_sim_core::ErrorCode;

use super::classic::{Group, State};
use super::rebalance::refuse;
use super::turn::Turn;
use super::words::{Join, Joined, Reply, Text, Waiter};
use super::writes::Then;

/// A replacement that is not replicated yet, and what it replaced.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    old: Text,
    new: Text,
    protocols: Vec<(Text, Bytes)>,
    session_timeout: i32,
    rebalance_timeout: i32,
}

impl Group {
    /// The member with an instance id came back without its member id. Whoever had the old one is fenced.
    pub(crate) fn replace_static(
        &mut self,
        turn: &mut Turn<'_, '_>,
        waiter: Waiter,
        join: &Join,
        old: &Text,
        new: Text,
    ) {
        let leader_before = self.leader.clone();
        let Some(member) = self.members.get(old) else { return };
        let replacement = Replacement {
            old: old.clone(),
            new: new.clone(),
            protocols: member.protocols.clone(),
            session_timeout: member.session_timeout,
            rebalance_timeout: member.rebalance_timeout,
        };
        self.rename(turn, old, &new);
        self.update(turn, waiter, join, &new);
        if self.state != State::Stable || self.elect_protocol() != self.protocol {
            return self.rebalance_or_complete(turn);
        }
        // Nothing changes for the group: no rebalance, but the new id has to be durable before it is told.
        let leads = self.leader.as_ref() == Some(&new);
        let mut joined = self.joined(&new, leads && join.may_skip_assignment);
        if join.may_skip_assignment {
            joined.skip_assignment = leads;
        } else {
            // A client that cannot skip the assignment must not believe that it leads.
            joined.leader = leader_before.unwrap_or_else(|| "".into());
        }
        let reply = Reply::Joined(joined);
        match turn.append(&[self.record()]) {
            Ok(end) => {
                let then = Then::Replaced {
                    group: self.id.clone(),
                    replacement: Box::new(replacement),
                    waiter,
                    reply,
                };
                turn.after(end, then);
            }
            Err(error) => self.undo_replacement(turn, replacement, waiter, error),
        }
    }

    /// Gives a static member another id. What it waited for under the old one is answered with FENCED_INSTANCE_ID.
    fn rename(&mut self, turn: &mut Turn<'_, '_>, old: &Text, new: &Text) {
        let led = self.leader.as_ref() == Some(old);
        let unsynced = self.unsynced.contains(old);
        let Some(mut member) = self.remove(turn, old) else {
            return;
        };
        refuse(turn, &member, ErrorCode::FENCED_INSTANCE_ID);
        member.joining = None;
        member.syncing = None;
        member.id = new.clone();
        self.insert(member);
        if led {
            self.leader = Some(new.clone());
        }
        if unsynced {
            self.unsynced.insert(new.clone());
        }
        self.refresh(turn, new);
    }

    pub(crate) fn finish_replacement(
        &mut self,
        turn: &mut Turn<'_, '_>,
        replacement: &Replacement,
        waiter: Waiter,
        reply: Reply,
    ) {
        // Unless a rebalance has begun meanwhile and answers it.
        if self.state == State::Stable && self.stop_joining(&replacement.new, waiter) {
            self.refresh(turn, &replacement.new);
            turn.answer(waiter, reply);
        }
    }

    pub(crate) fn undo_replacement(
        &mut self,
        turn: &mut Turn<'_, '_>,
        replacement: Replacement,
        waiter: Waiter,
        error: ErrorCode,
    ) {
        let Replacement {
            old,
            new,
            protocols,
            session_timeout,
            rebalance_timeout,
        } = replacement;
        if !self.stop_joining(&new, waiter) {
            return;
        }
        self.rename(turn, &new, &old);
        if let Some(member) = self.members.get_mut(&old) {
            let tried = std::mem::replace(&mut member.protocols, protocols.clone());
            member.session_timeout = session_timeout;
            member.rebalance_timeout = rebalance_timeout;
            self.count_support(&tried, false);
            self.count_support(&protocols, true);
        }
        turn.answer(waiter, Reply::Joined(Joined::failed(error, "".into())));
    }

    fn stop_joining(&mut self, id: &str, waiter: Waiter) -> bool {
        let Some(member) = self.members.get_mut(id).filter(|member| member.joining == Some(waiter)) else {
            return false;
        };
        member.joining = None;
        self.joining -= 1;
        true
    }
}
