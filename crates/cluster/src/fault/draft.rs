//! Schedules made of numbers: the one maker of faults behind searches, property tests and fuzzers.
//!
//! Where the numbers come from is the business of whoever asks: a seed, a strategy, or bytes of a fuzzer. All numbers
//! make a well-formed schedule, and smaller ones make milder, earlier and shorter faults, so that whatever shrinks
//! numbers shrinks schedules.
//!
//! ```
//! use std::time::Duration;
//! use kafka_sim_cluster::fault::{Aims, FaultDraft, ScheduleDraft};
//!
//! let draft = ScheduleDraft { brokers: vec![Some(FaultDraft::default())], ..ScheduleDraft::default() };
//! let schedule = draft.within_budget(&Aims::at(3, "orders", 1), Duration::from_secs(60));
//! assert_eq!(schedule.to_string(), "at 0ns: isolation of broker 0 from the controller, healed after 100ms");
//! ```

mod wide;

use std::time::Duration;

use kafka_sim_core::{BrokerId, SimTime};

pub use wide::Losses;

use super::{Fault, Filter, Peer, Role, Schedule, ScheduledFault, Survivors};
use crate::mark::MarkKind;

/// A broker that was struck needs this long to be healed, to register again once its old session has lapsed, to notice
/// connections that died silently (`replica.socket.timeout.ms`), and to catch up.
pub const SLOT: Duration = Duration::from_secs(60);
/// Within the budget a broker is struck in the first milliseconds of its slot.
const EARLY: Duration = Duration::from_millis(5_000);
/// As early, counted in records of a partition.
const EARLY_COUNT: u32 = 5;
/// Later, counted in records of a partition, and in things that happen less often.
const LATE_COUNT: u32 = 40;
const RARE_COUNT: u32 = 3;
/// How long a broker stays struck.
const BROKER_LASTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// How long the network stays disturbed.
const NETWORK_LASTS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(2));
const BROKER_KINDS: u16 = 7;
const NETWORK_KINDS: u16 = 6;
const CLIENT_KINDS: u16 = 3;

/// What the faults of a schedule may aim at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aims {
    brokers: u16,
    topic: String,
    partitions: u16,
    clients: Vec<String>,
}

impl Aims {
    /// Brokers 0 to `brokers` − 1 and the partitions of one topic. Numbers below 1 and above 10,000 count as those.
    pub fn at(brokers: i32, topic: impl Into<String>, partitions: i32) -> Aims {
        let few = |number: i32| u16::try_from(number.clamp(1, 10_000)).expect("it was clamped");
        Aims {
            brokers: few(brokers),
            topic: topic.into(),
            partitions: few(partitions),
            clients: Vec::new(),
        }
    }

    /// The hosts of the clients that may be struck; none unless they are named.
    #[must_use]
    pub fn clients(self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Aims {
        Aims {
            clients: hosts.into_iter().map(Into::into).collect(),
            ..self
        }
    }
}

/// The numbers of one fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct FaultDraft {
    /// What is done, the mildest first.
    pub kind: u16,
    /// To whom: a broker by its id, a follower, a leader, and beyond the budget all brokers.
    pub target: u16,
    /// Which broker, which follower, or which client.
    pub broker: u16,
    /// Which partition.
    pub partition: u16,
    /// What a power loss leaves.
    pub survivors: u16,
    /// What sets it off: an instant for the lower two thirds, a mark for the others.
    pub trigger: u16,
    /// Which occurrence of the mark.
    pub count: u16,
    /// Which instant.
    pub at: u16,
    /// How long it lasts.
    pub lasts: u16,
}

/// The numbers of a schedule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct ScheduleDraft {
    /// A bit for each kind of broker fault that occurs at all, the mildest kind lowest; none stands for all. A run that
    /// knows few kinds meets combinations that are drowned where every kind occurs (swarm testing).
    pub broker_kinds: u16,
    /// The same for faults of the network.
    pub network_kinds: u16,
    /// Faults of brokers. Within the budget each has a slot of a minute to itself, which may stay empty.
    pub brokers: Vec<Option<FaultDraft>>,
    /// Faults of links and of single requests, none longer than two seconds.
    pub network: Vec<FaultDraft>,
    /// A bit for each kind of fault of clients, as for brokers.
    pub client_kinds: u16,
    /// Pauses, kills and losses of power of clients, where there are clients to aim at.
    pub clients: Vec<FaultDraft>,
}

impl ScheduleDraft {
    /// A schedule of what three replicas with `acks=all` and `min.insync.replicas=2` promise to survive: one broker at a
    /// time is struck and is back in sync before the next; and faults of the network and of clients that begin within
    /// `whole`.
    pub fn within_budget(&self, aims: &Aims, whole: Duration) -> Schedule {
        let kinds = Kinds::of(self.broker_kinds, BROKER_KINDS);
        let slots = (0..).zip(&self.brokers);
        let brokers = slots.filter_map(|(slot, draft)| Some(draft.as_ref()?.in_slot(aims, &kinds, slot)));
        let others = self.of_network(aims, whole).chain(self.of_clients(aims, whole));
        brokers.chain(others).collect()
    }

