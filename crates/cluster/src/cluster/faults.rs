//! Faults: when they strike, whom, and how they are healed.

use std::sync::Arc;

use kafka_sim_core::BrokerId;

use super::{Cluster, Output};
use crate::disk::SyncFault;
use crate::event::Event;
use crate::fault::{Fault, Filter, Healing, ScheduledFault, Trigger};
use crate::net::RuleId;
use crate::peer::{ElectionType, NewTopic};

/// What the cluster's own agenda holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// The first start of a broker.
    Start(usize),
    /// A fault whose time has come.
    Fire(usize),
    /// The end of a fault.
    Heal(usize),
}

/// Every fault the cluster was ever told of.
#[derive(Clone, Default, Debug)]
pub(super) struct FaultBoard {
    faults: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    scheduled: ScheduledFault,
    state: State,
    /// Whom it struck, also after it was healed; empty until then.
    hit: Vec<BrokerId>,
    /// The topic that it deleted and that healing creates anew.
    deleted: Option<NewTopic>,
}

#[derive(Clone, Debug)]
enum State {
    Waiting,
    Active { struck: Vec<BrokerId>, rules: Vec<RuleId> },
    Over,
}

impl FaultBoard {
    /// Those that have struck this broker and are not healed, in the order of their numbers.
    fn active_on(&self, id: BrokerId) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter_map(move |entry| match &entry.state {
            State::Active { struck, .. } if struck.contains(&id) => Some(&entry.scheduled.fault),
            _ => None,
        })
    }

    /// Those that have struck and are not healed, in the order of their numbers.
    pub(super) fn active(&self) -> impl Iterator<Item = &Fault> {
        let active = |entry: &&Entry| matches!(entry.state, State::Active { .. });
        self.faults.iter().filter(active).map(|entry| &entry.scheduled.fault)
    }

    /// Something else has undone what such faults did to this broker.
    pub(super) fn forget(&mut self, healing: Healing, id: BrokerId) {
        for entry in &mut self.faults {
            if let State::Active { struck, .. } = &mut entry.state
                && entry.scheduled.fault.healing() == healing
            {
                struck.retain(|broker| *broker != id);
            }
        }
    }
}

impl Cluster {
    /// The brokers that the fault handed over last has struck, in order of their ids. None if it has not struck yet, or
    /// nobody held the roles it names when it did.
    pub fn struck_by_newest_fault(&self) -> &[BrokerId] {
        self.faults.faults.last().map_or(&[], |entry| &entry.hit)
    }

    pub(super) fn schedule(&mut self, scheduled: ScheduledFault) {
        let index = self.faults.faults.len();
        match &scheduled.at {
            Trigger::At(at) => {
                self.agenda.push((*at).max(self.now), Due::Fire(index));
            }
            Trigger::Nth { mark, n } => self.marks.arm(mark.clone(), *n, index),
        }
        self.faults.faults.push(Entry {
            scheduled,
            state: State::Waiting,
            hit: Vec::new(),
            deleted: None,
        });
    }

    pub(super) fn fire(&mut self, index: usize, out: &mut Vec<Output>) {
        let entry = &self.faults.faults[index];
        if !matches!(entry.state, State::Waiting) {
            return;
        }
        let ScheduledFault { fault, heal_after, .. } = entry.scheduled.clone();
        let struck = self.struck_by(&fault);
        let description: Arc<str> = fault.to_string().into();
        let number = u32::try_from(index).expect("schedules are short");
        self.event(&Event::FaultFired {
            index: number,
            description,
            brokers: struck.iter().copied().collect(),
        });
        self.strike_client(&fault, out);
        self.faults.faults[index].hit.clone_from(&struck);
        let rules = self.strike(index, &fault, &struck);
        let healable = fault.is_healable();
        self.faults.faults[index].state = if healable {
            State::Active { struck, rules }
        } else {
            State::Over
        };
        if let Some(after) = heal_after.filter(|_| healable) {
            self.agenda.push(self.now + after, Due::Heal(index));
        }
        self.end_exited();
    }

