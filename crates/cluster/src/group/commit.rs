//! OffsetCommit, OffsetFetch, OffsetDelete and DeleteGroups.
//!
//! What is committed is not compared with the log of the partition: going back, or committing an offset that never
//! existed, is the caller's affair.

use kafka_sim_core::{ErrorCode, Offset};

use super::classic::{Group, State};
use super::deed::Accepted;
use super::records::Record;
use super::shard::Shard;
use super::turn::{Act, Turn};
use super::words::{Caller, Commit, CommitPart, Committed, Found, Reply, Text, Waiter, Wanted};
use super::writes::Then;

impl Group {
    fn check_commit(&self, caller: &Caller, generation: i32) -> Result<(), ErrorCode> {
        if generation < 0 && self.state == State::Empty {
            return Ok(());
        }
        if generation < 0 && caller.member.is_empty() && caller.instance.is_none() {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        self.check_member(caller)?;
        if generation != self.generation {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        match self.state {
            State::CompletingRebalance => Err(ErrorCode::REBALANCE_IN_PROGRESS),
            _ => Ok(()),
        }
    }
}

impl Shard {
    /// OffsetCommit. Each partition's offset is a record of its own, all in one batch.
    pub(crate) fn commit(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &Text, commit: &Commit) {
        if let Err(error) = self.check_commit(act, id, commit) {
            return act.replies.push((waiter, Reply::Committed(Err(error))));
        }
        let limit = usize::try_from(act.config.offset_metadata_max_bytes).unwrap_or(0);
        let too_long = |part: &CommitPart| part.metadata.len() > limit;
        let verdict = |part| {
            if too_long(part) {
                ErrorCode::OFFSET_METADATA_TOO_LARGE
            } else {
                ErrorCode::NONE
            }
        };
        let reply = Reply::Committed(Ok(commit.parts.iter().map(verdict).collect()));
        let expire_ms = commit
            .retention_ms
            .map(|retention| act.now_ms.saturating_add(retention));
        let accepted: Vec<&CommitPart> = commit.parts.iter().filter(|part| !too_long(part)).collect();
        let values: Vec<Committed> = accepted
            .iter()
            .map(|part| committed(part, act.now_ms, expire_ms))
            .collect();
        let record = |(part, value): (&&CommitPart, &Committed)| Record::Offset {
            group: id.clone(),
            topic: part.topic.clone(),
            partition: part.partition,
            value: Some(value.clone()),
        };
        let records: Vec<Record> = accepted.iter().zip(&values).map(record).collect();
        let mut turn = Turn {
            act,
            core: &mut self.core,
        };
        if records.is_empty() {
            return turn.answer_after_writes(waiter, reply);
        }
        let end = match turn.append(&records) {
            Ok(end) => end,
            Err(error) => return turn.answer(waiter, reply.fail(error)),
        };
        let count = Offset::try_from(records.len()).expect("a request has fewer partitions");
        turn.act.commits.push(Accepted {
            waiter,
            member: commit.caller.member.clone(),
            generation: commit.generation,
            group: id.clone(),
            parts: accepted
                .iter()
                .map(|part| (part.topic.clone(), part.partition))
                .collect(),
            records: end - count..end,
        });
        #[cfg(feature = "mutants")]
        if turn.act.mutant == Some(crate::mutant::Mutant::CommitAckOnAppend) {
            turn.answer(waiter, reply.clone());
        }
        turn.after(end, Then::Answer(waiter, reply));
        for (part, value) in accepted.into_iter().zip(values) {
            self.offsets.write(
                id,
                &part.topic,
                part.partition,
                end,
                Some(value),
                self.core.high_watermark,
            );
        }
        if !self.consumer_groups.contains_key(id) {
            self.groups
                .entry(id.clone())
                .or_insert_with(|| Group::new(id.clone(), end));
        }
    }

    fn check_commit(&mut self, act: &mut Act<'_>, id: &str, commit: &Commit) -> Result<(), ErrorCode> {
        #[cfg(feature = "mutants")]
        if act.mutant == Some(crate::mutant::Mutant::StaleCommitsAccepted) {
            return Ok(());
        }
        if let Some(group) = self.consumer_groups.get(id) {
            return group.check_commit(&commit.caller, commit.generation, commit.version);
        }
        match self.groups.get_mut(id) {
            Some(group) => {
                group.check_commit(&commit.caller, commit.generation)?;
                // Whoever commits lives.
                group.refresh(
                    &mut Turn {
                        act,
                        core: &mut self.core,
                    },
                    &commit.caller.member,
                );
                Ok(())
            }
            None if commit.generation < 0 => Ok(()),
            None if commit.version >= 9 => Err(ErrorCode::GROUP_ID_NOT_FOUND),
            None => Err(ErrorCode::ILLEGAL_GENERATION),
        }
    }

    /// Whether an OffsetFetch that names a member may read a group's offsets.
    pub(crate) fn check_fetch(&self, id: &str, member: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
        let group = self.consumer_groups.get(id);
        group.map_or(Ok(()), |group| group.check_fetch(member, epoch))
    }

    /// OffsetFetch: what is replicated now.
    pub(crate) fn fetch(&self, id: &str, wanted: &Wanted) -> Found {
        self.offsets.read(id, wanted, self.core.high_watermark)
    }

    /// OffsetFetch with `require_stable`: includes every commit that was accepted before.
    pub(crate) fn fetch_stable(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &Text, wanted: Wanted) {
        if self.core.written <= self.core.high_watermark {
            act.replies.push((waiter, Reply::Fetched(Ok(self.fetch(id, &wanted)))));
        } else {
            let end = self.core.written;
            Turn {
                act,
                core: &mut self.core,
            }
            .after(
                end,
                Then::Read {
                    waiter,
                    group: id.clone(),
                    wanted,
                },
            );
        }
    }

    /// OffsetDelete.
    pub(crate) fn delete_offsets(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &Text, parts: &[(Text, i32)]) {
        let is_read: &dyn Fn(&str) -> bool = match (self.groups.get(id), self.consumer_groups.get(id)) {
            (_, Some(group)) => &|topic| group.is_subscribed_to(topic),
            (Some(group), None) if group.state == State::Empty => &|_| false,
            (Some(group), None) if group.is_of_consumers() => &|topic| group.is_subscribed_to(topic),
            (classic, None) => {
                let refusal = match classic {
                    Some(_) => ErrorCode::NON_EMPTY_GROUP,
                    None => ErrorCode::GROUP_ID_NOT_FOUND,
                };
                return act.replies.push((waiter, Reply::OffsetsDeleted(Err(refusal))));
            }
        };
        let verdict = |(topic, _): &(Text, i32)| {
            if is_read(topic) {
                ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC
            } else {
                ErrorCode::NONE
            }
        };
        let verdicts: Vec<ErrorCode> = parts.iter().map(verdict).collect();
        let gone: Vec<(Text, i32)> = parts
            .iter()
            .zip(&verdicts)
            .filter(|(_, verdict)| verdict.is_ok())
            .map(|(part, _)| part.clone())
            .collect();
        let stored = self.stored(id, |topic, partition| {
            gone.iter().any(|(t, p)| t == topic && *p == partition)
        });
        let reply = Reply::OffsetsDeleted(Ok(verdicts));
        match self.erase(act, id, stored, false) {
            Ok(()) => Turn {
                act,
                core: &mut self.core,
            }
            .answer_after_writes(waiter, reply),
            Err(error) => act.replies.push((waiter, reply.fail(error))),
        }
    }

    /// DeleteGroups, one group.
    pub(crate) fn delete_group(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &Text) {
        let refusal = match self.is_empty(id) {
            None => ErrorCode::GROUP_ID_NOT_FOUND,
            Some(false) => ErrorCode::NON_EMPTY_GROUP,
            Some(true) => ErrorCode::NONE,
        };
        if !refusal.is_ok() {
            return act.replies.push((waiter, Reply::Deleted(refusal)));
        }
        let stored = self.stored(id, |_, _| true);
        match self.erase(act, id, stored, true) {
            Ok(()) => Turn {
                act,
                core: &mut self.core,
            }
            .answer_after_writes(waiter, Reply::Deleted(ErrorCode::NONE)),
            Err(error) => act.replies.push((waiter, Reply::Deleted(error))),
        }
    }

    /// Whether a group of either protocol has no members; `None` if there is no such group.
    fn is_empty(&self, id: &str) -> Option<bool> {
        let classic = self.groups.get(id).map(|group| group.state == State::Empty);
        classic.or_else(|| Some(self.consumer_groups.get(id)?.members.is_empty()))
    }

    /// The partitions of a group's offsets that a condition holds for.
    pub(crate) fn stored(&self, id: &str, holds: impl Fn(&Text, i32) -> bool) -> Vec<(Text, i32)> {
        let newest = self
            .offsets
            .newest(id)
            .filter(|(topic, partition, _)| holds(topic, *partition));
        newest.map(|(topic, partition, _)| (topic.clone(), partition)).collect()
    }

    /// Writes tombstones for offsets, and for the group itself.
    pub(crate) fn erase(
        &mut self,
        act: &mut Act<'_>,
        id: &Text,
        parts: Vec<(Text, i32)>,
        group_too: bool,
    ) -> Result<(), ErrorCode> {
        let tombstone = |(topic, partition): &(Text, i32)| Record::Offset {
            group: id.clone(),
            topic: topic.clone(),
            partition: *partition,
            value: None,
        };
        let mut records: Vec<Record> = parts.iter().map(tombstone).collect();
        match self.consumer_groups.get(id) {
            Some(group) if group_too => records.extend(group.tombstones()),
            None if group_too => records.push(Group::tombstone(id)),
            _ => {}
        }
        if records.is_empty() {
            return Ok(());
        }
        let end = Turn {
            act,
            core: &mut self.core,
        }
        .append(&records)?;
        for (topic, partition) in parts {
            self.offsets
                .write(id, &topic, partition, end, None, self.core.high_watermark);
        }
        if group_too {
            self.drop_classic(id);
            self.consumer_groups.remove(id);
        }
        Ok(())
    }

    /// A classic group is gone, and nothing of it is due any more.
    pub(crate) fn drop_classic(&mut self, id: &Text) -> Option<Group> {
        let mut group = self.groups.remove(id)?;
        let sessions = group.members.values_mut().filter_map(|member| member.session.take());
        let timers = std::mem::take(&mut group.pending)
            .into_values()
            .chain(group.phase.take());
        for timer in timers
            .chain(group.sync_phase.take())
            .chain(sessions.collect::<Vec<_>>())
        {
            self.core.agenda.cancel(timer);
        }
        Some(group)
    }
}

fn committed(part: &CommitPart, commit_ms: i64, expire_ms: Option<i64>) -> Committed {
    Committed {
        offset: part.offset,
        leader_epoch: part.leader_epoch,
        metadata: part.metadata.clone(),
        commit_ms,
        expire_ms,
        topic_id: part.topic_id,
    }
}
