use kafka_sim_cluster::fault::{Fault, Role, Schedule};
use kafka_sim_core::{Seed, SimTime};

use crate::search::{Budget, Claim, FailureError, FailureFile, Profile, World};

/// A leader that dies right after its first acknowledgement.
fn schedule() -> Schedule {
    let acked = crate::MarkKind::ProduceAcked {
        topic: "orders".into(),
        partition: 0,
    };
    let kill = |n| Fault::Kill(Role::leader_of("orders", 0)).on_nth(n, acked.clone());
    vec![kill(1).healed_after(std::time::Duration::from_secs(5))].into()
}

fn failure() -> FailureFile {
    let world = World {
        records: 20,
        ..Profile::named("acks-one").unwrap().world()
    };
    let budget = Budget::Within;
    FailureFile::of("acks-one", budget, world, Seed(1), schedule(), Claim::AckedSurvives).unwrap()
}

#[test]
fn a_failure_survives_its_file_and_replays_with_the_same_hash() {
    let failure = failure();
    let text = failure.to_json();
    assert!(FailureFile::is_likely(text.as_bytes()));
    let read = FailureFile::parse(text.as_bytes()).unwrap();
    assert_eq!(read, failure);
    assert!(read.replay().unwrap().identical);
    let other = FailureFile { seed: Seed(2), ..read };
    assert!(!other.replay().unwrap().identical, "another seed is another run");
}

#[test]
fn a_written_failure_is_read_back() {
    let directory = std::env::temp_dir().join(format!("kafka-sim-failures-{}", std::process::id()));
    let path = failure().write_into(&directory).unwrap();
    assert!(path.ends_with("acks-one-1.json"));
    assert_eq!(FailureFile::read(&path).unwrap(), failure());
    std::fs::remove_dir_all(&directory).unwrap();
    let missing = FailureFile::read(&path).unwrap_err();
    assert!(missing.to_string().contains("acks-one-1.json"), "{missing}");
}

#[test]
fn a_file_that_is_no_failure_is_refused_in_words() {
    let text = failure().to_json();
    let refused = |text: &str| FailureFile::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(refused("nonsense").starts_with("not a failure that kafka-sim soak has written"));
    assert!(refused(&text[..text.len() / 2]).contains("EOF"));
    assert_eq!(
        refused(&text.replacen("\"kafka_sim_failure\": 1", "\"kafka_sim_failure\": 9", 1)),
        "failure format 9, expected format 1"
    );
    assert!(refused(&text.replace("\"brokers\": 3", "\"brokers\": 0")).contains("0 brokers"));
    assert!(!FailureFile::is_likely(br#"{"kafka_sim_journal":1}"#));
}

#[test]
fn a_schedule_that_names_what_is_not_there_is_refused() {
    let wrong = [
        (
            Fault::Kill(Role::leader_of("payments", 0)),
            "the topic payments, but there is only orders",
        ),
        (
            Fault::Kill(Role::leader_of("orders", 9)),
            "orders-9, but orders has only partitions 0 to 2",
        ),
        (
            Fault::Kill(Role::broker(3)),
            "broker 3, but there are only brokers 0 to 2",
        ),
        (
            Fault::KillClient("consumer-0".into()),
            "the host consumer-0, but there are only producer-0",
        ),
    ];
    for (fault, message) in wrong {
        let failure = FailureFile {
            schedule: vec![fault.at(SimTime::ZERO)].into(),
            ..failure()
        };
        let error = FailureFile::parse(failure.to_json().as_bytes()).unwrap_err();
        assert!(matches!(&error, FailureError::UnknownName(_)), "{error}");
        assert!(error.to_string().ends_with(message), "{error}");
    }
}

#[test]
fn a_schedule_that_deletes_what_is_not_there_is_refused() {
    let deleting = |topic: &str| FailureFile {
        schedule: vec![Fault::DeleteTopic { topic: topic.into() }.at(SimTime::ZERO)].into(),
        ..failure()
    };
    let error = FailureFile::parse(deleting("payments").to_json().as_bytes()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the topic payments, but there is only orders"),
        "{error}"
    );
    let read = FailureFile::parse(deleting("orders").to_json().as_bytes()).expect("the topic is there");
    assert_eq!(read.schedule.to_string(), "at 0ns: deletion of the topic orders");
}

#[test]
fn the_pinned_test_names_seed_settings_faults_and_promise() {
    let test = failure().test;
    for part in [
        "fn acked_survives_under_seed_1()",
        "let faults = Schedule::from(vec![",
        "Sim::new(Seed(1))",
        ".broker_config(\"eligible.leader.replicas.enable\", \"true\")",
        ".config(\"min.insync.replicas\", \"2\")",
        ".records(20)",
        ".set(\"acks\", \"1\")?",
        "run.check(&[Promise::AckedSurvives])",
    ] {
        assert!(test.contains(part), "{part} is missing in\n{test}");
    }
}
