//! Applications that keep messages on their own machine until Kafka has them (A21, A22).

use kafka_sim_check::Promise;
use kafka_sim_cluster::disk::{DiskConfig, Survivors};
use kafka_sim_cluster::fault::Fault;
use kafka_sim_core::{ConfigError, Seed, SimTime};

use super::common::{TOPIC, acked, at, few_in_sync, healed, one_partition, seconds};
use super::consumers::{listed, millis};
use crate::catalogue::{Scenario, Variant};
use crate::sim::{Handling, Marking, ProducerPlan, Sim};

const SURVIVES: &[Promise] = &[Promise::AckedSurvives];
const STORED_ONCE: &[Promise] = &[Promise::AckedSurvives, Promise::NoDuplicates];
const TRANSACTION: &str = "outbox transaction";
const MARK: &str = "outbox mark";
const FSYNC: &str = "spill fsync";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "outbox",
            title: "A message is a row next to the business row, and a background job sends it and marks it",
            refs: &[],
            advice: &["A21"],
            faults: "kill of the application 5.01 s into the run and at the 90th and the 140th acknowledgement, restart after 1 s",
            variants: vec![
                Variant::weak(TRANSACTION, &[(TRANSACTION, "two")], SURVIVES, outbox),
                Variant::weak(
                    MARK,
                    &[(TRANSACTION, "one"), (MARK, "before the send")],
                    SURVIVES,
                    outbox,
                )
                .named("mark-first"),
                Variant::weak(
                    "application",
                    &[(TRANSACTION, "one"), (MARK, "after the acknowledgement")],
                    STORED_ONCE,
                    outbox,
                )
                .named("duplicates"),
                Variant::safe(
                    &[(TRANSACTION, "one"), (MARK, "after the acknowledgement")],
                    SURVIVES,
                    outbox,
                ),
            ],
        },
        Scenario {
            name: "spill",
            title: "What the producer gives up goes to a file, and is sent again when the brokers are back",
            refs: &[],
            advice: &["A22"],
            faults: "controlled shutdown of both followers 2.05 s into the run, restart after 15 s; the machine of the application loses power, or its process dies, at 12 s, and is back after 2 s",
            variants: vec![
                Variant::weak(FSYNC, &[(FSYNC, "false"), ("client", "loses power")], SURVIVES, spill),
                Variant::safe(&[(FSYNC, "true"), ("client", "loses power")], SURVIVES, spill),
                Variant::safe(&[(FSYNC, "false"), ("client", "is killed")], SURVIVES, spill).named("killed"),
            ],
        },
    ]
}

fn outbox(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let handling = Handling::Outbox {
        atomic: variant.setting(TRANSACTION) == "one",
        marking: match listed(variant, MARK) {
            Some("before the send") => Marking::BeforeSend,
            _ => Marking::AfterAck,
        },
        every: millis(20),
    };
    let plan = ProducerPlan::to(TOPIC)
        .records(400)
        .every(millis(40))
        .set("linger.ms", "50")?
        .handling(handling);
    let kill = || Fault::KillClient("producer-0".into());
    // Just after a record was taken, and when the broker has answered and the application has not heard.
    let faults = vec![
        healed(kill().at(SimTime::from_millis(5_010)), 1),
        healed(kill().on_nth(90, acked()), 1),
        healed(kill().on_nth(140, acked()), 1),
    ];
    // A slow disk leaves a kill more time between the steps.
    let disk = DiskConfig {
        sync_latency: millis(30),
        ..DiskConfig::default()
    };
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .disks(disk)
        .producer(plan)
        .faults(faults))
}

fn spill(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let handling = Handling::Spill {
        fsync: variant.setting(FSYNC) == "true",
        every: seconds(1),
    };
    let plan = ProducerPlan::to(TOPIC)
        .set("delivery.timeout.ms", "4000")?
        .set("request.timeout.ms", "2000")?
        .handling(handling);
    let host = "producer-0".to_owned();
    let strike = match variant.setting("client") {
        "is killed" => Fault::KillClient(host),
        _ => Fault::PowerLossClient {
            host,
            survivors: Survivors::None,
        },
    };
    let mut faults = few_in_sync(seconds(15));
    faults.push(healed(strike.at(at(12)), 2));
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .producer(plan)
        .faults(faults))
}
