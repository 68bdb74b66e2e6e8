//! A topic that is deleted and created anew under its name (S33).

use kafka_sim_check::Promise;
use kafka_sim_cluster::fault::Fault;
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, at, healed, one_partition, seconds};
use super::consumers::{both_protocols, member, millis};
use crate::catalogue::{Scenario, Variant};
use crate::sim::{ProducerPlan, Sim};

const PROCESSED: &[Promise] = &[Promise::AckedSurvives, Promise::EveryAckedProcessed, Promise::Converges];
const ENABLE: &str = "delete.topic.enable";
const PROTOCOL: &str = "group.protocol";
const RESET: &str = "auto.offset.reset";
const CONSUMERS: &str = "consumers";
const RUN_ON: &str = "run on";
const START_ANEW: &str = "start anew";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "topic-deleted",
            title: "A topic is deleted before a slow group has processed what is in it, and created anew under its name",
            refs: &["S33", "KAFKA-12257"],
            advice: &["A14"],
            faults: "the only consumer leaves 10 s into the run, another comes 10 s later; deletion of the topic at 12 s, created anew \
                     after 5 s",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](ENABLE, [(ENABLE, "true")], PROCESSED, deleted)),
                both_protocols!(safe["safe", "safe-consumer"]([(ENABLE, "false")], PROCESSED, deleted)),
            ]
            .concat(),
        },
        Scenario {
            name: "topic-recreated",
            title: "A topic whose records are all processed is deleted and created anew, and the new one holds more than \
                    the old one did when the consumer comes to it",
            refs: &["S33", "KAFKA-12257", "KIP-848"],
            advice: &["A14"],
            faults: "the only consumer stands still or is down from 14 s to 30 s; deletion of the topic at 16 s, created \
                     anew after 100 ms",
            variants: vec![
                Variant::weak(
                    PROTOCOL,
                    &[(PROTOCOL, "classic"), (RESET, "earliest"), (CONSUMERS, RUN_ON)],
                    PROCESSED,
                    recreated,
                ),
                Variant::weak(
                    RESET,
                    &[(PROTOCOL, "consumer"), (RESET, "latest"), (CONSUMERS, RUN_ON)],
                    PROCESSED,
                    recreated,
                )
                .named("weak-consumer"),
                Variant::safe(
                    &[(PROTOCOL, "classic"), (RESET, "earliest"), (CONSUMERS, START_ANEW)],
                    PROCESSED,
                    recreated,
                ),
                Variant::safe(
                    &[(PROTOCOL, "consumer"), (RESET, "earliest"), (CONSUMERS, RUN_ON)],
                    PROCESSED,
                    recreated,
                )
                .named("safe-consumer"),
            ],
        },
    ]
}

fn deletion() -> Fault {
    Fault::DeleteTopic { topic: TOPIC.into() }
}

/// Ten records in a second come in, and five go out.
fn deleted(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let slow = member(variant)?.set("max.poll.records", "5")?.processing(millis(200));
    let first = slow.leaves_after(seconds(10));
    let second = member(variant)?.starts_after(seconds(20));
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .broker_config(ENABLE, variant.setting(ENABLE))
        .broker_config("auto.create.topics.enable", "false")
        .producer(ProducerPlan::to(TOPIC))
        .consumer(first)
        .consumer(second)
        .faults(vec![healed(deletion().at(at(12)), 5)]))
}

/// Twenty records go to the old topic, a hundred to the new one before the consumer is back.
fn recreated(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let host = "consumer-0".to_owned();
    let away = match variant.setting(CONSUMERS) {
        RUN_ON => Fault::PauseClient(host),
        _ => Fault::KillClient(host),
    };
    let old = ProducerPlan::to(TOPIC).starts_after(seconds(6)).records(20);
    let new = ProducerPlan::to(TOPIC).starts_after(seconds(18)).records(100);
    let replaced = deletion().at(at(16)).healed_after(millis(100));
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .broker_config("auto.create.topics.enable", "false")
        .producer(old)
        .producer(new)
        .consumer(member(variant)?)
        .faults(vec![healed(away.at(at(14)), 16), replaced]))
}
