//! What explanations say of groups.

use kafka_sim::catalogue;
use kafka_sim::check::{Explanation, Stage, Violation};
use kafka_sim::{Report, Seed};

/// The report on one run of a scenario's variant.
fn report(scenario: &str, variant: &str) -> Report {
    let scenario = catalogue::named(scenario).expect("it is in the catalogue");
    let found = scenario.variants.iter().find(|other| other.name == variant);
    let variant = found.expect("the scenario has it");
    let sim = (variant.sim)(variant, Seed(1)).expect("the catalogue is valid");
    let run = sim.run().expect("the catalogue is valid");
    run.check(variant.promises)
}

fn told(explanation: &Explanation) -> String {
    explanation.story.join("\n")
}

#[test]
fn a_loss_is_told_with_who_had_it_what_passed_it_and_what_took_it() {
    for variant in ["weak", "weak-consumer"] {
        let report = report("commit-before-processing", variant);
        assert!(!report.explanations.is_empty(), "{report}");
        for explanation in &report.explanations {
            let (story, cause) = (told(explanation), &explanation.cause);
            assert!(story.contains("consumer-0 was given the record at offset"), "{story}");
            assert!(story.contains("its commit of"), "{story}");
            assert!(
                story.contains("consumer-0 was gone, and with it what it had in hand"),
                "{story}"
            );
            assert_eq!(cause.stage, Stage::Consumption);
            assert!(
                cause
                    .fault
                    .as_ref()
                    .is_some_and(|fault| fault.starts_with("kill of client consumer-0"))
            );
            assert_eq!(
                cause.setting_allowed[0].to_string(),
                "commit strategy=before processing"
            );
            assert_eq!(
                cause.setting_prevents[0].to_string(),
                "commit strategy=after processing"
            );
        }
    }
}

#[test]
fn every_loss_is_put_in_its_stage_with_a_setting_and_a_fault() {
    for (variant, stage, allowed) in [
        ("production", Stage::Production, "acks=0"),
        ("storage", Stage::Storage, "acks=1"),
        ("consumption", Stage::Consumption, "commit strategy=before processing"),
    ] {
        let report = report("three-stages", variant);
        assert!(!report.explanations.is_empty(), "{variant}: {report}");
        for Explanation { violation, cause, .. } in &report.explanations {
            assert!(
                matches!(violation, Violation::Unprocessed { stage: Some(judged), .. } if *judged == stage),
                "{variant}: {violation}"
            );
            assert_eq!(cause.stage, stage, "{variant}");
            assert_eq!(cause.setting_allowed[0].to_string(), allowed, "{variant}");
            assert!(cause.fault.is_some(), "{variant}");
        }
    }
}

#[test]
fn a_repeated_effect_is_told_with_why_the_record_came_again() {
    for (scenario, allowed) in [
        ("redelivery", "flag store=none"),
        ("zombie-consumer", "max.poll.interval.ms=6000"),
    ] {
        let report = report(scenario, "weak");
        let repeated: Vec<&Explanation> = report
            .explanations
            .iter()
            .filter(|explanation| matches!(explanation.violation, Violation::EffectRepeated { .. }))
            .collect();
        assert!(!repeated.is_empty(), "{scenario}: {report}");
        for explanation in repeated {
            let story = told(explanation);
            assert!(
                story.contains("it was handed out again: no commit had passed it"),
                "{story}"
            );
            assert_eq!(explanation.cause.setting_allowed[0].to_string(), allowed, "{story}");
        }
    }
}

#[test]
fn a_skip_is_told_with_where_the_group_began_instead() {
    let report = report("offset-expiry", "skips");
    let skipped = report
        .explanations
        .iter()
        .find(|explanation| matches!(explanation.violation, Violation::Unprocessed { .. }));
    let story = told(skipped.expect("the group began at the end"));
    for part in [
        "the group had committed",
        "no member was given the record",
        "began behind it",
        "its offsets expired",
    ] {
        assert!(story.contains(part), "{part}: {story}");
    }
}

#[test]
fn a_record_of_a_deleted_topic_is_put_down_to_the_deletion_and_not_to_storage() {
    for variant in ["weak", "weak-consumer"] {
        let report = report("topic-deleted", variant);
        assert!(!report.explanations.is_empty(), "{report}");
        for explanation in &report.explanations {
            let (story, cause) = (told(explanation), &explanation.cause);
            assert!(
                story.contains("the topic was deleted before the group had processed it"),
                "{story}"
            );
            assert_eq!(cause.stage, Stage::Consumption);
            assert_eq!(cause.setting_allowed[0].to_string(), "delete.topic.enable=true");
            let fault = cause.fault.as_deref().expect("a fault did it");
            assert!(fault.starts_with("deletion of the topic orders"), "{fault}");
        }
    }
}

#[test]
fn a_position_that_outlives_its_topic_is_told_as_such() {
    let report = report("topic-recreated", "weak");
    assert!(!report.explanations.is_empty(), "{report}");
    for explanation in &report.explanations {
        let story = told(explanation);
        assert!(story.contains("where it had stood in the old topic"), "{story}");
    }
}
