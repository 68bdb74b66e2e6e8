use std::time::Duration;

use bytes::Bytes;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::net::{Latency, LinkConfig, NetConfig};
use kafka_sim_cluster::trace::Trace;
use kafka_sim_cluster::{ClusterConfig, Input, Topic};
use kafka_sim_core::{BrokerId, ConnId, Seed, SimTime};

use super::*;

fn config() -> ClusterConfig {
    let mut config = ClusterConfig::simulated(3);
    config.broker_config.set("num.partitions", "4").unwrap();
    config.racks = vec!["a".into()];
    config.topics = vec![
        Topic::named("orders")
            .partitions(2)
            .replicas(3)
            .config("retention.ms", "-1"),
    ];
    let latency = Latency::constant(Duration::from_nanos(1_234_567));
    config.network = NetConfig::uniform(LinkConfig {
        latency,
        bandwidth: Some(7),
        idle_timeout: Some(Duration::from_millis(5)),
    });
    config
}

fn inputs() -> Vec<Input> {
    let conn = ConnId(3);
    vec![
        Input::Connect {
            conn,
            broker: BrokerId(1),
            host: "127.0.0.1".into(),
        },
        Input::Data {
            conn,
            bytes: Bytes::from_static(&[0, 255, 10, 13, 34]),
        },
        Input::Fault(Fault::Kill(Role::leader_of("orders", 0)).at(SimTime::from_nanos(1_500_001))),
        Input::HealAll,
        Input::Disconnect { conn },
    ]
}

fn written() -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = JournalWriter::new(&mut file, &config(), Seed(9)).unwrap();
    for (millis, input) in (1..).zip(inputs()) {
        writer.input(SimTime::from_millis(millis), &input).unwrap();
    }
    writer.advance(SimTime::from_millis(8)).unwrap();
    writer.finish(SimTime::from_millis(9), &Trace::default()).unwrap();
    file
}

#[test]
fn what_is_written_is_read_again() {
    let journal = Journal::parse(&written()).unwrap();
    assert_eq!((journal.seed, &journal.setup), (Seed(9), &Setup::from(&config())));
    let steps = inputs().into_iter().map(Step::Input).chain([Step::Advance]);
    let times = [1, 2, 3, 4, 5, 8].map(SimTime::from_millis);
    let expected: Vec<Entry> = times
        .into_iter()
        .zip(steps)
        .map(|(at, step)| Entry { at, step })
        .collect();
    assert_eq!(journal.entries, expected);
    assert_eq!(
        journal.end.map(|end| (end.at, end.events, end.hash)),
        Some((SimTime::from_millis(9), 0, Trace::default().hash()))
    );
}

#[test]
fn a_setup_makes_the_cluster_it_was_taken_from() {
    let config = config();
    let again = ClusterConfig::try_from(&Setup::from(&config)).unwrap();
    assert_eq!(
        (again.brokers, &again.broker_config, &again.racks),
        (3, &config.broker_config, &config.racks)
    );
    assert_eq!((&again.listeners, &again.topics), (&config.listeners, &config.topics));
    assert_eq!(
        (again.network, again.disk, again.wall_clock),
        (config.network, config.disk, config.wall_clock)
    );
}

/// The error of a journal in which line `number` is replaced by `with`.
fn error_with(number: usize, with: &str) -> String {
    let text = String::from_utf8(written()).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[number - 1] = with;
    let text = lines.join("\n") + "\n";
    Journal::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn an_error_names_the_line_and_what_belongs_there() {
    let bad_bytes = r#"{"data":{"at":2000000,"conn":3,"bytes":"?"}}"#;
    let cases = [
        (1, "{}", "line 1: expected the header of a kafka-sim journal"),
        (
            1,
            r#"{"kafka_sim_journal":99}"#,
            "line 1: journal format 99, expected format 1",
        ),
        (3, "nonsense", "line 3: expected an entry such as"),
        (3, bad_bytes, "base64"),
        (
            4,
            r#"{"heal_all":{"at":1}}"#,
            "line 4: expected times that never run backwards: 0.000000001s after 0.002000000s",
        ),
        (
            7,
            r#"{"end":{"at":9000000,"events":0,"hash":"00"}}"#,
            "line 8: expected nothing after the end",
        ),
    ];
    for (line, with, expected) in cases {
        let error = error_with(line, with);
        assert!(error.contains(expected), "{error}");
    }
    assert!(
        Journal::parse(b"")
            .unwrap_err()
            .to_string()
            .contains("line 1: expected the header")
    );
}

#[test]
fn half_a_line_at_the_end_is_where_a_recording_was_cut() {
    let text = written();
    let journal = Journal::parse(&text[..text.len() - 3]).unwrap();
    assert_eq!((journal.entries.len(), journal.end), (6, None));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Journal::read(std::path::Path::new("/nonexistent/journal")).unwrap_err();
    assert!(error.to_string().starts_with("/nonexistent/journal: "), "{error}");
}
