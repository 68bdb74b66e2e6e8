//! Classic groups: what members of a group are promised about who reads what, and what they are not.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_sim_client::{ConsumerError, ConsumerOutcome};
use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::{Fault, Role};

use crate::fleet::{App, Fleet};
use crate::story::secs;

const COOPERATIVE: (&str, &str) = ("partition.assignment.strategy", "cooperative-sticky");

fn orders() -> Topic {
    Topic::named("orders").partitions(4).replicas(3)
}

/// How many partitions each callback took away.
fn revoked(app: &App) -> Vec<usize> {
    let sizes = app.said.iter().filter_map(|(_, said)| match said {
        ConsumerOutcome::Revoked { partitions } => Some(partitions.len()),
        _ => None,
    });
    sizes.collect()
}

fn lost(app: &App) -> bool {
    app.was_told(|said| matches!(said, ConsumerOutcome::Lost { .. }))
}

fn wait_for_split(fleet: &mut Fleet, one: usize, two: usize) {
    fleet.wait(secs(60), "both to own two partitions", |fleet| {
        fleet.app(one).owned().len() == 2 && fleet.app(two).owned().len() == 2
    });
}

#[test]
fn two_members_split_the_partitions_and_read_everything_once() {
    for strategy in ["range", "roundrobin", "sticky", "cooperative-sticky"] {
        let mut fleet = Fleet::new(orders());
        let settings = [("partition.assignment.strategy", strategy)];
        let (one, two) = (fleet.join(&settings), fleet.join(&settings));
        wait_for_split(&mut fleet, one, two);
        for partition in 0..4 {
            fleet.produce(partition, 25);
        }
        fleet.pass(secs(10));
        for partition in 0..4 {
            let mut read = fleet.app(one).processed_of(partition);
            read.extend(fleet.app(two).processed_of(partition));
            assert_eq!(read, (0..25).collect::<Vec<_>>(), "{strategy}: partition {partition}");
        }
    }
}

#[test]
fn a_member_that_closes_hands_over_at_once_and_its_successor_goes_on_where_it_stopped() {
    let mut fleet = Fleet::new(orders());
    let one = fleet.join(&[]);
    fleet.produce(0, 10);
    fleet.wait(secs(60), "ten records", |fleet| fleet.app(one).processed.len() == 10);
    let two = fleet.join(&[]);
    wait_for_split(&mut fleet, one, two);
    fleet.app_mut(one).running = false;
    fleet.pass(secs(1));
    fleet.on(one, |consumer, now, out| consumer.close(now, secs(30), out));
    fleet.wait(secs(10), "the end", |fleet| fleet.app(one).consumer.is_closed());
    assert!(
        fleet
            .app(one)
            .was_told(|said| matches!(said, ConsumerOutcome::Closed { result: Ok(()) }))
    );
    fleet.wait(secs(10), "the other to own all", |fleet| {
        fleet.app(two).owned().len() == 4
    });
    fleet.produce(0, 5);
    fleet.pass(secs(5));
    assert_eq!(fleet.app(two).processed_of(0), [10, 11, 12, 13, 14]);
}

#[test]
fn the_partitions_of_a_killed_member_are_nobodys_until_its_session_is_over() {
    let mut fleet = Fleet::new(orders());
    let (one, two) = (fleet.join(&[]), fleet.join(&[]));
    wait_for_split(&mut fleet, one, two);
    fleet.kill(one);
    fleet.pass(secs(40));
    assert_eq!(fleet.app(two).owned().len(), 2, "the session of 45 s is not over");
    fleet.wait(secs(20), "a takeover", |fleet| fleet.app(two).owned().len() == 4);
}

#[test]
fn an_eager_member_gives_everything_up_in_a_rebalance_and_a_cooperative_one_only_what_moves() {
    for (settings, expected) in [(vec![], vec![4]), (vec![COOPERATIVE], vec![2])] {
        let mut fleet = Fleet::new(orders());
        let one = fleet.join(&settings);
        fleet.wait(secs(60), "all", |fleet| fleet.app(one).owned().len() == 4);
        let two = fleet.join(&settings);
        wait_for_split(&mut fleet, one, two);
        assert_eq!(revoked(fleet.app(one)), expected, "{settings:?}");
    }
}

#[test]
fn a_member_that_does_not_poll_within_the_limit_loses_its_partitions_and_one_that_does_keeps_them() {
    for (pace, loses) in [(secs(8), false), (secs(30), true)] {
        let mut fleet = Fleet::new(orders());
        let slow = fleet.join(&[("max.poll.interval.ms", "10000")]);
        fleet.app_mut(slow).pace = pace;
        fleet.wait(secs(60), "all", |fleet| fleet.app(slow).owned().len() == 4);
        fleet.produce(0, 1);
        fleet.pass(secs(60));
        assert_eq!(lost(fleet.app(slow)), loses, "{pace:?}");
        assert_eq!(fleet.app(slow).owned().len(), 4, "it joined again");
    }
}

