//! The example of the README, word for word.

use kafka_sim::{Fault, MarkKind, ProducerPlan, Promise, Role, Seed, Sim, Topic};
use std::time::Duration;

#[test]
fn acks_all_keeps_every_acknowledged_order() -> Result<(), kafka_sim::ConfigError> {
    // The leader dies at its third acknowledgement and comes back after five seconds.
    let third_ack = MarkKind::ProduceAcked {
        topic: "orders".into(),
        partition: 0,
    };
    let kill = Fault::Kill(Role::leader_of("orders", 0))
        .on_nth(3, third_ack)
        .healed_after(Duration::from_secs(5));
    let run = Sim::new(Seed(1))
        .topic(Topic::named("orders").replicas(3).config("min.insync.replicas", "2"))
        .producer(ProducerPlan::to("orders").set("acks", "all")?)
        .faults(vec![kill])
        .run()?; // 20 virtual seconds in a few milliseconds, the same on every machine
    let report = run.check(&[Promise::AckedSurvives, Promise::NoDuplicates, Promise::InOrder]);
    assert!(report.is_clean(), "{report}\n{}", run.pinned());
    Ok(())
}