    /// The brokers that the fault's roles name now, each once.
    fn struck_by(&self, fault: &Fault) -> Vec<BrokerId> {
        let mut struck: Vec<BrokerId> = fault.roles().into_iter().flat_map(|role| self.resolve(role)).collect();
        struck.sort_unstable();
        struck.dedup();
        struck
    }

    fn strike(&mut self, number: usize, fault: &Fault, struck: &[BrokerId]) -> Vec<RuleId> {
        let nodes = self.indexes(struck);
        match fault {
            Fault::Kill(_) => nodes.into_iter().for_each(|index| self.kill(index)),
            Fault::PowerLoss { survivors, .. } => {
                nodes.into_iter().for_each(|index| self.power_loss(index, *survivors))
            }
            Fault::CleanStop(_) => nodes
                .into_iter()
                .for_each(|index| self.with_broker(index, |broker, ctx| broker.stop_cleanly(ctx))),
            Fault::ControlledStop(_) => nodes
                .into_iter()
                .for_each(|index| self.with_broker(index, |broker, ctx| broker.begin_controlled_shutdown(ctx))),
            Fault::Restart(_) => nodes.into_iter().for_each(|index| {
                self.kill(index);
                self.start(index);
                self.faults.forget(Healing::Start, self.nodes[index].id());
            }),
            Fault::Pause(_) => nodes.into_iter().for_each(|index| self.pause(index)),
            Fault::Wipe(_) => nodes.into_iter().for_each(|index| self.wipe(index)),
            Fault::RefuseConnections(_) => nodes.into_iter().for_each(|index| self.nodes[index].refuses = true),
            Fault::SlowFsync { latency, .. } => self.break_fsync(nodes, SyncFault::Slow(*latency)),
            Fault::FailFsync(_) => self.break_fsync(nodes, SyncFault::Fail),
            Fault::LyingFsync(_) => self.break_fsync(nodes, SyncFault::Lie),
            Fault::FullDisk(_) => nodes
                .into_iter()
                .for_each(|index| self.nodes[index].disk.set_full(true)),
            Fault::CorruptTail { topic, partition, .. } => nodes
                .into_iter()
                .for_each(|index| self.corrupt_tail(index, topic, *partition)),
            Fault::Reset { a, b } => {
                let (a, b) = (
                    self.endpoints(std::slice::from_ref(a)),
                    self.endpoints(std::slice::from_ref(b)),
                );
                self.net.reset_between(self.now, &a, &b);
            }
            Fault::DropRequest(filter) => {
                let brokers = self.filtered(filter);
                self.gate.arm_request(number, filter.clone(), brokers);
            }
            Fault::DropResponse(filter) => {
                let brokers = self.filtered(filter);
                self.gate.arm_response(number, filter.clone(), brokers);
            }
            Fault::UncleanElection { topic, partition } => self.elect(ElectionType::Unclean, topic, *partition),
            Fault::PreferredElection { topic, partition } => self.elect(ElectionType::Preferred, topic, *partition),
            Fault::AddPartitions { topic, total } => self.add_partitions(topic, *total),
            Fault::DeleteTopic { topic } => self.faults.faults[number].deleted = self.delete_topic(topic),
            _ => return self.lay_rules(fault),
        }
        Vec::new()
    }

    fn lay_rules(&mut self, fault: &Fault) -> Vec<RuleId> {
        fault
            .links()
            .into_iter()
            .map(|link| {
                let (from, to) = (self.endpoints(&link.from), self.endpoints(&link.to));
                self.net.add_rule(from, to, link.effect)
            })
            .collect()
    }

    fn filtered(&self, filter: &Filter) -> Option<Vec<BrokerId>> {
        filter.broker.as_ref().map(|role| self.resolve(role))
    }

