//! Worlds and schedules that know nothing of the flaw that is looked for.
//!
//! Settings of producer, topic and brokers are drawn at random, as are the workload, the kinds of fault there are at all
//! (swarm testing), the stretch of time in which they begin, and the faults.

use kafka_sim_cluster::fault::{Aims, Fault, Losses, Role, Schedule, ScheduleDraft, Survivors};
use kafka_sim_core::{Seed, SimRng, SimTime};

use super::super::generate::{fault, number};
use super::super::settings::{Scope, Setting, Settings, setting};
use super::super::steered::Genome;
use super::super::steered::genome::change_number;
use super::super::{Claim, World, promised};
use super::Mutant;
use super::attempt::Case;

/// Faults of each sort that a schedule can have.
const MOST: usize = 6;
/// Stops of applications that a schedule can have.
const MOST_OF_CLIENTS: usize = 2;
/// Sixteenths of the workload in which faults begin, the shortest stretch.
const SHORTEST_WINDOW: u16 = 1;

/// Settings that go together.
type Group = &'static [Setting];

const ACKS_ALL: Setting = setting(Scope::Producer, "acks", "all");
const NOT_IDEMPOTENT: Setting = setting(Scope::Producer, "enable.idempotence", "false");
const TWO_IN_SYNC: Setting = setting(Scope::Topic, "min.insync.replicas", "2");
const SYNCED: Setting = setting(Scope::Topic, "flush.messages", "1");

/// What is drawn, each with its default first, which half of the runs have. Extremes are as likely as anything between.
const CHOICES: &[&[Group]] = &[
    &[&[ACKS_ALL], &[setting(Scope::Producer, "acks", "1")]],
    &[
        &[setting(Scope::Producer, "enable.idempotence", "true")],
        &[NOT_IDEMPOTENT],
    ],
    &[
        &[setting(Scope::Producer, "max.in.flight.requests.per.connection", "1")],
        &[setting(Scope::Producer, "max.in.flight.requests.per.connection", "5")],
    ],
    &[
        &[setting(Scope::Producer, "linger.ms", "5")],
        &[setting(Scope::Producer, "linger.ms", "0")],
        &[setting(Scope::Producer, "linger.ms", "400")],
    ],
    &[&[TWO_IN_SYNC], &[setting(Scope::Topic, "min.insync.replicas", "1")]],
    &[
        &[setting(Scope::Topic, "unclean.leader.election.enable", "false")],
        &[setting(Scope::Topic, "unclean.leader.election.enable", "true")],
    ],
    &[&[], &[SYNCED]],
    &[&[], SHORT_RETENTION],
    &[
        &[],
        &[setting(Scope::Broker, "replica.lag.time.max.ms", "1000")],
        &[setting(Scope::Broker, "replica.lag.time.max.ms", "5000")],
    ],
    &[
        &[],
        &[setting(Scope::Broker, "leader.imbalance.check.interval.seconds", "1")],
        &[setting(Scope::Broker, "leader.imbalance.check.interval.seconds", "10")],
        &[setting(Scope::Broker, "auto.leader.rebalance.enable", "false")],
    ],
    &[
        &[],
        &[
            setting(Scope::Broker, "replica.fetch.max.bytes", "1"),
            setting(Scope::Broker, "replica.fetch.response.max.bytes", "1"),
        ],
        &[setting(Scope::Broker, "replica.fetch.wait.max.ms", "100")],
    ],
    &[
        &[],
        &[setting(Scope::Broker, "broker.session.timeout.ms", "4000")],
        &[setting(Scope::Broker, "broker.session.timeout.ms", "18000")],
    ],
];

/// What is deleted on purpose cannot be called lost, so that only invariants judge such runs.
const SHORT_RETENTION: Group = &[
    setting(Scope::Topic, "retention.ms", "1000"),
    setting(Scope::Broker, "log.retention.check.interval.ms", "500"),
    setting(Scope::Broker, "log.initial.task.delay.ms", "100"),
];

/// Messages, and milliseconds between two of them.
const WORKLOADS: [(u32, u64); 4] = [(200, 330), (400, 100), (1_000, 20), (60, 1_000)];

/// The numbers that a run is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct General {
    choices: [u16; CHOICES.len()],
    workload: u16,
    partitions: u16,
    /// Where the stretch in which faults begin starts, and how long it is.
    window: [u16; 2],
    faults: ScheduleDraft,
}

