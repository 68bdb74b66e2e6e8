//! JoinGroup: who may join, and who is answered at once.

use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::ErrorCode;

use super::classic::{Group, State};
use super::member::{Member, millis};
use super::turn::{Due, Turn};
use super::words::{Join, Joined, Reply, Text, Waiter};

/// How long a new member may wait in a join phase without being heard of (classicGroupNewMemberJoinTimeoutMs).
const NEW_MEMBER_PATIENCE: Duration = Duration::from_secs(300);

impl Group {
    pub(crate) fn join(&mut self, turn: &mut Turn<'_, '_>, waiter: Waiter, join: Join) {
        let outcome = if !self.has_room(turn, &join.caller.member) {
            self.remove(turn, &join.caller.member);
            Err(ErrorCode::GROUP_MAX_SIZE_REACHED)
        } else if !self.admits(&join.protocol_type, &join.protocols) {
            Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL)
        } else if join.caller.member.is_empty() {
            self.join_new(turn, waiter, &join)
        } else {
            self.join_known(turn, waiter, &join)
        };
        if let Err(error) = outcome {
            turn.answer(waiter, Reply::Joined(Joined::failed(error, join.caller.member)));
        }
    }

    /// `group.max.size` counts members, and during the join phase those that have rejoined.
    fn has_room(&self, turn: &Turn<'_, '_>, id: &str) -> bool {
        let limit = usize::try_from(turn.act.config.group_max_size).unwrap_or(usize::MAX);
        let member = self.members.get(id);
        match self.state {
            State::Empty => true,
            State::PreparingRebalance => member.is_some_and(|m| m.joining.is_some()) || self.joining < limit,
            State::CompletingRebalance | State::Stable => member.is_some() || self.members.len() < limit,
        }
    }

    fn join_new(&mut self, turn: &mut Turn<'_, '_>, waiter: Waiter, join: &Join) -> Result<(), ErrorCode> {
        let prefix = join.caller.instance.as_ref().unwrap_or(&join.client_id);
        let id = Text::from(format!("{prefix}-{}", turn.act.rng.uuid()));
        if let Some(instance) = &join.caller.instance {
            match self.statics.get(instance).cloned() {
                Some(old) => self.replace_static(turn, waiter, join, &old, id),
                None => self.add(turn, waiter, join, id),
            }
            return Ok(());
        }
        if !join.needs_known_id {
            self.add(turn, waiter, join, id);
            return Ok(());
        }
        let due = Due::Pending {
            group: self.id.clone(),
            member: id.clone(),
        };
        let timer = turn.set(millis(join.session_timeout), due);
        self.pending.insert(id.clone(), timer);
        turn.answer(waiter, Reply::Joined(Joined::failed(ErrorCode::MEMBER_ID_REQUIRED, id)));
        Ok(())
    }

    fn join_known(&mut self, turn: &mut Turn<'_, '_>, waiter: Waiter, join: &Join) -> Result<(), ErrorCode> {
        let id = &join.caller.member;
        if self.pending.contains_key(id) {
            self.add(turn, waiter, join, id.clone());
            return Ok(());
        }
        self.check_member(&join.caller)?;
        let member = &self.members[id];
        let same = member.protocols == join.protocols;
        let leads = self.leader.as_ref() == Some(id);
        let up_to_date = match self.state {
            State::Empty => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
            State::PreparingRebalance => false,
            State::CompletingRebalance => same,
            State::Stable => same && !leads,
        };
        if up_to_date {
            let joined = self.joined(id, leads);
            turn.answer(waiter, Reply::Joined(joined));
        } else {
            self.update(turn, waiter, join, id);
            self.rebalance_or_complete(turn);
        }
        Ok(())
    }

    /// Adds a member and lets it take part in the join phase, which begins if there is none.
    fn add(&mut self, turn: &mut Turn<'_, '_>, waiter: Waiter, join: &Join, id: Text) {
        if let Some(timer) = self.pending.remove(&id) {
            turn.core.agenda.cancel(timer);
        }
        if self.members.is_empty() {
            self.protocol_type = Some(join.protocol_type.clone());
        }
        let mut member = Member::new(id.clone(), join);
        member.joining = Some(waiter);
        let due = Due::Session {
            group: self.id.clone(),
            member: id,
        };
        turn.reset(&mut member.session, NEW_MEMBER_PATIENCE, due);
        self.insert(member);
        self.newcomer |= self.state == State::PreparingRebalance && self.initial;
        self.rebalance_or_complete(turn);
    }

    /// Takes over what a member says of itself, and parks its request. An older one of the same member is superseded.
    pub(crate) fn update(&mut self, turn: &mut Turn<'_, '_>, waiter: Waiter, join: &Join, id: &str) {
        let Some(member) = self.members.get_mut(id) else { return };
        let before = std::mem::replace(&mut member.protocols, join.protocols.clone());
        member.session_timeout = join.session_timeout;
        member.rebalance_timeout = join.rebalance_timeout;
        match member.joining.replace(waiter) {
            Some(old) => {
                let failed = Joined::failed(ErrorCode::UNKNOWN_MEMBER_ID, member.id.clone());
                turn.answer(old, Reply::Joined(failed));
            }
            None => self.joining += 1,
        }
        self.count_support(&before, false);
        self.count_support(&join.protocols, true);
    }

    /// The current generation as a JoinGroup answer.
    pub(crate) fn joined(&self, id: &Text, with_members: bool) -> Joined {
        let protocol = self.protocol.clone();
        let metadata = |member: &Member| protocol.as_ref().map(|name| member.metadata(name)).unwrap_or_default();
        let list = |member: &Member| -> (Text, Option<Text>, Bytes) {
            (member.id.clone(), member.instance.clone(), metadata(member))
        };
        let members = if with_members {
            self.members.values().map(list).collect()
        } else {
            Vec::new()
        };
        Joined {
            error: ErrorCode::NONE,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: protocol.clone(),
            leader: self.leader.clone().unwrap_or_else(|| "".into()),
            member: id.clone(),
            skip_assignment: false,
            members,
        }
    }
}
