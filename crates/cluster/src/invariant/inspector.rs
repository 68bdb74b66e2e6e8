//! Who looks: takes note of what happens, and compares what is there with what must be.

use std::collections::BTreeMap;

use kafka_sim_core::{BrokerId, ErrorCode, Offset, SimTime, TopicPartition};
use smallvec::SmallVec;

use super::committed::{Break, Committed};
use super::groups::Groups;
use super::premises::Premises;
use super::replica_state::{Origins, check_quorum};
use super::runs::Runs;
use super::shadow::Shadow;
use super::{Breach, Inspection, Invariant, controller_state};
use crate::event::Event;
use crate::group::{Deed, Shard};
use crate::log::Log;
use crate::peer::{PartitionState, Tp};

/// One partition as the controller has it.
pub(crate) struct Partition<'a> {
    pub(crate) name: &'a TopicPartition,
    pub(crate) state: &'a PartitionState,
    /// `min.insync.replicas`, at most the number of replicas.
    pub(crate) min_isr: usize,
    /// Eligible leader replicas are switched on.
    pub(crate) elr: bool,
    /// Whether there is a topic of that name.
    pub(crate) exists: &'a dyn Fn(&str) -> bool,
    /// Every group is to be compared, not only those that something was written about.
    pub(crate) fully: bool,
}

/// One replica on a running broker, before its log was looked at.
pub(crate) struct Hosted<'a> {
    pub(crate) broker: BrokerId,
    /// The process is the one that the controller has registered.
    pub(crate) registered: bool,
    /// The epoch in which it believes to lead.
    pub(crate) leads: Option<i32>,
    pub(crate) high_watermark: Offset,
    /// Whom a leader waits for.
    pub(crate) maximal_isr: SmallVec<[BrokerId; 4]>,
    pub(crate) log: &'a Log,
    /// The coordinator's state, of a partition of the offsets topic that is led and loaded.
    pub(crate) shard: Option<&'a Shard>,
}

/// One partition and its replicas at one moment.
pub(super) struct Sight<'a> {
    pub(super) state: &'a PartitionState,
    pub(super) min_isr: usize,
    pub(super) elr: bool,
    /// Those whose process runs and has its log.
    pub(super) replicas: SmallVec<[Replica<'a>; 4]>,
}

/// One replica on a running broker.
pub(super) struct Replica<'a> {
    pub(super) broker: BrokerId,
    pub(super) registered: bool,
    pub(super) leads: Option<i32>,
    pub(super) high_watermark: Offset,
    pub(super) log_start: Offset,
    pub(super) log_end: Offset,
    /// Nothing is compacted away.
    pub(super) whole: bool,
    pub(super) maximal_isr: SmallVec<[BrokerId; 4]>,
    pub(super) runs: &'a Runs,
}

/// What an answer told a client, to be compared with the state at the end of the turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Read {
        broker: BrokerId,
        from: Offset,
        next: Offset,
    },
    Acked {
        broker: BrokerId,
        last: Offset,
    },
}

#[derive(Clone, Default, Debug)]
struct Known {
    shadows: BTreeMap<BrokerId, Shadow>,
    committed: Committed,
    origins: Origins,
    premises: Premises,
    told: Vec<Told>,
    /// Of a partition of the offsets topic.
    groups: Option<Box<Groups>>,
    broken: SmallVec<[Invariant; 2]>,
    excused: SmallVec<[Invariant; 2]>,
}

/// The inspector of a cluster.
#[derive(Clone, Default, Debug)]
pub(crate) struct Inspector {
    inspection: Inspection,
    known: BTreeMap<Tp, Known>,
    touched: Vec<Tp>,
    breaches: Vec<Breach>,
    excused: Vec<Breach>,
}

/// Turns between two checkpoints.
const CHECKPOINT: u64 = 4_096;

impl Inspector {
    pub(crate) fn new(inspection: Inspection) -> Inspector {
        Inspector {
            inspection,
            ..Inspector::default()
        }
    }

