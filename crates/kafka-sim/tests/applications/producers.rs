//! Producing applications that are killed, paused or lose power.

use kafka_sim::{Fault, Handling, ProducerPlan, Promise, SimTime, Survivors};

use super::{millis, orders, runs, seconds};

fn strike(fault: Fault) -> Vec<kafka_sim::ScheduledFault> {
    vec![fault.at(SimTime::from_millis(3_050)).healed_after(seconds(4))]
}

#[test]
fn a_killed_producer_takes_what_it_had_not_sent_with_it_and_promises_nothing_about_it() {
    let plan = || {
        let plan = ProducerPlan::to("orders")
            .set("linger.ms", "1000")
            .expect("it is a key");
        plan.set("batch.size", "100000").expect("it is a key")
    };
    for run in runs(|sim| {
        sim.topic(orders(2))
            .producer(plan())
            .faults(strike(Fault::KillClient("producer-0".into())))
    }) {
        let report = run.check(&[Promise::AckedSurvives, Promise::SendsResolved, Promise::NoDuplicates]);
        assert!(report.is_clean(), "{report}");
        assert!(report.counts.unknown > 0, "{report}");
        // A new process went on after four seconds of nobody.
        assert!((140..=170).contains(&report.counts.acked), "{report}");
    }
}

#[test]
fn an_application_that_counts_on_what_it_handed_over_loses_it_when_it_is_killed() {
    let plan = || {
        let plan = ProducerPlan::to("orders")
            .set("linger.ms", "1000")
            .expect("it is a key");
        plan.set("batch.size", "100000")
            .expect("it is a key")
            .handling(Handling::Ignore)
    };
    for run in runs(|sim| {
        sim.topic(orders(2))
            .producer(plan())
            .faults(strike(Fault::KillClient("producer-0".into())))
    }) {
        assert!(run.check(&[Promise::AckedSurvives]).counts.lost > 0);
    }
}

#[test]
fn a_paused_producer_goes_on_where_it_was() {
    let plan = ProducerPlan::to("orders").every(millis(50));
    for run in runs(|sim| {
        sim.topic(orders(2))
            .producer(plan.clone())
            .faults(strike(Fault::PauseClient("producer-0".into())))
    }) {
        let report = run.check(&[Promise::AckedSurvives, Promise::NoDuplicates, Promise::InOrder]);
        assert!(report.verdict.holds(), "{report}");
        assert_eq!(report.counts.acked, 200);
    }
}

#[test]
fn the_machine_of_a_producer_that_lost_power_comes_back_with_a_new_process() {
    let power_loss = || Fault::PowerLossClient {
        host: "producer-0".into(),
        survivors: Survivors::None,
    };
    for run in runs(|sim| {
        sim.topic(orders(2))
            .producer(ProducerPlan::to("orders"))
            .faults(strike(power_loss()))
    }) {
        let report = run.check(&[Promise::AckedSurvives, Promise::SendsResolved]);
        assert!(report.verdict.holds(), "{report}");
        assert!((155..=165).contains(&report.counts.acked), "{report}");
    }
}
