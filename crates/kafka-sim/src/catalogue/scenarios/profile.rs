//! The whole of the advice at once.

use std::time::Duration;

use kafka_sim_check::Promise;
use kafka_sim_cluster::fault::{Fault, Filter, Peer, Role, ScheduledFault, Survivors};
use kafka_sim_core::{ConfigError, Seed, SimRng, SimTime};

use super::common::power_loss;
use super::setup::{cluster, workload};
use crate::catalogue::{Scenario, Variant};
use crate::sim::{Handling, Sim};

const PROMISES: &[Promise] = &[
    Promise::AckedSurvives,
    Promise::NoDuplicates,
    Promise::InOrder,
    Promise::ConsistentOffsets,
];
const PROFILE: &[(&str, &str)] = &[
    ("acks", "all"),
    ("min.insync.replicas", "2"),
    ("unclean.leader.election.enable", "false"),
];
const ROUNDS: u64 = 4;
/// Long enough for whoever was struck to be back in sync before the next round.
const ROUND: Duration = Duration::from_secs(30);
const PRODUCE: i16 = 0;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![Scenario {
        name: "whole-safe-profile",
        title: "One thing after another goes wrong, one broker at a time",
        refs: &["S6"],
        advice: &["A9", "A19", "A20"],
        faults: "four rounds of 30 s, each with a fault drawn from the seed that strikes one broker or one link for up to 12 s, the last of them a power loss of the leader; beyond-budget: every machine loses power in the last round",
        variants: vec![
            Variant::safe(PROFILE, PROMISES, within_budget),
            Variant::weak("flush.messages", PROFILE, &[Promise::AckedSurvives], beyond_budget).named("beyond-budget"),
        ],
    }]
}

fn within_budget(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    profile(variant, seed, None)
}

fn beyond_budget(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let moment = SimTime::ZERO + ROUND * 3 + Duration::from_secs(25);
    profile(
        variant,
        seed,
        Some(
            power_loss(Role::AllBrokers)
                .at(moment)
                .healed_after(Duration::from_secs(3)),
        ),
    )
}

fn profile(variant: &Variant, seed: Seed, beyond: Option<ScheduledFault>) -> Result<Sim, ConfigError> {
    let mut rng = seed.stream("scenario", 0);
    let faults: Vec<ScheduledFault> = (0..ROUNDS).map(|round| drawn(round, &mut rng)).chain(beyond).collect();
    let handling = Handling::SendAgain {
        after: Duration::from_secs(1),
        at_most: 5,
    };
    let plan = workload(variant)?
        .records(300)
        .every(Duration::from_millis(400))
        .handling(handling);
    Ok(cluster(variant, seed).producer(plan).faults(faults))
}

/// A fault within the budget: at most one broker is struck, and at most one machine loses what it had not flushed.
fn drawn(round: u64, rng: &mut SimRng) -> ScheduledFault {
    let whom = match rng.below(5) {
        id @ 0..=2 => Role::Broker(kafka_sim_core::BrokerId(i32::try_from(id).expect("below 3"))),
        _ => super::common::leader(),
    };
    let survivors = rng
        .pick(&[
            Survivors::None,
            Survivors::Prefix,
            Survivors::PageSubset,
            Survivors::TornTail,
        ])
        .copied()
        .unwrap_or_default();
    let fault = match rng.below(10) {
        // Some of the others can pass unnoticed. A run in which nothing was at stake would prove nothing.
        _ if round + 1 == ROUNDS => Fault::PowerLoss {
            target: super::common::leader(),
            survivors,
        },
        0 | 1 => Fault::PowerLoss {
            target: whom,
            survivors,
        },
        2 => Fault::Kill(whom),
        3 => Fault::Pause(whom),
        4 => Fault::Isolate(whom),
        5 => Fault::IsolateFromController(whom),
        6 => Fault::Hold {
            from: Peer::Brokers(whom),
            to: Peer::Brokers(Role::AllBrokers),
        },
        7 => Fault::SlowFsync {
            target: whom,
            latency: rng.duration_between(Duration::from_millis(10), Duration::from_secs(1)),
        },
        8 => Fault::ControlledStop(whom),
        _ => Fault::DropResponse(Filter::next(3).api(PRODUCE)),
    };
    let starts = ROUND * u32::try_from(round).expect("few rounds")
        + rng.duration_between(Duration::from_secs(1), Duration::from_secs(3));
    fault
        .at(SimTime::ZERO + starts)
        .healed_after(rng.duration_between(Duration::from_secs(2), Duration::from_secs(12)))
}