    pub(crate) fn breaches(&self) -> &[Breach] {
        &self.breaches
    }

    pub(crate) fn excused(&self) -> &[Breach] {
        &self.excused
    }

    /// The turn has touched partitions that are to be looked at now.
    pub(crate) fn has_work(&self) -> bool {
        !self.touched.is_empty()
    }

    pub(crate) fn take_touched(&mut self) -> Vec<Tp> {
        std::mem::take(&mut self.touched)
    }

    /// Gives the buffer back.
    pub(crate) fn reuse(&mut self, mut touched: Vec<Tp>) {
        touched.clear();
        self.touched = touched;
    }

    /// It is time to look at everything.
    pub(crate) fn is_checkpoint(&self, turn: u64) -> bool {
        self.inspection == Inspection::Checkpoints && turn.is_multiple_of(CHECKPOINT)
    }

    /// Takes note of what an invariant is about, or rests on.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::BrokerStarted { broker } => self.forget_logs(*broker),
            Event::BrokerWiped { broker } => self.lost_data(*broker, |_| true),
            Event::LeaderElected { tp, unclean: true, .. } => self.known(*tp).premises.unclean_election(),
            Event::Truncated { broker, tp, .. } | Event::BecameFollower { broker, tp, .. } => {
                let known = self.known(*tp);
                known.shadows.entry(*broker).or_default().forget();
                if let Some(groups) = &mut known.groups {
                    groups.forget_log(*broker);
                }
            }
            _ => {}
        }
        if self.inspection == Inspection::EveryTurn {
            self.note_for_this_turn(event);
        }
    }

    fn note_for_this_turn(&mut self, event: &Event) {
        let tp = match *event {
            Event::FetchAnswered {
                broker,
                tp,
                from,
                next,
                error: ErrorCode::NONE,
            } if next > from => {
                self.known(tp).told.push(Told::Read { broker, from, next });
                tp
            }
            Event::ProduceAnswered {
                broker,
                tp,
                last,
                acks: -1,
                error: ErrorCode::NONE,
                ..
            } => {
                self.known(tp).told.push(Told::Acked { broker, last });
                tp
            }
            Event::BecameLeader { tp, .. }
            | Event::BecameFollower { tp, .. }
            | Event::Appended {
                tp, duplicate: false, ..
            }
            | Event::Replicated { tp, .. }
            | Event::Truncated { tp, .. }
            | Event::HighWatermark { tp, .. }
            | Event::LeaderElected { tp, .. }
            | Event::IsrChanged { tp, .. } => tp,
            _ => return,
        };
        self.touch(tp);
    }

    fn touch(&mut self, tp: Tp) {
        if !self.touched.contains(&tp) {
            self.touched.push(tp);
        }
    }

    /// Takes note of what a coordinator did.
    pub(crate) fn note_deed(&mut self, broker: BrokerId, tp: Tp, deed: Deed) {
        let every_turn = self.inspection == Inspection::EveryTurn;
        let groups = self.known(tp).groups.get_or_insert_default();
        groups.note(broker, deed, every_turn);
        if every_turn {
            self.touch(tp);
        }
    }

    fn known(&mut self, tp: Tp) -> &mut Known {
        self.known.entry(tp).or_default()
    }

    fn forget_logs(&mut self, broker: BrokerId) {
        let shadows = self
            .known
            .values_mut()
            .filter_map(|known| known.shadows.get_mut(&broker));
        shadows.for_each(Shadow::forget);
        let groups = self.known.values_mut().filter_map(|known| known.groups.as_mut());
        groups.for_each(|groups| groups.forget_process(broker));
    }

    /// A broker lost what it had written, of the partitions that `concerns` picks.
    pub(crate) fn lost_data(&mut self, broker: BrokerId, concerns: impl Fn(Tp) -> bool) {
        let hosted = self
            .known
            .iter_mut()
            .filter(|(tp, known)| known.shadows.contains_key(&broker) && concerns(**tp));
        hosted.for_each(|(_, known)| known.premises.lost_data(broker));
    }

    pub(crate) fn min_isr_changed(&mut self) {
        self.known
            .values_mut()
            .for_each(|known| known.premises.min_isr_changed());
    }

    /// The topic is gone.
    pub(crate) fn forget(&mut self, tp: Tp) {
        self.known.remove(&tp);
    }

    /// Compares what is there of a partition with what must be. `now_ms` is the clock of the brokers.
    pub(crate) fn look(&mut self, now: SimTime, now_ms: i64, tp: Tp, partition: Partition<'_>, hosted: &[Hosted<'_>]) {
        let Known {
            shadows,
            committed,
            origins,
            premises,
            told,
            groups,
            broken: known_broken,
            excused: known_excused,
        } = self.known.entry(tp).or_default();
        premises.see(partition.min_isr, partition.elr);
        let mut broken: Vec<Break> = Vec::new();
        for bare in hosted {
            let misfit = shadows.entry(bare.broker).or_default().follow(bare.log, now_ms);
            broken.extend(misfit.map(|misfit| {
                let story = format!("on broker {}, {misfit}", bare.broker);
                (Invariant::ProducerStateFollowsLog, story)
            }));
        }
        let sight = Sight {
            state: partition.state,
            min_isr: partition.min_isr,
            elr: partition.elr,
            replicas: hosted
                .iter()
                .map(|bare| Replica::of(bare, &shadows[&bare.broker]))
                .collect(),
        };
        controller_state::check(&sight, &mut broken);
        check_quorum(&sight, &mut broken);
        let starts = sight.replicas.iter().map(|replica| replica.log_start);
        let deleted = starts.max().unwrap_or_default();
        for replica in &sight.replicas {
            origins.check(replica, deleted, &mut broken);
        }
        committed.follow(&sight, &mut broken);
        committed.check(&sight, &mut broken);
        for told in told.drain(..) {
            let replica = |id: BrokerId| sight.replicas.iter().find(|replica| replica.broker == id);
            broken.extend(match told {
                Told::Read { broker, from, next } => {
                    replica(broker).and_then(|replica| committed.note_read(replica, from, next))
                }
                Told::Acked { broker, last } => replica(broker).and_then(|leader| committed.note_acked(leader, last)),
            });
        }
        if let Some(groups) = groups {
            groups.look(&partition, hosted, &mut broken);
        }
        for replica in &sight.replicas {
            if premises.is_lossy(replica.broker) && sight.is_back(replica) && committed.has_everything(replica) {
                premises.caught_up(replica.broker);
            }
        }
        for (invariant, story) in broken {
            let excused = premises.excuse(invariant.excused_by());
            let (known, breaches) = match excused {
                true => (&mut *known_excused, &mut self.excused),
                false => (&mut *known_broken, &mut self.breaches),
            };
            if known.contains(&invariant) {
                continue;
            }
            // One of a kind tells it: what follows from it is no news.
            known.push(invariant);
            breaches.push(Breach {
                invariant,
                at: now,
                partition: partition.name.clone(),
                story,
            });
        }
    }
}

impl<'a> Replica<'a> {
    fn of(hosted: &Hosted<'_>, shadow: &'a Shadow) -> Replica<'a> {
        Replica {
            broker: hosted.broker,
            registered: hosted.registered,
            leads: hosted.leads,
            high_watermark: hosted.high_watermark,
            log_start: hosted.log.log_start_offset(),
            log_end: hosted.log.log_end_offset(),
            whole: hosted.log.keeps_every_record(),
            maximal_isr: hosted.maximal_isr.clone(),
            runs: shadow.runs(),
        }
    }
}

impl Sight<'_> {
    /// The replica is one of those that count again.
    fn is_back(&self, replica: &Replica<'_>) -> bool {
        replica.registered && self.state.isr.contains(&replica.broker)
    }
}