    /// A schedule of anything at any time within `whole`, several brokers at once included.
    pub fn beyond_budget(&self, aims: &Aims, whole: Duration) -> Schedule {
        let kinds = Kinds::of(self.broker_kinds, BROKER_KINDS);
        let brokers = self.brokers.iter().flatten();
        let brokers = brokers.map(|draft| draft.anywhere(aims, &kinds, whole));
        let others = self.of_network(aims, whole).chain(self.of_clients(aims, whole));
        brokers.chain(others).collect()
    }

    fn of_clients(&self, aims: &Aims, whole: Duration) -> impl Iterator<Item = ScheduledFault> {
        let kinds = Kinds::of(self.client_kinds, CLIENT_KINDS);
        let faults = self.clients.iter();
        faults.filter_map(move |draft| draft.of_client(aims, &kinds, whole))
    }

    fn of_network(&self, aims: &Aims, whole: Duration) -> impl Iterator<Item = ScheduledFault> {
        let kinds = Kinds::of(self.network_kinds, NETWORK_KINDS);
        self.network
            .iter()
            .map(move |draft| draft.of_network(aims, &kinds, whole))
    }
}

/// The kinds that occur, by number.
struct Kinds(Vec<u16>);

impl Kinds {
    fn of(bits: u16, count: u16) -> Kinds {
        let bits = if bits.trailing_zeros() >= u32::from(count) {
            u16::MAX
        } else {
            bits
        };
        Kinds((0..count).filter(|kind| bits >> kind & 1 == 1).collect())
    }

    fn pick(&self, number: u16) -> u16 {
        let count = u16::try_from(self.0.len()).expect("kinds are few");
        self.0[usize::from(scaled(number, count))]
    }
}

/// A number below `count`, growing with `number`, each as likely as the others.
fn scaled(number: u16, count: u16) -> u16 {
    u16::try_from((u32::from(number) * u32::from(count)) >> 16).expect("it is below count")
}

/// A duration in `lo..hi` in whole milliseconds, growing with `number`.
fn between(number: u16, lo: Duration, hi: Duration) -> Duration {
    let width = (hi.saturating_sub(lo).as_millis() * u128::from(number)) >> 16;
    lo + Duration::from_millis(u64::try_from(width).unwrap_or(u64::MAX))
}

impl FaultDraft {
    /// A fault of one broker that leaves time for recovery before the next slot begins.
    fn in_slot(&self, aims: &Aims, kinds: &Kinds, slot: u32) -> ScheduledFault {
        let lasts = between(self.lasts, BROKER_LASTS.0, BROKER_LASTS.1);
        // Only in the first slot is it known when a mark occurs for the n-th time.
        let scheduled = match self.frequent_mark(aims).filter(|_| slot == 0) {
            Some(mark) => {
                let role = Role::leader_of(aims.topic.as_str(), self.partition(aims));
                self.of_broker(role, kinds).on_nth(self.count(EARLY_COUNT), mark)
            }
            None => {
                let at = SimTime::ZERO + SLOT * slot + between(self.at, Duration::ZERO, EARLY);
                self.of_broker(self.role(aims), kinds).at(at)
            }
        };
        scheduled.healed_after(lasts)
    }

    /// A fault of one broker or all of them, at any time.
    fn anywhere(&self, aims: &Aims, kinds: &Kinds, whole: Duration) -> ScheduledFault {
        let target = if scaled(self.target, 16) >= 12 {
            Role::AllBrokers
        } else {
            self.role(aims)
        };
        let lasts = between(self.lasts, BROKER_LASTS.0, BROKER_LASTS.1);
        let fault = self.of_broker(target, kinds);
        self.scheduled(fault, aims, whole).healed_after(lasts)
    }

    fn of_network(&self, aims: &Aims, kinds: &Kinds, whole: Duration) -> ScheduledFault {
        let lasts = between(self.lasts, NETWORK_LASTS.0, NETWORK_LASTS.1);
        let target = self.role(aims);
        let broker = Peer::Brokers(target.clone());
        let fault = match kinds.pick(self.kind) {
            0 => Fault::Delay {
                from: Peer::Clients,
                to: broker,
                extra: lasts / 10,
            },
            1 => Fault::SlowMetadata { target, extra: lasts },
            2 => Fault::Hold {
                from: Peer::Brokers(Role::AllBrokers),
                to: broker,
            },
            3 => Fault::Reset {
                a: Peer::Clients,
                b: broker,
            },
            4 => Fault::DropRequest(Filter::next(1).broker(target)),
            _ => Fault::DropResponse(Filter::next(1).api(0).broker(target)),
        };
        self.scheduled(fault, aims, whole).healed_after(lasts)
    }

