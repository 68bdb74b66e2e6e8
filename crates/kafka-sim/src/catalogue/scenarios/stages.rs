//! Loss in production, storage and consumption, each told from the others.

use kafka_sim_check::{Promise, Report, Stage, Violation};
use kafka_sim_core::{ConfigError, Seed};

use super::common::{at, healed, hold_replication, leader, one_partition, power_loss, producer};
use super::consumers::{both_protocols, kill_of_the_first, member, millis};
use crate::catalogue::{Finding, Scenario, Variant};
use crate::sim::{Run, Sim};

const PROCESSED: &[Promise] = &[Promise::EveryAckedProcessed, Promise::Converges];
const STRATEGY: &str = "commit strategy";

pub(super) fn scenarios() -> Vec<Scenario> {
    let [production, production_consumer] = both_protocols!(weak["production", "production-consumer"](
        "acks",
        [("acks", "0"), (STRATEGY, "after processing")],
        PROCESSED,
        endangered,
    ));
    let [storage, storage_consumer] = both_protocols!(weak["storage", "storage-consumer"](
        "acks",
        [("acks", "1"), (STRATEGY, "after processing")],
        PROCESSED,
        endangered,
    ));
    let [consumption, consumption_consumer] = both_protocols!(weak["consumption", "consumption-consumer"](
        STRATEGY,
        [("acks", "all"), (STRATEGY, "before processing")],
        PROCESSED,
        endangered,
    ));
    let [safe, safe_consumer] = both_protocols!(safe["safe", "safe-consumer"](
        [("acks", "all"), (STRATEGY, "after processing")],
        PROCESSED,
        endangered,
    ));
    vec![Scenario {
        name: "three-stages",
        title: "A consumer dies, later a leader loses power while nobody replicates: every loss has its stage",
        refs: &["S1", "S2", "S21"],
        advice: &["A14"],
        faults: "kill of the consumer 7 s into the run, restart after 3 s, replication held at 12 s for 6 s, power loss of the leader at 14 s, power back after 10 s",
        variants: vec![
            production.looking(not_in_production),
            production_consumer.looking(not_in_production),
            storage.looking(not_in_storage),
            storage_consumer.looking(not_in_storage),
            consumption.looking(not_in_consumption),
            consumption_consumer.looking(not_in_consumption),
            safe,
            safe_consumer,
        ],
    }]
}

/// The handler takes longer than it takes records to arrive, so that there is always something in hand.
fn endangered(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    // A member that joins when the coordinator loses power waits this long for an answer.
    let group = member(variant)?
        .set("max.poll.interval.ms", "60000")?
        .processing(millis(200));
    let hold = healed(hold_replication().at(at(12)), 6);
    let power = healed(power_loss(leader()).at(at(14)), 10);
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .producer(producer(variant, &["acks"])?)
        .consumer(group)
        .faults(vec![kill_of_the_first(7), hold, power]))
}

fn not_in_production(_: &Run, report: &Report) -> Vec<Finding> {
    not_in(Stage::Production, report)
}

fn not_in_storage(_: &Run, report: &Report) -> Vec<Finding> {
    not_in(Stage::Storage, report)
}

fn not_in_consumption(_: &Run, report: &Report) -> Vec<Finding> {
    not_in(Stage::Consumption, report)
}

/// A finding if the judge or the explanation puts a loss into another stage.
fn not_in(expected: Stage, report: &Report) -> Vec<Finding> {
    let elsewhere = report.explanations.iter().filter(|explanation| {
        let judged = match explanation.violation {
            Violation::Unprocessed { stage, .. } => stage,
            _ => Some(expected),
        };
        judged != Some(expected) || explanation.cause.stage != expected
    });
    let found = elsewhere.map(|explanation| Finding {
        allowed_by: "nothing: the loss is put into another stage",
        story: explanation.violation.to_string(),
    });
    found.take(1).collect()
}
