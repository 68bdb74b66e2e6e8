//! The outbox, and spilling to the local disk.

use kafka_sim::check::Setting;
use kafka_sim::{Fault, Handling, Marking, Peer, ProducerPlan, Promise, Role, Run, ScheduledFault, SimTime, Survivors};

use super::{millis, orders, runs, seconds};

const HOST: &str = "producer-0";

fn outbox(atomic: bool, marking: Marking) -> ProducerPlan {
    let every = millis(1);
    ProducerPlan::to("orders")
        .records(60)
        .handling(Handling::Outbox { atomic, marking, every })
}

/// That long after the 31st of the records, which come every 100 ms.
fn kill_after_a_record(micros: u64) -> ScheduledFault {
    let at = SimTime::from_nanos(3_000_000_000 + micros * 1_000);
    Fault::KillClient(HOST.into()).at(at).healed_after(seconds(2))
}

fn outbox_runs(plan: ProducerPlan, micros: u64) -> impl Iterator<Item = Run> {
    runs(move |sim| {
        sim.topic(orders(1))
            .producer(plan.clone())
            .faults(vec![kill_after_a_record(micros)])
    })
}

/// The moments after a record at which the application is killed: in its transaction, in the send, in the mark.
const MOMENTS: [u64; 6] = [1_000, 2_500, 7_500, 8_500, 9_500, 10_500];

#[test]
fn an_outbox_in_one_transaction_delivers_every_row_whenever_its_application_is_killed() {
    let mut cut_short = 0;
    for micros in MOMENTS {
        for run in outbox_runs(outbox(true, Marking::AfterAck), micros) {
            let report = run.check(&[Promise::AckedSurvives, Promise::SendsResolved]);
            assert!(report.verdict.holds(), "killed after {micros} us: {report}");
            cut_short += run.dangers().cut_short;
        }
    }
    assert!(cut_short > 0, "something was on its way when the application died");
}

#[test]
fn a_row_whose_message_is_added_in_a_second_transaction_can_stay_without_it() {
    for run in outbox_runs(outbox(false, Marking::AfterAck), 1_000) {
        let report = run.check(&[Promise::AckedSurvives]);
        assert_eq!(report.counts.lost, 1, "{report}");
        let cause = &report.explanations[0].cause;
        assert_eq!(cause.setting_allowed, [Setting::new("outbox transaction", "two")]);
        assert!(
            cause
                .fault
                .as_ref()
                .is_some_and(|fault| fault.contains("kill of client producer-0"))
        );
    }
}

#[test]
fn a_message_that_is_marked_before_it_is_sent_is_lost_when_the_job_dies_in_between() {
    let lost = |micros| {
        let runs = outbox_runs(outbox(true, Marking::BeforeSend), micros);
        runs.map(|run| run.check(&[Promise::AckedSurvives]).counts.lost)
            .sum::<u64>()
    };
    assert!(MOMENTS.into_iter().map(lost).sum::<u64>() > 0);
}

#[test]
fn a_job_that_dies_between_send_and_mark_sends_again() {
    let duplicated = |micros| {
        let runs = outbox_runs(outbox(true, Marking::AfterAck), micros);
        runs.map(|run| run.check(&[Promise::NoDuplicates]).counts.duplicated)
            .sum::<u64>()
    };
    assert!(MOMENTS.into_iter().map(duplicated).sum::<u64>() > 0);
}

#[test]
fn an_outbox_survives_the_power_loss_of_its_machine() {
    let power_loss = || Fault::PowerLossClient {
        host: HOST.into(),
        survivors: Survivors::None,
    };
    for micros in MOMENTS {
        let at = SimTime::from_nanos(3_000_000_000 + micros * 1_000);
        let runs = runs(|sim| {
            sim.topic(orders(1))
                .producer(outbox(true, Marking::AfterAck))
                .faults(vec![power_loss().at(at).healed_after(seconds(2))])
        });
        for run in runs {
            let report = run.check(&[Promise::AckedSurvives, Promise::SendsResolved]);
            assert!(report.verdict.holds(), "without power after {micros} us: {report}");
        }
    }
}

/// The producer cannot reach anybody for 12 s, and gives up after 3 s; then something strikes its own machine.
fn spill_runs(fsync: bool, strike: Option<Fault>) -> impl Iterator<Item = Run> {
    let plan = ProducerPlan::to("orders")
        .set("delivery.timeout.ms", "3000")
        .and_then(|plan| plan.set("request.timeout.ms", "1000"))
        .and_then(|plan| plan.set("linger.ms", "0"))
        .expect("they are Kafka's keys")
        .handling(Handling::Spill {
            fsync,
            every: seconds(1),
        })
        .records(100);
    let outage = || {
        let cut = Fault::Partition {
            a: vec![Peer::Client(HOST.into())],
            b: vec![Peer::Brokers(Role::AllBrokers)],
        };
        cut.at(SimTime::from_secs(2)).healed_after(seconds(12))
    };
    runs(move |sim| {
        let strike = strike.clone();
        let struck = strike.map(|fault| fault.at(SimTime::from_millis(8_500)).healed_after(seconds(1)));
        let faults: Vec<_> = std::iter::once(outage()).chain(struck).collect();
        sim.topic(orders(1)).producer(plan.clone()).faults(faults)
    })
}

fn power_loss() -> Fault {
    Fault::PowerLossClient {
        host: HOST.into(),
        survivors: Survivors::None,
    }
}

#[test]
fn what_was_spilled_arrives_when_the_brokers_are_back() {
    for run in spill_runs(false, None) {
        let report = run.check(&[Promise::AckedSurvives, Promise::SendsResolved]);
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.counts.acked, 100, "the caller is never told of a failure");
    }
}

#[test]
fn what_was_spilled_survives_a_kill_without_any_fsync() {
    for run in spill_runs(false, Some(Fault::KillClient(HOST.into()))) {
        let report = run.check(&[Promise::AckedSurvives]);
        assert!(report.is_clean(), "{report}");
    }
}

#[test]
fn what_was_spilled_without_fsync_is_lost_with_the_power_of_the_machine() {
    for run in spill_runs(false, Some(power_loss())) {
        let report = run.check(&[Promise::AckedSurvives]);
        assert!(report.counts.lost > 0, "{report}");
        let cause = &report.explanations[0].cause;
        assert_eq!(cause.setting_prevents, [Setting::new("spill fsync", "true")]);
        assert!(
            cause
                .fault
                .as_ref()
                .is_some_and(|fault| fault.contains("of client producer-0"))
        );
    }
}

#[test]
fn what_was_spilled_with_fsync_survives_the_loss_of_power() {
    for run in spill_runs(true, Some(power_loss())) {
        let report = run.check(&[Promise::AckedSurvives]);
        assert!(report.is_clean(), "{report}");
    }
}
