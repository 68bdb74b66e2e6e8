//! When records come out of order, and what numbering them shows (S16).

use std::time::Duration;

use kafka_sim_check::gaps::compare;
use kafka_sim_check::{Promise, Report};
use kafka_sim_cluster::fault::{Fault, Filter, Peer, Role, ScheduledFault};
use kafka_sim_cluster::mark::MarkKind;
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, acked, at, healed, hold_replication, leader, one_partition, power_loss, producer_with};
use crate::catalogue::{Finding, Scenario, Variant};
use crate::sim::{Run, Sim, Spread};

const IN_ORDER: &[Promise] = &[Promise::AckedSurvives, Promise::InOrder];
const SURVIVES: &[Promise] = &[Promise::AckedSurvives];
const AT_HOME: &[Promise] = &[Promise::AckedSurvives, Promise::KeyStaysInPartition];
const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";
const PRODUCE: i16 = 0;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "reordering",
            title: "A request fails while later ones are already in flight",
            refs: &["S16"],
            advice: &["A12"],
            faults: "requests held on their way to the leader for 100 ms at 2 s, 4 s and 6 s, and the first of them lost",
            variants: vec![
                Variant::weak(
                    "enable.idempotence",
                    &[("enable.idempotence", "false"), (IN_FLIGHT, "5")],
                    IN_ORDER,
                    first_lost,
                ),
                Variant::safe(
                    &[("enable.idempotence", "true"), (IN_FLIGHT, "5")],
                    IN_ORDER,
                    first_lost,
                ),
                Variant::safe(
                    &[("enable.idempotence", "false"), (IN_FLIGHT, "1")],
                    IN_ORDER,
                    first_lost,
                )
                .named("one-by-one"),
            ],
        },
        Scenario {
            name: "first-records-overtaken",
            title: "A leader goes dark before an idempotent producer's first records; later ones reach its successor first",
            refs: &["KIP-98", "KIP-890"],
            advice: &["A12", "A27"],
            faults: "replication held for the first 5 s; power loss of the leader of orders-0 as it appends the first record, healed after 20 s; connections of clients to the leader of orders-1 reset at 11 s, so that metadata is fetched",
            variants: vec![
                Variant::weak(
                    IN_FLIGHT,
                    &[("enable.idempotence", "true"), (IN_FLIGHT, "5")],
                    IN_ORDER,
                    overtaken,
                ),
                Variant::safe(&[("enable.idempotence", "true"), (IN_FLIGHT, "1")], IN_ORDER, overtaken),
            ],
        },
        Scenario {
            name: "keys-move",
            title: "Partitions are added, and keys go to other partitions from then on",
            refs: &[],
            advice: &["A12"],
            faults: "kill of the leader of orders-0 3 s into the run, restart after 5 s; weak: growth from 3 to 7 partitions at 6 s",
            variants: vec![
                Variant::weak("partitions", &[("partitions", "3, later 7")], AT_HOME, partitions_grow),
                Variant::safe(&[("partitions", "3")], AT_HOME, partitions_stay),
            ],
        },
        Scenario {
            name: "gap-detector",
            title: "Records are numbered per producer and partition, and a reader looks for gaps",
            refs: &["S2"],
            advice: &["A18"],
            faults: "replication held, kill of the leader at its 8th acknowledgement (or 4 s into the run), restart after 15 s; reordered: as in reordering",
            variants: vec![
                Variant::weak("acks", &[("acks", "1")], SURVIVES, loses_the_middle).looking(detector_misses),
                Variant::weak(
                    "enable.idempotence",
                    &[("enable.idempotence", "false")],
                    SURVIVES,
                    first_lost,
                )
                .looking(false_alarms)
                .named("reordered"),
                Variant::safe(&[("acks", "all")], SURVIVES, loses_nothing).looking(any_gap),
            ],
        },
    ]
}

/// Several requests are on their way, and the first does not arrive.
fn first_of_many_lost(second: u64) -> [ScheduledFault; 2] {
    let hold = Fault::Hold {
        from: Peer::Clients,
        to: Peer::Brokers(leader()),
    };
    [
        Fault::DropRequest(Filter::next(1).api(PRODUCE)).at(at(second)),
        hold.at(at(second)).healed_after(Duration::from_millis(100)),
    ]
}

