//! Where consumers begin when nobody knows where they were (S23 to S26).

use kafka_sim_check::Promise;
use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, at, healed, one_partition, power_loss, seconds};
use super::consumers::{both_protocols, member, millis, two_partitions};
use crate::catalogue::{Scenario, Variant};
use crate::sim::{ProducerPlan, Sim, Spread};

const PROCESSED: &[Promise] = &[Promise::EveryAckedProcessed, Promise::Converges];
const ONCE: &[Promise] = &[Promise::EveryAckedProcessed, Promise::EffectOnce, Promise::Converges];
const RESET: &str = "auto.offset.reset";
const EXPIRY: &str = "offsets.retention.minutes";
const FACTOR: &str = "offsets.topic.replication.factor";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "new-partition-skip",
            title: "A topic grows, the producer writes to the new partition, and only then the group hears of it",
            refs: &["S23", "KIP-1282", "KIP-1327"],
            advice: &["A26"],
            faults: "growth from one to two partitions 12 s into the run",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](RESET, [(RESET, "latest")], PROCESSED, grown)),
                both_protocols!(safe["safe", "safe-consumer"]([(RESET, "earliest")], PROCESSED, grown)),
            ]
            .concat(),
        },
        Scenario {
            name: "offset-expiry",
            title: "A group is empty for longer than its offsets are kept",
            refs: &["S24", "KIP-211"],
            advice: &["A2"],
            faults: "the only consumer leaves 15 s into the run, another comes 80 s later",
            variants: [
                both_protocols!(weak["skips", "skips-consumer"](
                    EXPIRY,
                    [(EXPIRY, "1"), (RESET, "latest")],
                    ONCE,
                    expired,
                )),
                both_protocols!(weak["replays", "replays-consumer"](
                    EXPIRY,
                    [(EXPIRY, "1"), (RESET, "earliest")],
                    ONCE,
                    expired,
                )),
                both_protocols!(safe["safe", "safe-consumer"](
                    [(EXPIRY, "10080"), (RESET, "latest")],
                    ONCE,
                    expired,
                )),
            ]
            .concat(),
        },
        Scenario {
            name: "retention-beats-consumer",
            title: "The consumer stands still for longer than records are kept",
            refs: &["S25"],
            advice: &["A14"],
            faults: "pause of the only consumer 8 s into the run, for 20 s",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](
                    "retention.ms",
                    [("retention.ms", "5000"), (RESET, "earliest")],
                    PROCESSED,
                    overtaken,
                )),
                both_protocols!(safe["safe", "safe-consumer"](
                    [("retention.ms", "604800000"), (RESET, "earliest")],
                    PROCESSED,
                    overtaken,
                )),
            ]
            .concat(),
        },
        Scenario {
            name: "weak-offsets-topic",
            title: "The coordinator loses power, and with it what the group had committed",
            refs: &["S26"],
            advice: &["A2", "A4"],
            faults: "power loss of the coordinator 15 s into the run, power back after 5 s",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](
                    FACTOR,
                    [(FACTOR, "1"), (RESET, "latest")],
                    PROCESSED,
                    coordinator_lost,
                )),
                both_protocols!(safe["safe", "safe-consumer"](
                    [(FACTOR, "3"), (RESET, "latest")],
                    PROCESSED,
                    coordinator_lost,
                )),
            ]
            .concat(),
        },
    ]
}

/// The producer looks for new partitions every second, the group every ten.
fn grown(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let plan = ProducerPlan::to(TOPIC)
        .set("metadata.max.age.ms", "1000")?
        .spread(Spread::Keyed(20))
        .starts_after(seconds(8));
    let group = member(variant)?.set("metadata.max.age.ms", "10000")?;
    let growth = Fault::AddPartitions {
        topic: TOPIC.into(),
        total: 2,
    };
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .producer(plan)
        .consumer(group)
        .faults(vec![growth.at(at(12))]))
}

fn expired(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let plan = ProducerPlan::to(TOPIC).starts_after(seconds(8)).every(millis(500));
    let first = member(variant)?.leaves_after(seconds(15));
    let second = member(variant)?.starts_after(seconds(95));
    Ok(two_partitions(seed)
        .broker_config(EXPIRY, variant.setting(EXPIRY))
        .broker_config("offsets.retention.check.interval.ms", "5000")
        .producer(plan)
        .consumer(first)
        .consumer(second))
}

fn overtaken(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let topic = Topic::named(TOPIC)
        .partitions(2)
        .replicas(3)
        .config("min.insync.replicas", "2")
        .config("retention.ms", variant.setting("retention.ms"))
        .config("segment.ms", "1000");
    let pause = healed(Fault::PauseClient("consumer-0".into()).at(at(8)), 20);
    Ok(Sim::new(seed)
        .topic(topic)
        .broker_config("log.initial.task.delay.ms", "1000")
        .broker_config("log.retention.check.interval.ms", "1000")
        .producer(ProducerPlan::to(TOPIC))
        .consumer(member(variant)?)
        .faults(vec![pause]))
}

fn coordinator_lost(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let coordinator = Role::leader_of("__consumer_offsets", 0);
    let plan = ProducerPlan::to(TOPIC).starts_after(seconds(8));
    Ok(two_partitions(seed)
        .broker_config("offsets.topic.num.partitions", "1")
        .broker_config(FACTOR, variant.setting(FACTOR))
        .broker_config("min.insync.replicas", "2")
        .producer(plan)
        .consumer(member(variant)?)
        .faults(vec![healed(power_loss(coordinator).at(at(15)), 5)]))
}
