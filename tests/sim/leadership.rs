//! Leaders that go, in order or not, and leaders that do not know yet that they are gone.

use std::time::Duration;

use kafka_sim_cluster::fault::{Fault, Role};

use crate::story::*;

#[test]
fn controlled_stop_moves_leadership_without_a_gap() {
    let mut h = cluster(orders(3, "2"));
    let old = h.leader("orders", 0);
    let before = h.now();
    h.inject(Fault::ControlledStop(Role::broker(old)));
    let leader = wait_for_successor(&mut h, old);
    assert!(h.now() - before < Duration::from_millis(200), "{:?}", h.now() - before);
    assert_eq!(
        elections(&h, before)
            .iter()
            .map(|(_, leader)| *leader)
            .collect::<Vec<_>>(),
        [Some(leader)]
    );
    let conn = to_leader(&mut h);
    assert_eq!(write(&mut h, conn, -1, "a").0, 0);
}

#[test]
fn controlled_stop_of_the_only_in_sync_replica_leaves_the_partition_without_leader() {
    let mut h = cluster(orders(1, "1"));
    let old = h.leader("orders", 0);
    h.inject(Fault::ControlledStop(Role::broker(old)));
    h.wait(secs(5), "no leader", |h| h.partition("orders", 0).leader.is_none());
}

#[test]
fn killed_leader_is_fenced_after_nine_seconds() {
    for phase in 0..5 {
        let mut h = cluster(orders(3, "2"));
        h.pass(Duration::from_millis(430 * phase));
        let old = h.leader("orders", 0);
        let before = h.now();
        h.inject(Fault::Kill(Role::broker(old)));
        wait_for_successor(&mut h, old);
        let took = h.now() - before;
        assert!(
            (Duration::from_millis(6_900)..=secs(10)).contains(&took),
            "phase {phase}: {took:?}"
        );
    }
}

#[test]
fn a_clean_stop_without_a_word_costs_the_session_timeout_too() {
    let mut h = cluster(orders(3, "2"));
    let old = h.leader("orders", 0);
    let before = h.now();
    h.inject(Fault::CleanStop(Role::broker(old)));
    wait_for_successor(&mut h, old);
    assert!(h.now() - before > Duration::from_millis(6_900));
}

#[test]
fn stale_leader_keeps_serving_acks_one_until_it_learns() {
    let mut h = cluster(orders(3, "2"));
    let old = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    assert_eq!(write(&mut h, conn, -1, "committed").0, 0);
    h.pass(secs(1));
    h.inject(Fault::IsolateFromController(Role::broker(old)));
    wait_for_successor(&mut h, old);
    assert_eq!(
        write(&mut h, conn, 1, "doomed"),
        (0, 1),
        "the old leader does not know that it is one"
    );
    let new = to_leader(&mut h);
    assert_eq!(
        write(&mut h, new, -1, "kept"),
        (0, 1),
        "the same offset, another record"
    );
    h.converge();
    let conn = to_leader(&mut h);
    assert_eq!(
        read(&mut h, conn),
        ["committed", "kept"],
        "what acks=1 acknowledged is gone"
    );
}

#[test]
fn stale_leader_acknowledges_nothing_with_acks_all() {
    let mut h = cluster(orders(3, "2"));
    let old = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    h.pass(secs(1));
    h.inject(Fault::IsolateFromController(Role::broker(old)));
    wait_for_successor(&mut h, old);
    h.pass(secs(2));
    let request =
        kafka_sim_tests::requests::produce("orders", 0, -1, kafka_sim_tests::batch("doomed")).with_timeout_ms(5_000);
    let response = h.ask(conn, kafka_sim_tests::requests::PRODUCE, &request);
    assert_ne!(response.responses[0].partition_responses[0].error_code, 0);
    h.converge();
    let conn = to_leader(&mut h);
    assert!(read(&mut h, conn).is_empty());
}

#[test]
fn a_paused_leader_wakes_up_as_a_follower() {
    let mut h = cluster(orders(3, "2"));
    let old = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    assert_eq!(write(&mut h, conn, -1, "before").0, 0);
    h.inject_for(Fault::Pause(Role::broker(old)), secs(20));
    let leader = wait_for_successor(&mut h, old);
    let new = to_leader(&mut h);
    assert_eq!(write(&mut h, new, 1, "meanwhile").0, 0);
    h.pass(secs(20));
    assert_eq!(h.over(conn), None, "its connections stayed open all the while");
    h.wait(secs(60), "the ISR of three", |h| h.isr("orders", 0).len() == 3);
    assert!(!h.replica("orders", 0, old).leads);
    assert_eq!((write(&mut h, conn, -1, "late").0, h.leader("orders", 0)), (6, leader));
    assert_eq!(h.replica("orders", 0, old).log_end, 2);
}

#[test]
fn a_short_pause_changes_nothing() {
    let mut h = cluster(orders(3, "2"));
    let old = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    let before = h.now();
    h.inject_for(Fault::Pause(Role::broker(old)), secs(5));
    let start = h.now();
    assert_eq!(write(&mut h, conn, -1, "a").0, 0, "the request waited with the broker");
    assert!(h.now() - start >= Duration::from_millis(4_900));
    assert!(elections(&h, before).is_empty());
}

#[test]
fn an_unclean_election_loses_what_only_the_isr_had() {
    let mut h = cluster(orders(2, "1"));
    let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    let conn = to_leader(&mut h);
    assert_eq!(write(&mut h, conn, -1, "both have it").0, 0);
    h.inject(Fault::Kill(Role::broker(followers[0])));
    h.wait(secs(30), "the leader alone", |h| h.isr("orders", 0) == [leader]);
    h.pass(secs(1));
    assert_eq!(write(&mut h, conn, -1, "one has it").0, 0);
    h.inject(Fault::Kill(Role::broker(leader)));
    h.inject(Fault::Restart(Role::broker(followers[0])));
    h.wait(secs(30), "no leader", |h| h.partition("orders", 0).leader.is_none());
    h.pass(secs(5));
    h.inject(Fault::UncleanElection {
        topic: "orders".into(),
        partition: 0,
    });
    wait_for_successor(&mut h, leader);
    h.converge();
    let conn = to_leader(&mut h);
    assert_eq!(
        read(&mut h, conn),
        ["both have it"],
        "acks=all with min.insync.replicas=1 promised one copy"
    );
    assert_eq!(
        h.replica("orders", 0, leader).log_end,
        1,
        "the old leader was truncated"
    );
}

#[test]
fn a_topic_that_allows_unclean_elections_needs_nobody_to_ask() {
    for allowed in [true, false] {
        let setting = if allowed { "true" } else { "false" };
        let mut h = cluster(orders(2, "1").config("unclean.leader.election.enable", setting));
        let (leader, follower) = (h.leader("orders", 0), h.followers("orders", 0)[0]);
        h.inject(Fault::Kill(Role::broker(follower)));
        h.wait(secs(30), "the leader alone", |h| h.isr("orders", 0) == [leader]);
        h.inject(Fault::Kill(Role::broker(leader)));
        h.wait(secs(30), "no leader", |h| h.partition("orders", 0).leader.is_none());
        h.inject(Fault::Restart(Role::broker(follower)));
        h.pass(secs(30));
        let led_by = h.partition("orders", 0).leader.map(|id| id.0);
        assert_eq!(led_by, allowed.then_some(follower));
    }
}
