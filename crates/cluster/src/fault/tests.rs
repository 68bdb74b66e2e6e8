use std::time::Duration;

use kafka_sim_core::{BrokerId, SimTime};

use crate::fault::{Fault, Filter, Healing, Peer, Role, Schedule, ScheduledFault, Survivors, Trigger};
use crate::mark::MarkKind;
use crate::net::LinkEffect;

fn leader() -> Role {
    Role::leader_of("orders", 0)
}

fn one_of_each() -> Vec<Fault> {
    let (from, to) = (Peer::Client("app".into()), Peer::Brokers(leader()));
    let (topic, partition) = (String::from("orders"), 0);
    let ms = Duration::from_millis;
    vec![
        Fault::Kill(leader()),
        Fault::PowerLoss {
            target: Role::Rack("a".into()),
            survivors: Survivors::TornTail,
        },
        Fault::CleanStop(Role::coordinator_of("billing")),
        Fault::ControlledStop(Role::AllBrokers),
        Fault::Restart(Role::follower_of("orders", 0, 1)),
        Fault::Pause(Role::replicas_of("orders", 0)),
        Fault::Isolate(Role::isr_of("orders", 0)),
        Fault::Partition {
            a: vec![Peer::Controller, to.clone()],
            b: vec![Peer::Clients],
        },
        Fault::BlackHole {
            from: from.clone(),
            to: to.clone(),
        },
        Fault::Hold {
            from: from.clone(),
            to: to.clone(),
        },
        Fault::Delay {
            from: from.clone(),
            to: to.clone(),
            extra: Duration::from_nanos(1_500_001),
        },
        Fault::Bandwidth {
            from: from.clone(),
            to: to.clone(),
            bytes_per_second: 1000,
        },
        Fault::Reset { a: from, b: to },
        Fault::RefuseConnections(leader()),
        Fault::DropRequest(Filter::next(2)),
        Fault::DropResponse(Filter::next(1).api(0).client("app").broker(leader())),
        Fault::SlowFsync {
            target: leader(),
            latency: ms(40),
        },
        Fault::FailFsync(leader()),
        Fault::LyingFsync(leader()),
        Fault::FullDisk(leader()),
        Fault::Wipe(leader()),
        Fault::CorruptTail {
            target: leader(),
            topic: topic.clone(),
            partition,
        },
        Fault::UncleanElection {
            topic: topic.clone(),
            partition,
        },
        Fault::PreferredElection {
            topic: topic.clone(),
            partition,
        },
        Fault::AddPartitions {
            topic: topic.clone(),
            total: 7,
        },
        Fault::DeleteTopic { topic },
        Fault::IsolateFromController(leader()),
        Fault::SlowMetadata {
            target: leader(),
            extra: ms(700),
        },
        Fault::KillClient("consumer-0".into()),
        Fault::PowerLossClient {
            host: "producer-0".into(),
            survivors: Survivors::Prefix,
        },
        Fault::PauseClient("consumer-0".into()),
    ]
}

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn a_schedule_survives_json_to_the_nanosecond() {
    let mark = MarkKind::ProduceAcked {
        topic: "orders".into(),
        partition: 0,
    };
    let faults = one_of_each().into_iter();
    let mut schedule: Schedule = faults
        .map(|fault| fault.at(SimTime::from_nanos(1_234_567_891)))
        .collect();
    schedule.faults.push(
        Fault::Kill(leader())
            .on_nth(3, mark)
            .healed_after(Duration::from_nanos(1)),
    );
    let json = serde_json::to_string(&schedule).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
}

#[test]
fn a_schedule_reads_as_plain_json() {
    let acked = MarkKind::ProduceAcked {
        topic: "orders".into(),
        partition: 0,
    };
    let schedule = Schedule::from(vec![
        Fault::Kill(leader())
            .at(SimTime::from_secs(2))
            .healed_after(Duration::from_secs(5)),
        Fault::SlowMetadata {
            target: Role::broker(1),
            extra: Duration::from_micros(1_500),
        }
        .on_nth(3, acked),
    ]);
    let expected = r#"[
        {"at": {"ms": 2000}, "fault": {"kill": {"leader_of": {"topic": "orders", "partition": 0}}}, "heal_after_ms": 5000},
        {
            "at": {"nth": {"mark": {"produce_acked": {"topic": "orders", "partition": 0}}, "n": 3}},
            "fault": {"slow_metadata": {"target": {"broker": 1}, "extra_ms": "1.5"}}
        }
    ]"#;
    assert_eq!(serde_json::to_string(&schedule).unwrap(), without_spaces(expected));
    assert_eq!(serde_json::from_str::<Schedule>(expected).unwrap(), schedule);
}

#[test]
fn a_fault_without_an_instant_strikes_at_the_start() {
    let text = r#"[{"fault": {"kill": {"coordinator_of": {"group": "billing"}}}}]"#;
    let expected = Fault::Kill(Role::coordinator_of("billing")).at(SimTime::ZERO);
    assert_eq!(serde_json::from_str::<Schedule>(text).unwrap(), vec![expected].into());
}

