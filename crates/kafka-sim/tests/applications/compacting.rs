//! Topics that keep the last record of each key.

use kafka_sim::{Fault, ProducerPlan, Promise, Role, ScheduledFault, SimTime, Spread, Survivors, Topic};

use super::{millis, orders, runs, seconds};

/// Cleaned all the time.
fn compacted() -> Topic {
    orders(1)
        .config("cleanup.policy", "compact")
        .config("segment.ms", "2000")
        .config("min.cleanable.dirty.ratio", "0.01")
}

fn changes() -> ProducerPlan {
    ProducerPlan::to("orders").spread(Spread::Keyed(5)).every(millis(300))
}

fn leader_dies() -> Vec<ScheduledFault> {
    vec![
        Fault::Kill(Role::leader_of("orders", 0))
            .at(SimTime::from_millis(20_050))
            .healed_after(seconds(10)),
    ]
}

#[test]
fn a_compacted_topic_keeps_the_last_acknowledged_record_of_each_key_through_the_death_of_a_leader() {
    for run in runs(|sim| sim.topic(compacted()).producer(changes()).faults(leader_dies())) {
        let report = run.check(&[Promise::AckedSurvives, Promise::NoDuplicates]);
        assert!(report.is_clean(), "{report}");
        assert!(report.counts.replaced > 100, "{report}");
    }
}

#[test]
fn a_compacted_topic_loses_the_last_record_of_a_key_with_the_power_of_all_brokers() {
    let dark = Fault::PowerLoss {
        target: Role::AllBrokers,
        survivors: Survivors::None,
    };
    let dark = vec![dark.at(SimTime::from_millis(60_500)).healed_after(seconds(10))];
    for run in runs(|sim| sim.topic(compacted()).producer(changes()).faults(dark.clone())) {
        let report = run.check(&[Promise::AckedSurvives]);
        assert!(report.counts.lost > 0 && report.counts.replaced > 100, "{report}");
    }
}
