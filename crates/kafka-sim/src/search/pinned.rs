//! A failure as the source of a plain test.

use std::collections::BTreeMap;

use kafka_sim_cluster::fault::Schedule;
use kafka_sim_core::Seed;

use super::world::KEYS;
use super::{Claim, World};

/// Rust source of a test that repeats the run and fails as long as the claim is broken. It needs nothing but the
/// `kafka_sim` crate.
pub(super) fn test(world: &World, seed: Seed, schedule: &Schedule, claim: Claim) -> String {
    let topic = format!(
        "Topic::named({:?}).partitions({}).replicas({}){}",
        world.topic,
        world.partitions,
        world.replicas,
        calls("config", &world.settings.topic, "")
    );
    let producer = format!(
        "ProducerPlan::to({:?}).records({}).every(Duration::from_millis({})){}{}",
        world.topic,
        world.records,
        world.every_ms,
        if world.has_keys() {
            format!(".spread(Spread::Keyed({KEYS}))")
        } else {
            String::new()
        },
        calls("set", &world.settings.producer, "?")
    );
    let (judged, asserted) = match claim.promise() {
        Some(promise) => (
            format!("let report = run.check(&[Promise::{promise:?}]);"),
            "assert!(report.verdict.violations().is_empty(), \"{report}\");",
        ),
        None if claim == Claim::InvariantsHold => (
            "let report = run.check(&[Promise::AckedSurvives]);".to_owned(),
            "assert!(run.breaches.is_empty(), \"{report}\");",
        ),
        None if claim == Claim::AckedCommitsStay => (
            "let report = run.check(&[Promise::AckedSurvives]);".to_owned(),
            "assert!(run.breaches.is_empty() && run.excused.is_empty(), \"{report}\\n{:?}\", run.excused);",
        ),
        None => (
            "let report = run.check(&[Promise::AckedSurvives]);".to_owned(),
            "assert!(run.converged && report.verdict.holds(), \"{report}\");",
        ),
    };
    let faults = schedule.to_rust().replace('\n', "\n    ");
    format!(
        "#[test]
fn {name}_under_seed_{seed}() -> Result<(), kafka_sim::ConfigError> {{
    use kafka_sim::*;
    use std::time::Duration;
    let faults = {faults};
    let run = Sim::new(Seed({seed}))
        .brokers({brokers}){broker_config}
        .topic({topic})
        .producer({producer}){consumer}
        .faults(faults)
        .run()?;
    {judged}
    {asserted}
    Ok(())
}}
",
        name = name(claim),
        consumer = consumer(world),
        brokers = world.brokers,
        broker_config = calls("broker_config", &world.settings.broker, ""),
    )
}

/// The call that adds the consuming application, if there is one.
fn consumer(world: &World) -> String {
    let Some(consumers) = &world.consumers else {
        return String::new();
    };
    let settings = calls("set", &world.settings.consumer, "?");
    format!("\n        .consumer({}{settings})", consumers.to_rust(&world.topic))
}

/// `.method("key", "value")` for every pair.
fn calls(method: &str, pairs: &BTreeMap<String, String>, end: &str) -> String {
    let call = |(key, value): (&String, &String)| format!(".{method}({key:?}, {value:?}){end}");
    pairs.iter().map(call).collect()
}

/// The claim as the name of a function.
fn name(claim: Claim) -> &'static str {
    match claim {
        Claim::AckedSurvives => "acked_survives",
        Claim::NoDuplicates => "no_duplicates",
        Claim::InOrder => "in_order",
        Claim::ConsistentOffsets => "consistent_offsets",
        Claim::NothingRefusedAppears => "nothing_refused_appears",
        Claim::SendsResolved => "sends_resolved",
        Claim::EveryAckedProcessed => "every_acked_processed",
        Claim::EffectOnce => "effect_once",
        Claim::CommitNeverPassesProcessed => "commit_never_passes_processed",
        Claim::OrderPerKey => "order_per_key",
        Claim::GroupSingleOwner => "group_single_owner",
        Claim::Converges => "converges",
        Claim::AckedCommitsStay => "acked_commits_stay",
        Claim::ComesToRest => "comes_to_rest",
        Claim::InvariantsHold => "invariants_hold",
    }
}