#[test]
fn a_misspelt_field_or_a_strange_time_is_refused() {
    for wrong in [
        r#"[{"at": {"ms": 1}, "fault": {"kill": "all_brokers"}, "heal_after": 5}]"#,
        r#"[{"at": {"ms": 1}, "fault": {"drop_request": {"count": 1, "apikey": 0}}}]"#,
        r#"[{"at": {"ms": 1}, "fault": {"crash": "all_brokers"}}]"#,
        r#"[{"ms": 1, "fault": {"kill": "all_brokers"}}]"#,
        r#"[{"at": {"ms": 1}}]"#,
        r#"[{"fault": {"kill": {"coordinator_of": {"topic": "orders"}}}}]"#,
        r#"[{"at": {"ms": -1}, "fault": {"kill": "all_brokers"}}]"#,
        r#"[{"at": {"ms": "1.0000001"}, "fault": {"kill": "all_brokers"}}]"#,
        r#"[{"at": {"ms": "1s"}, "fault": {"kill": "all_brokers"}}]"#,
        r#"[{"at": {"ms": ""}, "fault": {"kill": "all_brokers"}}]"#,
        r#"[{"at": {"ms": 18446744073709551615}, "fault": {"kill": "all_brokers"}}]"#,
    ] {
        assert!(serde_json::from_str::<Schedule>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_rust_literal_compiles_to_the_schedule_it_was_printed_from() {
    macro_rules! check {
        ($($literal:tt)*) => {
            let schedule: Schedule = $($literal)*;
            assert_eq!(without_spaces(&schedule.to_rust()), without_spaces(stringify!($($literal)*)));
        };
    }
    check!(Schedule::from(vec![]));
    check!(Schedule::from(vec![
        ScheduledFault {
            at: Trigger::At(SimTime::from_millis(2000)),
            fault: Fault::PowerLoss {
                target: Role::LeaderOf {
                    topic: "orders".into(),
                    partition: 0
                },
                survivors: Survivors::PageSubset
            },
            heal_after: Some(Duration::from_nanos(1500001))
        },
        ScheduledFault {
            at: Trigger::Nth {
                mark: MarkKind::Replicated {
                    topic: "a\"b".into(),
                    partition: 1
                },
                n: 3
            },
            fault: Fault::Partition {
                a: vec![Peer::Brokers(Role::Broker(BrokerId(1))), Peer::Clients],
                b: vec![Peer::Client("app".into()), Peer::Controller]
            },
            heal_after: None
        },
        ScheduledFault {
            at: Trigger::Nth {
                mark: MarkKind::BrokerStarted(BrokerId(2)),
                n: 1
            },
            fault: Fault::DropResponse(Filter {
                api: Some(0),
                client: Some("app".into()),
                broker: Some(Role::FollowerOf {
                    topic: "orders".into(),
                    partition: 0,
                    nth: 1
                }),
                count: 2
            }),
            heal_after: None
        },
        ScheduledFault {
            at: Trigger::At(SimTime::from_millis(0)),
            fault: Fault::Kill(Role::AllBrokers),
            heal_after: None
        },
        ScheduledFault {
            at: Trigger::At(SimTime::from_millis(1)),
            fault: Fault::PowerLossClient {
                host: "producer-0".into(),
                survivors: Survivors::None
            },
            heal_after: None
        },
        ScheduledFault {
            at: Trigger::At(SimTime::from_millis(2)),
            fault: Fault::PauseClient("consumer-0".into()),
            heal_after: None
        },
        ScheduledFault {
            at: Trigger::At(SimTime::from_millis(0)),
            fault: Fault::Pause(Role::CoordinatorOf {
                group: "billing".into()
            }),
            heal_after: None
        },
    ]));
}

#[test]
fn faults_and_schedules_read_as_plain_english() {
    let power_loss = Fault::PowerLoss {
        target: leader(),
        survivors: Survivors::None,
    };
    assert_eq!(
        power_loss.to_string(),
        "power loss (survivors: none) of the leader of orders-0"
    );
    let filter = Filter::next(1).api(0).client("app").broker(Role::broker(2));
    let dropped = Fault::DropResponse(filter);
    assert_eq!(
        dropped.to_string(),
        "loss of the next response of API key 0 of client id app at broker 2 after handling"
    );
    let partition = Fault::Partition {
        a: vec![leader().into(), Peer::Controller],
        b: vec![Peer::Clients],
    };
    assert_eq!(
        partition.to_string(),
        "partition between the leader of orders-0, the controller and all clients"
    );

    let client = Fault::PowerLossClient {
        host: "producer-0".into(),
        survivors: Survivors::All,
    };
    assert_eq!(client.to_string(), "power loss (survivors: all) of client producer-0");

    let shrunk = MarkKind::IsrShrunk {
        topic: "orders".into(),
        partition: 0,
    };
    let schedule = Schedule::from(vec![
        Fault::Kill(Role::follower_of("orders", 0, 1)).on_nth(1, MarkKind::BrokerFenced(BrokerId(1))),
        power_loss.on_nth(2, shrunk).healed_after(Duration::from_millis(1500)),
        Fault::Restart(Role::broker(3))
            .at(SimTime::from_millis(20))
            .healed_after(Duration::from_secs(1)),
    ]);
    assert_eq!(
        Role::coordinator_of("billing").to_string(),
        "the coordinator of group billing"
    );
    let lines = [
        "on the first fencing of broker 1: kill of follower 1 of orders-0",
        "on occurrence 2 of ISR shrink of orders-0: power loss (survivors: none) of the leader of orders-0, healed after 1.5s",
        "at 20ms: restart of broker 3",
    ];
    assert_eq!(schedule.to_string(), lines.join("\n"));
}

#[test]
fn milder_faults_come_first_when_a_schedule_is_shrunk() {
    let (from, to) = (Peer::Clients, Peer::Controller);
    let from_mild_to_hard = [
        Fault::Delay {
            from: from.clone(),
            to: to.clone(),
            extra: Duration::ZERO,
        },
        Fault::Reset { a: from, b: to },
        Fault::Pause(leader()),
        Fault::Kill(leader()),
        Fault::PowerLoss {
            target: leader(),
            survivors: Survivors::None,
        },
        Fault::Wipe(leader()),
    ];
    assert!(from_mild_to_hard.is_sorted_by(|a, b| a.severity() < b.severity()));
    let of_a_client = [
        Fault::PauseClient("consumer-0".into()),
        Fault::KillClient("consumer-0".into()),
        Fault::PowerLossClient {
            host: "consumer-0".into(),
            survivors: Survivors::All,
        },
        Fault::PowerLossClient {
            host: "consumer-0".into(),
            survivors: Survivors::None,
        },
    ];
    assert!(of_a_client.is_sorted_by(|a, b| a.severity() < b.severity()));
}

#[test]
fn only_what_can_cost_acknowledged_records_counts_as_a_lossy_shutdown() {
    let lossy = |survivors| {
        Fault::PowerLoss {
            target: leader(),
            survivors,
        }
        .is_lossy_shutdown()
    };
    assert!(lossy(Survivors::None) && lossy(Survivors::Prefix) && lossy(Survivors::PageSubset));
    assert!(lossy(Survivors::TornTail) && !lossy(Survivors::All));
    assert!(Fault::Wipe(leader()).is_lossy_shutdown());
    assert!(!Fault::Kill(leader()).is_lossy_shutdown());
}

#[test]
fn what_breaks_a_link_is_healed_by_reconnecting_it() {
    for fault in one_of_each() {
        assert_eq!(
            !fault.links().is_empty(),
            fault.healing() == Healing::Reconnect,
            "{fault}"
        );
    }
    assert_eq!(Fault::Kill(leader()).healing(), Healing::Start);
    assert_eq!(Fault::Pause(leader()).healing(), Healing::Resume);
    assert_eq!(Fault::KillClient("a".into()).healing(), Healing::StartClient);
    assert_eq!(Fault::PauseClient("a".into()).healing(), Healing::ResumeClient);
    assert!(!Fault::Restart(leader()).is_healable());
}

#[test]
fn an_isolated_broker_is_cut_off_in_both_directions() {
    let links = Fault::Isolate(leader()).links();
    let [away, toward] = links.as_slice() else {
        panic!("two directions, not {links:?}")
    };
    assert_eq!((&away.from, &away.to), (&toward.to, &toward.from));
    assert_eq!(away.from, [Peer::Brokers(leader())]);
    assert!(away.to.contains(&Peer::Clients) && away.to.contains(&Peer::Controller));
    assert!(links.iter().all(|link| link.effect == LinkEffect::BlackHole));
}

#[test]
fn a_fault_lists_every_role_it_names() {
    let follower = Role::follower_of("orders", 0, 0);
    let partition = Fault::Partition {
        a: vec![leader().into(), Peer::Clients],
        b: vec![Peer::Brokers(follower.clone())],
    };
    assert_eq!(partition.roles(), [&leader(), &follower]);
    let dropped = Fault::DropRequest(Filter::next(1).broker(leader()));
    assert_eq!(dropped.roles(), [&leader()]);
}

#[test]
fn a_filter_matches_what_it_does_not_restrict() {
    assert!(Filter::next(1).matches(3, None));
    let filter = Filter::next(1).api(0).client("app");
    assert!(filter.matches(0, Some("app")));
    assert!(!filter.matches(1, Some("app")));
    assert!(!filter.matches(0, Some("other")));
    assert!(!filter.matches(0, None));
}