    fn of_client(&self, aims: &Aims, kinds: &Kinds, whole: Duration) -> Option<ScheduledFault> {
        let count = u16::try_from(aims.clients.len()).unwrap_or(u16::MAX);
        let host = aims.clients.get(usize::from(scaled(self.broker, count)))?.clone();
        let fault = match kinds.pick(self.kind) {
            0 => Fault::PauseClient(host),
            1 => Fault::KillClient(host),
            _ => Fault::PowerLossClient {
                host,
                survivors: self.survivors(),
            },
        };
        let lasts = between(self.lasts, BROKER_LASTS.0, BROKER_LASTS.1);
        Some(self.scheduled(fault, aims, whole).healed_after(lasts))
    }

    fn of_broker(&self, target: Role, kinds: &Kinds) -> Fault {
        match kinds.pick(self.kind) {
            0 => Fault::IsolateFromController(target),
            1 => Fault::Isolate(target),
            2 => Fault::Pause(target),
            3 => Fault::ControlledStop(target),
            4 => Fault::Kill(target),
            5 => Fault::PowerLoss {
                target,
                survivors: self.survivors(),
            },
            // Nobody promises to survive the loss of all disks, so that finding it out is no use.
            _ if target == Role::AllBrokers => Fault::PowerLoss {
                target,
                survivors: Survivors::None,
            },
            _ => Fault::Wipe(target),
        }
    }

    fn survivors(&self) -> Survivors {
        match scaled(self.survivors, 5) {
            0 => Survivors::All,
            1 => Survivors::PageSubset,
            2 => Survivors::TornTail,
            3 => Survivors::Prefix,
            _ => Survivors::None,
        }
    }

    fn scheduled(&self, fault: Fault, aims: &Aims, whole: Duration) -> ScheduledFault {
        match (self.frequent_mark(aims), self.rare_mark(aims)) {
            (Some(mark), _) => fault.on_nth(self.count(LATE_COUNT), mark),
            (None, Some(mark)) => fault.on_nth(self.count(RARE_COUNT), mark),
            (None, None) => fault.at(SimTime::ZERO + between(self.at, Duration::ZERO, whole)),
        }
    }

    /// Right after an acknowledgement is the moment at which it is worth least, right before one that at which it is
    /// not yet worth anything.
    fn frequent_mark(&self, aims: &Aims) -> Option<MarkKind> {
        let (topic, partition) = (aims.topic.clone(), self.partition(aims));
        match scaled(self.trigger, 36) {
            24..=27 => Some(MarkKind::ProduceAcked { topic, partition }),
            28..=29 => Some(MarkKind::ProduceAppended { topic, partition }),
            30 => Some(MarkKind::Replicated { topic, partition }),
            31 => Some(MarkKind::HighWatermarkAdvanced { topic, partition }),
            _ => None,
        }
    }

    fn rare_mark(&self, aims: &Aims) -> Option<MarkKind> {
        let (topic, partition) = (aims.topic.clone(), self.partition(aims));
        match scaled(self.trigger, 36) {
            32 => Some(MarkKind::LeaderElected { topic, partition }),
            33 => Some(MarkKind::IsrShrunk { topic, partition }),
            34 => Some(MarkKind::IsrExpanded { topic, partition }),
            35 => Some(MarkKind::BrokerUnfenced(BrokerId(i32::from(scaled(
                self.broker,
                aims.brokers,
            ))))),
            _ => None,
        }
    }

    fn count(&self, most: u32) -> u32 {
        1 + ((u32::from(self.count) * most) >> 16)
    }

    fn role(&self, aims: &Aims) -> Role {
        match scaled(self.target, 4) {
            0 => Role::broker(i32::from(scaled(self.broker, aims.brokers))),
            1 => {
                let followers = aims.brokers.saturating_sub(1).max(1);
                let nth = u32::from(scaled(self.broker, followers));
                Role::follower_of(aims.topic.as_str(), self.partition(aims), nth)
            }
            _ => Role::leader_of(aims.topic.as_str(), self.partition(aims)),
        }
    }

    fn partition(&self, aims: &Aims) -> i32 {
        i32::from(scaled(self.partition, aims.partitions))
    }
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Schedule {
    /// A schedule beyond the budget, of up to 16 faults of each sort within a minute, aimed at three brokers and the
    /// three partitions of `orders`.
    fn arbitrary(bytes: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Schedule> {
        let mut draft = ScheduleDraft::arbitrary(bytes)?;
        draft.brokers.truncate(16);
        draft.network.truncate(16);
        draft.clients.clear();
        Ok(draft.beyond_budget(&Aims::at(3, "orders", 3), Duration::from_secs(60)))
    }
}
