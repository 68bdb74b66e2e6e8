//! Groups by KIP-848: the coordinator assigns, and members reconcile.

use std::collections::BTreeSet;

use kafka_sim_client::{ConsumerError, ConsumerOutcome};
use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::{Fault, Role};

use crate::fleet::{App, Fleet};
use crate::story::secs;

const MODERN: (&str, &str) = ("group.protocol", "consumer");

fn orders() -> Topic {
    Topic::named("orders").partitions(4).replicas(3)
}

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
    let mut fleet = Fleet::new(orders());
    let (one, two) = (fleet.join(&[MODERN]), fleet.join(&[MODERN]));
    wait_for_split(&mut fleet, one, two);
    for partition in 0..4 {
        fleet.produce(partition, 25);
    }
    fleet.pass(secs(10));
    for partition in 0..4 {
        let mut read = fleet.app(one).processed_of(partition);
        read.extend(fleet.app(two).processed_of(partition));
        assert_eq!(read, (0..25).collect::<Vec<_>>(), "partition {partition}");
    }
}

#[test]
fn a_member_gives_up_only_what_moves_and_its_successor_goes_on_where_it_stopped() {
    let mut fleet = Fleet::new(orders());
    let one = fleet.join(&[MODERN]);
    for partition in 0..4 {
        fleet.produce(partition, 10);
    }
    fleet.wait(secs(60), "all", |fleet| fleet.app(one).processed.len() == 40);
    let two = fleet.join(&[MODERN]);
    wait_for_split(&mut fleet, one, two);
    assert_eq!(revoked(fleet.app(one)), [2]);
    fleet.pass(secs(10));
    assert_eq!(
        fleet.app(two).processed,
        [],
        "positions were committed before they were handed over"
    );
}

#[test]
fn a_member_that_closes_hands_over_within_a_heartbeat_and_a_killed_one_only_after_its_session() {
    for killed in [false, true] {
        let mut fleet = Fleet::new(orders());
        let (one, two) = (fleet.join(&[MODERN]), fleet.join(&[MODERN]));
        wait_for_split(&mut fleet, one, two);
        if killed {
            fleet.kill(one);
        } else {
            fleet.app_mut(one).running = false;
            fleet.pass(secs(1));
            fleet.on(one, |consumer, now, out| consumer.close(now, secs(30), out));
        }
        fleet.pass(secs(15));
        assert_eq!(fleet.app(two).owned().len(), if killed { 2 } else { 4 });
        fleet.wait(secs(60), "a takeover", |fleet| fleet.app(two).owned().len() == 4);
    }
}

#[test]
fn a_member_that_does_not_poll_within_the_limit_loses_its_partitions_and_one_that_does_keeps_them() {
    for (pace, loses) in [(secs(8), false), (secs(30), true)] {
        let mut fleet = Fleet::new(orders());
        let slow = fleet.join(&[MODERN, ("max.poll.interval.ms", "10000")]);
        fleet.app_mut(slow).pace = pace;
        fleet.wait(secs(60), "all", |fleet| fleet.app(slow).owned().len() == 4);
        fleet.produce(0, 1);
        fleet.pass(secs(60));
        assert_eq!(lost(fleet.app(slow)), loses, "{pace:?}");
        assert_eq!(fleet.app(slow).owned().len(), 4, "it joined again");
    }
}

#[test]
fn a_commit_of_a_member_that_others_have_replaced_fails_and_one_in_time_succeeds() {
    for (waits, late) in [(secs(5), false), (secs(20), true)] {
        let mut fleet = Fleet::new(orders());
        let settings = [
            MODERN,
            ("max.poll.interval.ms", "10000"),
            ("enable.auto.commit", "false"),
        ];
        let (one, two) = (fleet.join(&settings), fleet.join(&settings));
        wait_for_split(&mut fleet, one, two);
        for partition in 0..4 {
            fleet.produce(partition, 3);
        }
        fleet.wait(secs(60), "records", |fleet| fleet.app(one).processed.len() == 6);
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
fn a_group_survives_the_death_of_its_coordinator_without_losing_anything() {
    let mut fleet = Fleet::new(orders());
    let (one, two) = (fleet.join(&[MODERN]), fleet.join(&[MODERN]));
    wait_for_split(&mut fleet, one, two);
    fleet.pass(secs(5));
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
    assert!(!lost(fleet.app(one)) && !lost(fleet.app(two)));
}

#[test]
fn a_static_member_that_restarts_in_time_disturbs_nobody_and_a_dynamic_one_does() {
    for (name, disturbs) in [(Some("a"), false), (None, true)] {
        let mut fleet = Fleet::new(orders());
        let mut settings = vec![MODERN];
        settings.extend(name.map(|name| ("group.instance.id", name)));
        let (one, other) = (fleet.join(&settings), fleet.join(&[MODERN]));
        wait_for_split(&mut fleet, one, other);
        let before = fleet.app(other).said.len();
        fleet.app_mut(one).running = false;
        fleet.pass(secs(1));
        fleet.on(one, |consumer, now, out| consumer.close(now, secs(30), out));
        fleet.pass(secs(15));
        let again = fleet.join(&settings);
        wait_for_split(&mut fleet, again, other);
        let disturbed = fleet.app(other).said[before..]
            .iter()
            .any(|(_, said)| matches!(said, ConsumerOutcome::Assigned { .. } | ConsumerOutcome::Revoked { .. }));
        assert_eq!(disturbed, disturbs, "{name:?}");
    }
}

#[test]
fn the_coordinator_matches_a_pattern_and_finds_topics_that_appear_later() {
    let mut fleet = Fleet::new(orders());
    let one = fleet.add(&[MODERN, ("metadata.max.age.ms", "20000")]);
    fleet.on(one, |consumer, now, out| {
        consumer
            .subscribe_pattern(now, "orders.*", out)
            .expect("a regular expression");
    });
    fleet.start(one);
    fleet.wait(secs(60), "all", |fleet| fleet.app(one).owned().len() == 4);
    fleet.produce_to("orders-late", 0, 3);
    fleet.pass(secs(60));
    assert_eq!(fleet.app(one).processed.len(), 3);
}

#[test]
fn an_assignor_the_coordinator_does_not_have_is_an_error() {
    for (name, known) in [("uniform", true), ("random", false)] {
        let mut fleet = Fleet::new(orders());
        let one = fleet.join(&[MODERN, ("group.remote.assignor", name)]);
        fleet.pass(secs(30));
        let failed = fleet
            .app(one)
            .was_told(|said| matches!(said, ConsumerOutcome::PollFailed { .. }));
        assert_eq!((fleet.app(one).owned().len() == 4, failed), (known, !known), "{name}");
    }
}
