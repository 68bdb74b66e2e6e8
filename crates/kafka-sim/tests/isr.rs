//! The in-sync replicas after they have become few.

use std::time::Duration;

use kafka_sim::cluster::event::Event;
use kafka_sim::{Fault, MarkKind, ProducerPlan, Promise, Role, Seed, Sim, SimTime, Topic};

fn sim() -> Sim {
    let topic = Topic::named("orders").replicas(3).config("min.insync.replicas", "2");
    Sim::new(Seed(1)).topic(topic).producer(ProducerPlan::to("orders"))
}

#[test]
fn the_first_broker_to_leave_the_isr_is_counted_as_a_shrink() {
    let shrunk = MarkKind::IsrShrunk {
        topic: "orders".into(),
        partition: 0,
    };
    let pause = Fault::Pause(Role::follower_of("orders", 0, 0))
        .at(SimTime::from_secs(2))
        .healed_after(Duration::from_secs(20));
    let reset = Fault::Kill(Role::leader_of("orders", 0))
        .on_nth(1, shrunk)
        .healed_after(Duration::from_secs(5));
    let run = sim().faults(vec![pause, reset]).run().unwrap();
    let killed = run
        .events
        .iter()
        .any(|(_, event)| matches!(event, Event::BrokerKilled { .. }));
    assert!(killed && run.dangers().isr_shrinks > 0);
}

#[test]
fn a_partition_takes_writes_again_after_every_process_was_killed() {
    let kill = Fault::Kill(Role::AllBrokers)
        .at(SimTime::from_secs(3))
        .healed_after(Duration::from_secs(5));
    let run = sim().faults(vec![kill]).run().unwrap();
    let report = run.check(&[Promise::AckedSurvives]);
    assert!(run.converged && report.is_clean(), "{report}");
    assert_eq!(
        run.view.partition("orders", 0).map(|partition| partition.isr.len()),
        Some(3)
    );
}