fn first_lost(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let plan = producer_with(variant)?
        .set("linger.ms", "0")?
        .records(800)
        .every(Duration::from_millis(10));
    let faults: Vec<ScheduledFault> = [2, 4, 6].into_iter().flat_map(first_of_many_lost).collect();
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .producer(plan)
        .faults(faults))
}

fn overtaken(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let first_append = MarkKind::ProduceAppended {
        topic: TOPIC.into(),
        partition: 0,
    };
    let dark = healed(power_loss(leader()).on_nth(1, first_append), 20);
    // The first record in flight must expire well before the others: that makes the producer number them anew.
    let plan = producer_with(variant)?.every(Duration::from_millis(500));
    let reset = Fault::Reset {
        a: Peer::Clients,
        b: Peer::Brokers(Role::leader_of(TOPIC, 1)),
    };
    let reset = reset.at(at(11)).healed_after(Duration::from_millis(1));
    Ok(Sim::new(seed)
        .topic(one_partition().partitions(2).config("min.insync.replicas", "2"))
        .producer(plan)
        .faults(vec![healed(hold_replication().at(at(0)), 5), dark, reset]))
}

fn partitions_grow(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    keyed(
        variant,
        seed,
        Some(
            Fault::AddPartitions {
                topic: TOPIC.into(),
                total: 7,
            }
            .at(at(6)),
        ),
    )
}

fn partitions_stay(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    keyed(variant, seed, None)
}

fn keyed(variant: &Variant, seed: Seed, growth: Option<ScheduledFault>) -> Result<Sim, ConfigError> {
    // A producer learns of new partitions with its next metadata, which is 5 minutes off by default.
    let plan = producer_with(variant)?
        .set("metadata.max.age.ms", "2000")?
        .spread(Spread::Keyed(20));
    let kill = healed(Fault::Kill(leader()).at(at(3)), 5);
    let topic = one_partition().partitions(3).config("min.insync.replicas", "2");
    Ok(Sim::new(seed)
        .topic(topic)
        .producer(plan)
        .faults([kill].into_iter().chain(growth).collect::<Vec<_>>()))
}

fn loses_the_middle(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    unreplicated(variant, seed, healed(Fault::Kill(leader()).on_nth(8, acked()), 15))
}

fn loses_nothing(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    unreplicated(variant, seed, healed(Fault::Kill(leader()).at(at(4)), 15))
}

fn unreplicated(variant: &Variant, seed: Seed, kill: ScheduledFault) -> Result<Sim, ConfigError> {
    let hold = healed(hold_replication().on_nth(5, acked()), 3);
    let topic = one_partition().config("min.insync.replicas", "2");
    Ok(Sim::new(seed)
        .topic(topic)
        .producer(producer_with(variant)?)
        .faults(vec![hold, kill]))
}

/// The detector must see every loss that the judge sees, but for a tail.
fn detector_misses(run: &Run, report: &Report) -> Vec<Finding> {
    let seen = compare(&run.history);
    let told = seen.detected.len() + seen.missed_tail.len();
    let complete = seen.missed_elsewhere.is_empty() && told as u64 == report.counts.lost && !seen.detected.is_empty();
    let story = format!(
        "{} messages were lost, the gaps show {}, a lost tail hides {}",
        report.counts.lost,
        seen.detected.len(),
        seen.missed_tail.len()
    );
    if complete {
        Vec::new()
    } else {
        vec![Finding {
            allowed_by: "nothing: the detector missed a loss",
            story,
        }]
    }
}

fn any_gap(run: &Run, _: &Report) -> Vec<Finding> {
    let gaps = compare(&run.history).gaps.len();
    let story = format!("{gaps} gaps although nothing was lost");
    if gaps == 0 {
        Vec::new()
    } else {
        vec![Finding {
            allowed_by: "nothing: there should be no gap",
            story,
        }]
    }
}

fn false_alarms(run: &Run, _: &Report) -> Vec<Finding> {
    let late = compare(&run.history).false_alarms.late;
    let story = format!("{late} messages that came late looked lost");
    if late == 0 {
        Vec::new()
    } else {
        vec![Finding {
            allowed_by: "enable.idempotence",
            story,
        }]
    }
}
