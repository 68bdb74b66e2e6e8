//! From what is owned to what the coordinator wants: commit, give up, take over, acknowledge.

use kafka_sim_core::{SimTime, TopicPartition};

use super::{Local, Parts, Reconciliation, State};
use crate::consumer::{
    Consumer,
    commit::Why,
    member::{Prepare, PrepareCommit},
    script::Step,
};

impl Consumer {
    /// Begins a reconciliation if one is wanted. With automatic commits that is done only in a poll.
    pub(in crate::consumer) fn reconcile(&mut self, may_commit: bool, now: SimTime) {
        let wanted = self.modern.as_ref().is_some_and(|modern| {
            modern.state == State::Reconciling && modern.reconciliation.is_none() && modern.target != modern.current
        });
        if !wanted {
            return;
        }
        let (parts, assigned) = self.resolve_target();
        let commits = self.config.commits_by_itself();
        let owned = self.owned();
        let Some(modern) = &mut self.modern else { return };
        let resolved = Local {
            number: modern.target.number,
            parts,
        };
        if modern.current.number != 0 && modern.current.parts == resolved.parts {
            modern.current = resolved;
            modern.state = State::Acknowledging;
            return;
        }
        if commits && !may_commit {
            return;
        }
        let minus = |left: &[TopicPartition], right: &[TopicPartition]| -> Vec<TopicPartition> {
            left.iter().filter(|one| !right.contains(one)).cloned().collect()
        };
        let revoked = minus(&owned, &assigned);
        modern.reconciliation = Some(Reconciliation {
            resolved,
            added: minus(&assigned, &owned),
            revoked: revoked.clone(),
            assigned,
            called: false,
        });
        self.reader.withhold(|partition| revoked.contains(partition), true);
        self.member.prepare = Some(Prepare {
            deadline: now + self.config.max_poll_interval,
            commit: if commits {
                PrepareCommit::InFlight
            } else {
                PrepareCommit::Over
            },
        });
        if commits {
            let offsets = self.all_consumed();
            self.send_commit(Why::BeforeJoin, offsets, now);
        }
    }

    /// The part of the target whose topics have names. Metadata is asked for the others.
    fn resolve_target(&mut self) -> (Parts, Vec<TopicPartition>) {
        let mut parts = Parts::new();
        let mut assigned = Vec::new();
        let Some(modern) = &mut self.modern else {
            return (parts, assigned);
        };
        let metadata = &mut self.reader.network.metadata;
        modern
            .names
            .extend(metadata.known_topics().map(|(name, info)| (info.id, name.clone())));
        for (id, partitions) in &modern.target.parts {
            let Some(name) = modern.names.get(id) else {
                metadata.request_update();
                continue;
            };
            parts.insert(*id, partitions.clone());
            let named = partitions.iter().map(|index| TopicPartition::new(name.clone(), *index));
            assigned.extend(named);
        }
        assigned.sort();
        (parts, assigned)
    }

    /// Goes on with a reconciliation when its commit is over.
    pub(in crate::consumer) fn drive_reconciliation(&mut self, now: SimTime) -> bool {
        let Some(reconciliation) = self.modern.as_ref().and_then(|modern| modern.reconciliation.as_ref()) else {
            return false;
        };
        if reconciliation.called {
            return false;
        }
        let over = match &self.member.prepare {
            Some(prepare) if prepare.deadline > now => match prepare.commit {
                PrepareCommit::RetryAt(at) if at <= now => {
                    self.retry_commit(now);
                    return true;
                }
                PrepareCommit::RetryAt(at) => {
                    let next = at.min(prepare.deadline);
                    self.look_again_at(next);
                    false
                }
                PrepareCommit::InFlight => {
                    let deadline = prepare.deadline;
                    self.look_again_at(deadline);
                    false
                }
                PrepareCommit::None | PrepareCommit::Over => true,
            },
            _ => true,
        };
        if over {
            self.call_for_reconciliation();
        }
        over
    }

    fn retry_commit(&mut self, now: SimTime) {
        if let Some(prepare) = &mut self.member.prepare {
            prepare.commit = PrepareCommit::InFlight;
        }
        let offsets = self.all_consumed();
        self.send_commit(Why::BeforeJoin, offsets, now);
    }

    fn call_for_reconciliation(&mut self) {
        self.member.prepare = None;
        let Some(reconciliation) = self.modern.as_mut().and_then(|modern| modern.reconciliation.as_mut()) else {
            return;
        };
        reconciliation.called = true;
        let Reconciliation {
            revoked,
            assigned,
            added,
            ..
        } = reconciliation.clone();
        if !revoked.is_empty() {
            self.script.push_back(Step::Revoked(revoked.clone()));
            self.script.push_back(Step::Unassign(revoked));
        }
        self.script.push_back(Step::Own(assigned));
        self.script.push_back(Step::Assigned(added));
        self.script.push_back(Step::Reconciled);
    }

    /// The callbacks are over: the next heartbeat tells the coordinator.
    pub(in crate::consumer) fn reconciled(&mut self, now: SimTime) {
        let interval = self.config.auto_commit_interval;
        let Some(modern) = &mut self.modern else { return };
        if let Some(reconciliation) = modern.reconciliation.take()
            && modern.state == State::Reconciling
        {
            modern.current = reconciliation.resolved;
            modern.state = State::Acknowledging;
            self.commits.restart(now, interval);
        }
    }
}