impl General {
    /// The numbers of a seed.
    pub(super) fn of(seed: Seed) -> General {
        let rng = &mut seed.stream("general-world", 0);
        let [mut choices, mut rest] = [0, 1].map(|half| seed.stream("general-choices", half));
        let density = 1 + u32::from(number(rng) >> 13);
        let some = |name, most: usize| {
            let drawn = (0..most as u64).map(move |nth| {
                let rng = &mut seed.stream(name, nth);
                rng.chance(density, 8).then(|| fault(rng))
            });
            drawn.collect::<Vec<_>>()
        };
        General {
            choices: std::array::from_fn(|_| number(&mut choices)),
            workload: number(&mut rest),
            partitions: number(&mut rest),
            window: [number(&mut rest), number(&mut rest)],
            faults: ScheduleDraft {
                broker_kinds: number(rng),
                network_kinds: number(rng),
                brokers: some("general-machines", MOST),
                network: some("general-links", MOST).into_iter().flatten().collect(),
                client_kinds: number(rng),
                clients: some("general-clients", MOST_OF_CLIENTS).into_iter().flatten().collect(),
            },
        }
    }

    /// The run that they stand for, with a flaw or without.
    pub(super) fn case(&self, mutant: Option<Mutant>) -> Case {
        let groups = CHOICES
            .iter()
            .zip(self.choices)
            .map(|(groups, number)| chosen(groups, number));
        let settings = groups.flatten().fold(Settings::default(), Settings::with);
        let settings = match settings.has(&ACKS_ALL) {
            true => settings,
            false => settings.with(&NOT_IDEMPOTENT),
        };
        let settings = settings.with(&setting(Scope::Broker, "eligible.leader.replicas.enable", "true"));
        let (records, every_ms) = WORKLOADS[(usize::from(self.workload) * WORKLOADS.len()) >> 16];
        let world = World {
            partitions: if self.partitions < 1 << 15 { 1 } else { 3 },
            records,
            every_ms,
            mutant,
            ..World::with(settings)
        };
        let schedule = self.schedule(&world);
        Case {
            claims: claims(&world.settings, &schedule),
            schedule,
            world,
        }
    }

    fn schedule(&self, world: &World) -> Schedule {
        let lasts = world.every_ms * u64::from(world.records);
        let sixteenths = |number: u16, low: u16, high: u16| {
            let drawn = low + u16::try_from((u32::from(number) * u32::from(high - low)) >> 16).unwrap_or_default();
            lasts * u64::from(drawn) / 16
        };
        let width = sixteenths(self.window[1], SHORTEST_WINDOW, 17);
        let from = (u64::from(self.window[0]) * (lasts - width)) >> 16;
        let window = (SimTime::from_millis(from), SimTime::from_millis(from + width));
        let aims = Aims::at(3, world.topic.as_str(), world.partitions).clients(world.hosts());
        let losses = Losses {
            brokers: u32::from(world.settings.has(&TWO_IN_SYNC)),
            synced: world.settings.has(&SYNCED),
        };
        self.faults.of_every_kind(&aims, window, losses)
    }
}

impl Genome for General {
    fn change(&mut self, rng: &mut SimRng) {
        match rng.below(8) {
            0 => change_number(&mut self.choices[rng.index(CHOICES.len())], rng),
            1 => match rng.below(4) {
                0 => change_number(&mut self.workload, rng),
                1 => change_number(&mut self.partitions, rng),
                _ => change_number(&mut self.window[rng.index(2)], rng),
            },
            _ => self.faults.change(rng),
        }
    }

    /// The faults of both, in the world of one of them.
    fn mix(&mut self, other: &General, rng: &mut SimRng) {
        self.faults.mix(&other.faults, rng);
        if rng.chance(1, 4) {
            self.window = other.window;
        }
    }
}

fn chosen(groups: &[Group], number: u16) -> Group {
    let others = groups.len() - 1;
    match number.checked_sub(1 << 15) {
        Some(number) if others > 0 => groups[1 + ((usize::from(number) * others) >> 15)],
        _ => groups[0],
    }
}

/// What settings promise under a schedule. Whoever stops uncleanly counts as having lost something, since nobody can tell
/// at once (KIP-966): together with one that has, that is more than two in-sync replicas promise to survive.
fn claims(settings: &Settings, schedule: &Schedule) -> Vec<Claim> {
    if settings.has(&SHORT_RETENTION[0]) {
        return vec![Claim::InvariantsHold];
    }
    let synced = settings.has(&SYNCED);
    let [mut unclean, mut lossy] = [0, 0];
    for scheduled in &schedule.faults {
        let (target, loses) = match &scheduled.fault {
            Fault::Kill(target) | Fault::Restart(target) => (target, false),
            Fault::PowerLoss { target, survivors } => (target, !synced && *survivors != Survivors::All),
            Fault::Wipe(target) => (target, true),
            _ => continue,
        };
        unclean += if *target == Role::AllBrokers { 3 } else { 1 };
        lossy += u32::from(loses);
    }
    let mut claims = promised(settings);
    if lossy > 0 && unclean > 1 {
        claims.retain(|claim| [Claim::SendsResolved, Claim::ComesToRest, Claim::InvariantsHold].contains(claim));
    }
    claims
}
