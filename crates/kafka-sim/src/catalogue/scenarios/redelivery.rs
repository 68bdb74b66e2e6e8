//! What comes again (S22), and applications that recognise it.

use kafka_sim_check::Promise;
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, seconds};
use super::consumers::{both_protocols, kill_of_the_first, listed, member, millis, two_partitions};
use crate::catalogue::{Scenario, Variant};
use crate::sim::{ProducerPlan, Sim};

const ONCE: &[Promise] = &[Promise::EveryAckedProcessed, Promise::EffectOnce, Promise::Converges];
const ONE_OWNER: &[Promise] = &[
    Promise::EveryAckedProcessed,
    Promise::EffectOnce,
    Promise::GroupSingleOwner,
    Promise::Converges,
];
const AT_LEAST_ONCE: &[Promise] = &[
    Promise::EveryAckedProcessed,
    Promise::CommitNeverPassesProcessed,
    Promise::Converges,
];
const FLAGS: &str = "flag store";
const TOGETHER: &str = "flag and effect in one transaction";
const INTERVAL: &str = "max.poll.interval.ms";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "redelivery",
            title: "The process dies between processing and commit, and records are handed out again",
            refs: &["S22"],
            advice: &["A2", "A3", "A28"],
            faults: "kill of one of two consumers 12 s into the run, restart after 3 s",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](FLAGS, [(FLAGS, "none")], ONCE, killed)),
                both_protocols!(weak["flag-last", "flag-last-consumer"](
                    FLAGS,
                    [(FLAGS, "flag after effect")],
                    ONCE,
                    killed,
                )),
                both_protocols!(weak["flag-first", "flag-first-consumer"](
                    FLAGS,
                    [(FLAGS, "flag before effect")],
                    ONCE,
                    killed,
                )),
                both_protocols!(safe["safe", "safe-consumer"]([(FLAGS, TOGETHER)], ONCE, killed)),
                both_protocols!(safe["at-least-once", "at-least-once-consumer"](
                    [(FLAGS, "none"), ("commit strategy", "after processing")],
                    AT_LEAST_ONCE,
                    killed,
                )),
            ]
            .concat(),
        },
        Scenario {
            name: "zombie-consumer",
            title: "A handler hangs, its partitions go to another member, and then it goes on",
            refs: &["S22"],
            advice: &["A3", "A26"],
            faults: "the 30th call of the handler takes 14 s",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](INTERVAL, [(INTERVAL, "6000")], ONE_OWNER, hung)),
                both_protocols!(safe["safe", "safe-consumer"](
                    [(INTERVAL, "6000"), (FLAGS, TOGETHER)],
                    ONE_OWNER,
                    hung,
                )),
                // Nothing changes hands, so that nothing is in danger.
                both_protocols!(safe["patient", "patient-consumer"]([(INTERVAL, "300000")], ONE_OWNER, hung))
                    .map(Variant::harmless),
            ]
            .concat(),
        },
    ]
}

/// The handler takes longer than it takes records to arrive, so that there is always something in hand.
fn killed(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    // The step in which a kill does harm is the long one.
    let (processing, storing) = match listed(variant, FLAGS) {
        Some("flag after effect") => (50, 250),
        _ => (250, 20),
    };
    let group = member(variant)?
        .members(2)
        .processing(millis(processing))
        .storing(millis(storing));
    Ok(two_partitions(seed)
        .producer(ProducerPlan::to(TOPIC))
        .consumer(group)
        .faults(vec![kill_of_the_first(12)]))
}

fn hung(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let group = member(variant)?
        .members(2)
        .processing(millis(20))
        .hangs(30, seconds(14));
    Ok(two_partitions(seed).producer(ProducerPlan::to(TOPIC)).consumer(group))
}