#[test]
fn a_commit_of_an_earlier_generation_fails_and_one_in_time_succeeds() {
    for (waits, late) in [(secs(5), false), (secs(20), true)] {
        let mut fleet = Fleet::new(orders());
        let settings = [("max.poll.interval.ms", "10000"), ("enable.auto.commit", "false")];
        let one = fleet.join(&settings);
        fleet.produce(0, 3);
        fleet.wait(secs(60), "records", |fleet| fleet.app(one).processed.len() == 3);
        fleet.app_mut(one).running = false;
        fleet.pass(waits);
        fleet.on(one, |consumer, now, out| consumer.commit_sync(now, 7, None, out));
        fleet.pass(secs(1));
        let said = fleet.app(one).said.iter().map(|(_, said)| said);
        let results: Vec<_> = said
            .filter_map(|said| match said {
                ConsumerOutcome::Committed { token, result, .. } => Some((*token, result.clone())),
                _ => None,
            })
            .collect();
        let expected = if late { Err(ConsumerError::CommitFailed) } else { Ok(()) };
        assert_eq!(results, [(Some(7), expected)]);
    }
}

#[test]
fn records_in_a_queue_are_skipped_when_their_process_dies_but_not_those_processed_before_the_next_poll() {
    for (queues, expected) in [(false, (0..20).collect::<Vec<i64>>()), (true, Vec::new())] {
        let mut fleet = Fleet::new(orders());
        let first = fleet.join(&[]);
        fleet.app_mut(first).pace = secs(60);
        fleet.app_mut(first).queues = queues;
        fleet.wait(secs(60), "all", |fleet| fleet.app(first).owned().len() == 4);
        fleet.produce(0, 20);
        fleet.pass(secs(20));
        assert_eq!(fleet.app(first).polled.len(), 20);
        assert_eq!(fleet.app(first).processed.len(), 0);
        fleet.kill(first);
        let second = fleet.join(&[]);
        fleet.pass(secs(120));
        assert_eq!(fleet.app(second).processed_of(0), expected, "queues: {queues}");
    }
}

#[test]
fn records_of_a_partition_found_late_are_skipped_by_latest_and_read_by_earliest() {
    for (reset, expected) in [("latest", 0), ("earliest", 10)] {
        let mut fleet = Fleet::new(orders());
        let settings = [("auto.offset.reset", reset), ("metadata.max.age.ms", "60000")];
        let one = fleet.join(&settings);
        fleet.wait(secs(60), "all", |fleet| fleet.app(one).owned().len() == 4);
        fleet.pass(secs(5));
        fleet.inject(Fault::AddPartitions {
            topic: "orders".to_owned(),
            total: 5,
        });
        fleet.pass(secs(1));
        fleet.produce(4, 10);
        fleet.pass(secs(5));
        assert_eq!(fleet.app(one).owned().len(), 4, "nothing tells the member");
        fleet.wait(secs(120), "the fifth", |fleet| fleet.app(one).owned().len() == 5);
        fleet.pass(secs(5));
        assert_eq!(fleet.app(one).processed_of(4).len(), expected, "{reset}");
    }
}

#[test]
fn a_group_survives_the_death_of_its_coordinator_without_a_rebalance() {
    let mut fleet = Fleet::new(orders());
    let (one, two) = (fleet.join(&[]), fleet.join(&[]));
    wait_for_split(&mut fleet, one, two);
    fleet.pass(secs(5));
    let before = [revoked(fleet.app(one)), revoked(fleet.app(two))];
    // The group `g` belongs to partition 3 of 50.
    let coordinator = Role::leader_of("__consumer_offsets", 3);
    let now = fleet.now;
    fleet.schedule(Fault::Kill(coordinator).at(now).healed_after(secs(60)));
    for round in 0..30 {
        fleet.produce(round % 4, 1);
        fleet.pass(secs(1));
    }
    fleet.pass(secs(40));
    let read: BTreeSet<_> = [one, two]
        .iter()
        .flat_map(|app| fleet.app(*app).processed.clone())
        .collect();
    assert_eq!(read.len(), 30);
    assert_eq!([revoked(fleet.app(one)), revoked(fleet.app(two))], before);
    assert!(!lost(fleet.app(one)) && !lost(fleet.app(two)));
}

#[test]
fn a_static_member_that_restarts_in_time_disturbs_nobody_and_a_dynamic_one_does() {
    for (name, expected) in [(Some("a"), 0), (None, 2)] {
        let mut fleet = Fleet::new(orders());
        let settings: Vec<_> = name.map(|name| ("group.instance.id", name)).into_iter().collect();
        let (one, other) = (fleet.join(&settings), fleet.join(&[]));
        wait_for_split(&mut fleet, one, other);
        let before = revoked(fleet.app(other)).len();
        fleet.app_mut(one).running = false;
        fleet.pass(secs(1));
        fleet.on(one, |consumer, now, out| consumer.close(now, secs(30), out));
        fleet.pass(secs(5));
        let again = fleet.join(&settings);
        wait_for_split(&mut fleet, again, other);
        fleet.pass(secs(5));
        assert_eq!(revoked(fleet.app(other)).len() - before, expected, "{name:?}");
    }
}

#[test]
fn a_pattern_takes_in_a_topic_that_appears_later_and_a_name_does_not() {
    for by_pattern in [true, false] {
        let mut fleet = Fleet::new(orders());
        let one = fleet.add(&[("metadata.max.age.ms", "20000")]);
        fleet.on(one, |consumer, now, out| {
            if by_pattern {
                consumer
                    .subscribe_pattern(now, "orders.*", out)
                    .expect("a regular expression");
            } else {
                consumer.subscribe(now, &["orders".into()], out);
            }
        });
        fleet.start(one);
        fleet.wait(secs(60), "all", |fleet| fleet.app(one).owned().len() == 4);
        fleet.produce_to("orders-late", 0, 3);
        fleet.pass(Duration::from_secs(60));
        let late = fleet.app(one).processed.len();
        assert_eq!(late, if by_pattern { 3 } else { 0 });
    }
}
