//! When consumers commit (S19, S20, S21).

use kafka_sim_check::Promise;
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, seconds};
use super::consumers::{both_protocols, kill_of_the_first, member, millis, two_partitions};
use crate::catalogue::{Scenario, Variant};
use crate::sim::{OnFailure, ProducerPlan, Sim};

const PROCESSED: &[Promise] = &[Promise::EveryAckedProcessed, Promise::Converges];
const IN_STEP: &[Promise] = &[
    Promise::EveryAckedProcessed,
    Promise::CommitNeverPassesProcessed,
    Promise::GroupSingleOwner,
    Promise::Converges,
];
const AUTO: &str = "enable.auto.commit";
const STRATEGY: &str = "commit strategy";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "auto-commit-hand-off",
            title: "Records wait in a queue for workers, the poll thread polls on, and the process dies",
            refs: &["S19"],
            advice: &["A17", "A26"],
            faults: "kill of one of two consumers 12 s into the run, restart after 3 s",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](
                    AUTO,
                    [
                        (AUTO, "true"),
                        ("auto.commit.interval.ms", "1000"),
                        (STRATEGY, "left to the consumer, records in a queue"),
                    ],
                    IN_STEP,
                    hand_off,
                )),
                both_protocols!(safe["safe", "safe-consumer"](
                    [(AUTO, "false"), (STRATEGY, "after all workers")],
                    IN_STEP,
                    hand_off,
                )),
            ]
            .concat(),
        },
        Scenario {
            name: "auto-commit-on-close",
            title: "The handler fails, and code on the way out closes the consumer, which commits the whole batch",
            refs: &["S20"],
            advice: &["A26"],
            faults: "the handler fails twice for one record, and each time its process is started again after 1 s",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](
                    AUTO,
                    [(AUTO, "true"), (STRATEGY, "left to the consumer")],
                    IN_STEP,
                    close,
                )),
                both_protocols!(safe["safe", "safe-consumer"](
                    [(AUTO, "false"), (STRATEGY, "after processing")],
                    IN_STEP,
                    close,
                )),
            ]
            .concat(),
        },
        Scenario {
            name: "commit-before-processing",
            title: "The consumer commits, and its process dies before it has processed",
            refs: &["S21"],
            advice: &["A2", "A26", "A28"],
            faults: "kill of one of two consumers 12 s into the run, restart after 3 s",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](
                    STRATEGY,
                    [(AUTO, "false"), (STRATEGY, "before processing")],
                    PROCESSED,
                    slow,
                )),
                both_protocols!(safe["safe", "safe-consumer"](
                    [(AUTO, "false"), (STRATEGY, "after processing")],
                    PROCESSED,
                    slow,
                )),
            ]
            .concat(),
        },
    ]
}

fn hand_off(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let group = member(variant)?.members(2).processing(seconds(1));
    Ok(two_partitions(seed)
        .producer(ProducerPlan::to(TOPIC))
        .consumer(group)
        .faults(vec![kill_of_the_first(12)]))
}

fn close(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let restart_after = seconds(1);
    let group = member(variant)?
        .members(2)
        .processing(millis(150))
        .poison(0, 30, 2)
        .on_failure(OnFailure::Close { restart_after });
    Ok(two_partitions(seed).producer(ProducerPlan::to(TOPIC)).consumer(group))
}

/// The handler takes longer than it takes records to arrive, so that there is always something in hand.
fn slow(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let group = member(variant)?.members(2).processing(millis(250));
    Ok(two_partitions(seed)
        .producer(ProducerPlan::to(TOPIC))
        .consumer(group)
        .faults(vec![kill_of_the_first(12)]))
}
