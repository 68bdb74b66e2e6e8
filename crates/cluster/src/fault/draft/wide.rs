//! Schedules of every kind of fault, with no plan behind them.

use std::time::Duration;

use kafka_sim_core::SimTime;

use super::{Aims, FaultDraft, Kinds, ScheduleDraft, between, scaled};
use crate::fault::{Fault, Filter, Peer, Role, Schedule, ScheduledFault, Survivors};

const MACHINE_KINDS: u16 = 10;
const LINK_KINDS: u16 = 11;
/// A fault lasts from 10 ms to 20 s, each power of two as likely as the others.
const SHORTEST: Duration = Duration::from_millis(10);
const DOUBLINGS: u16 = 11;
/// Produce, in requests whose answers are swallowed.
const PRODUCE: i16 = 0;

/// How much of what was written but not synced a schedule may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Losses {
    /// Brokers that lose what they had not synced, or their disk, over the whole schedule. The settings of a topic promise
    /// to survive `min.insync.replicas` − 1 of them, and with `flush.messages=1` losses of power do not count.
    pub brokers: u32,
    /// Whether everything acknowledged is synced, so that a loss of power takes nothing that counts.
    pub synced: bool,
}

impl Losses {
    /// Whether there is room for one more. Uses it up.
    fn allow(&mut self, target: &Role, wiped: bool) -> bool {
        let free = self.synced && !wiped;
        let allowed = free || (self.brokers > 0 && *target != Role::AllBrokers);
        self.brokers -= u32::from(allowed && !free);
        allowed
    }
}

impl ScheduleDraft {
    /// A schedule of every kind of fault of machines, processes, links, requests, metadata, elections and clients, in any
    /// number at once, that begins within `from..until`. What would lose more than `losses` leaves everything written
    /// instead.
    pub fn of_every_kind(&self, aims: &Aims, (from, until): (SimTime, SimTime), mut losses: Losses) -> Schedule {
        let machines = Kinds::of(self.broker_kinds, MACHINE_KINDS);
        let links = Kinds::of(self.network_kinds, LINK_KINDS);
        let window = (from, until.max(from).since_start() - from.since_start());
        let machines = self.brokers.iter().flatten().map(|draft| {
            let fault = draft.of_machine(aims, &machines, &mut losses);
            draft.begins(fault, aims, window)
        });
        let links = { self.network.iter() }.map(|draft| draft.begins(draft.of_link(aims, &links), aims, window));
        let faults: Vec<ScheduledFault> = machines.chain(links).collect();
        let clients = self.of_clients(aims, until.since_start());
        faults.into_iter().chain(clients).collect()
    }
}

impl FaultDraft {
    fn begins(&self, fault: Fault, aims: &Aims, (from, width): (SimTime, Duration)) -> ScheduledFault {
        let mut scheduled = self.scheduled(fault, aims, width);
        if let crate::fault::Trigger::At(at) = &mut scheduled.at {
            *at += from.since_start();
        }
        scheduled.healed_after(self.long())
    }

    fn long(&self) -> Duration {
        let shortest = SHORTEST * (1 << scaled(self.lasts, DOUBLINGS));
        let within = (u32::from(self.lasts) * u32::from(DOUBLINGS)) & u32::from(u16::MAX);
        between(u16::try_from(within).expect("it was masked"), shortest, shortest * 2)
    }

    /// One broker, or all of them.
    fn anybody(&self, aims: &Aims) -> Role {
        match scaled(self.target, 16) {
            15 => Role::AllBrokers,
            _ => self.role(aims),
        }
    }

    fn of_machine(&self, aims: &Aims, kinds: &Kinds, losses: &mut Losses) -> Fault {
        let target = self.anybody(aims);
        match kinds.pick(self.kind) {
            0 => Fault::PreferredElection {
                topic: aims.topic.clone(),
                partition: self.partition(aims),
            },
            1 => Fault::IsolateFromController(target),
            2 => Fault::Isolate(target),
            3 => Fault::Pause(target),
            4 => Fault::ControlledStop(target),
            5 => Fault::CleanStop(target),
            6 => Fault::Kill(target),
            7 => Fault::Restart(target),
            8 => {
                let left = self.survivors();
                let survivors = match left == Survivors::All || losses.allow(&target, false) {
                    true => left,
                    false => Survivors::All,
                };
                Fault::PowerLoss { target, survivors }
            }
            _ if losses.allow(&target, true) => Fault::Wipe(target),
            _ => Fault::Kill(target),
        }
    }

    fn of_link(&self, aims: &Aims, kinds: &Kinds) -> Fault {
        let target = self.anybody(aims);
        let broker = || Peer::Brokers(target.clone());
        let (brokers, short) = (Peer::Brokers(Role::AllBrokers), self.long() / 10);
        match kinds.pick(self.kind) {
            0 => Fault::Delay {
                from: Peer::Clients,
                to: broker(),
                extra: short,
            },
            1 => Fault::Delay {
                from: brokers,
                to: broker(),
                extra: short,
            },
            2 => Fault::SlowMetadata {
                target: target.clone(),
                extra: self.long(),
            },
            3 => Fault::Hold {
                from: brokers,
                to: broker(),
            },
            4 => Fault::Hold {
                from: broker(),
                to: brokers,
            },
            5 => Fault::Hold {
                from: Peer::Clients,
                to: broker(),
            },
            6 => Fault::Partition {
                a: vec![broker()],
                b: vec![brokers],
            },
            7 => Fault::BlackHole {
                from: broker(),
                to: brokers,
            },
            8 => Fault::Reset {
                a: Peer::Clients,
                b: broker(),
            },
            9 => Fault::DropRequest(Filter::next(1 + u32::from(scaled(self.survivors, 3))).broker(target)),
            _ => Fault::DropResponse(Filter::next(1).api(PRODUCE).broker(target)),
        }
    }
}