    fn break_fsync(&mut self, nodes: Vec<usize>, fault: SyncFault) {
        for index in nodes {
            self.nodes[index].disk.set_sync_fault(fault);
            self.nodes[index].distrusted |= !matches!(fault, SyncFault::Slow(_));
        }
    }

    fn corrupt_tail(&mut self, index: usize, topic: &str, partition: i32) {
        let node = &mut self.nodes[index];
        node.disk.corrupt_tail(&format!("{topic}-{partition}/"), &mut node.rng);
        let broker = node.id();
        self.inspector.lost_data(broker, |_| true);
    }

    pub(super) fn heal(&mut self, index: usize, out: &mut Vec<Output>) {
        let entry = &mut self.faults.faults[index];
        let State::Active { struck, rules } = std::mem::replace(&mut entry.state, State::Over) else {
            return;
        };
        let (fault, deleted) = (entry.scheduled.fault.clone(), entry.deleted.take());
        let healing = fault.healing();
        self.event(&Event::FaultHealed {
            index: u32::try_from(index).expect("schedules are short"),
        });
        // What another fault still holds is left to the healing of that one.
        let mut nodes = self.indexes(&struck);
        if healing != Healing::RepairDisk {
            nodes.retain(|node| {
                let mut others = self.faults.active_on(self.nodes[*node].id());
                others.all(|fault| fault.healing() != healing)
            });
        }
        match healing {
            Healing::Nothing => {}
            Healing::Reconnect => rules.into_iter().for_each(|rule| self.net.remove_rule(self.now, rule)),
            Healing::Accept => nodes.into_iter().for_each(|index| self.nodes[index].refuses = false),
            Healing::Disarm => self.gate.disarm(index),
            Healing::Resume => nodes.into_iter().for_each(|index| self.resume(index)),
            Healing::RepairDisk => nodes.into_iter().for_each(|index| self.repair_disk(index)),
            Healing::Start => nodes.into_iter().for_each(|index| self.bring_up(index)),
            Healing::CreateTopic => deleted.into_iter().for_each(|topic| self.create_topic(topic)),
            Healing::ResumeClient | Healing::StartClient => self.heal_client(&fault, out),
        }
        self.end_exited();
    }

    /// What other faults leave of the disk's ailments stays. A repaired disk comes back with a restart of the broker if
    /// the broker had given it up.
    fn repair_disk(&mut self, index: usize) {
        let (mut sync, mut full) = (SyncFault::None, false);
        for fault in self.faults.active_on(self.nodes[index].id()) {
            match fault {
                Fault::SlowFsync { latency, .. } => sync = SyncFault::Slow(*latency),
                Fault::FailFsync(_) => sync = SyncFault::Fail,
                Fault::LyingFsync(_) => sync = SyncFault::Lie,
                Fault::FullDisk(_) => full = true,
                _ => {}
            }
        }
        let node = &mut self.nodes[index];
        node.disk.set_sync_fault(sync);
        node.disk.set_full(full);
        let given_up = node.broker.as_ref().is_some_and(|broker| broker.log_dir_offline);
        if given_up && !full && sync != SyncFault::Fail {
            self.kill(index);
            self.start(index);
        }
    }

    /// Ends every fault, forgets those that have not struck, and starts what is down.
    pub(super) fn heal_all(&mut self, out: &mut Vec<Output>) {
        for index in 0..self.faults.faults.len() {
            self.heal(index, out);
        }
        for index in 0..self.nodes.len() {
            self.resume(index);
            self.bring_up(index);
        }
    }

    /// Processes that ended themselves leave now.
    #[inline]
    pub(super) fn end_exited(&mut self) {
        if !(self.exits.is_empty() && self.broken_links.is_empty()) {
            self.end_these_exited();
        }
    }

    #[cold]
    fn end_these_exited(&mut self) {
        for index in std::mem::take(&mut self.exits) {
            self.stopped(index);
        }
        for (index, remote) in std::mem::take(&mut self.broken_links) {
            self.link_broke(index, remote);
        }
    }
}
