//! How the high watermark moves, and that it may step back without anything being lost.

use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::fault::{Fault, Role};

use crate::story::*;

#[test]
fn follower_progress_is_learned_from_the_next_fetch() {
    let mut h = cluster(orders(3, "1"));
    let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    let conn = to_leader(&mut h);
    write(&mut h, conn, 1, "a");
    let all_have_it =
        |h: &kafka_sim_tests::Harness| followers.iter().all(|id| h.replica("orders", 0, *id).log_end == 1);
    h.wait(secs(1), "the followers to have the record", all_have_it);
    assert_eq!(
        h.replica("orders", 0, leader).high_watermark,
        0,
        "they have it, but the leader has not heard"
    );
    h.wait(secs(1), "their next fetches", |h| {
        h.replica("orders", 0, leader).high_watermark == 1
    });
}

#[test]
fn a_record_is_visible_only_after_the_second_follower_fetch() {
    let mut h = cluster(orders(3, "1"));
    let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    h.pass(secs(1));
    for follower in &followers {
        h.inject(Fault::Hold {
            from: Role::broker(*follower).into(),
            to: Role::broker(leader).into(),
        });
    }
    let conn = to_leader(&mut h);
    write(&mut h, conn, 1, "a");
    h.pass(secs(5));
    let have_it = followers
        .iter()
        .filter(|id| h.replica("orders", 0, **id).log_end == 1)
        .count();
    assert_eq!(have_it, 2, "the first fetch was on its way and is answered");
    assert!(read(&mut h, conn).is_empty());
    h.heal_all();
    h.pass(secs(1));
    assert_eq!(read(&mut h, conn), ["a"]);
}

#[test]
fn the_slowest_in_sync_replica_holds_the_high_watermark() {
    let mut h = cluster(orders(3, "1"));
    let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    h.inject(cut_from_followers(leader, &followers[..1]));
    let conn = to_leader(&mut h);
    write(&mut h, conn, 1, "a");
    h.pass(secs(20));
    assert!(
        read(&mut h, conn).is_empty(),
        "one of two followers is not enough while both are in sync"
    );
    h.wait(secs(30), "the ISR without it", |h| h.isr("orders", 0).len() == 2);
    h.pass(secs(1));
    assert_eq!(read(&mut h, conn), ["a"]);
}

#[test]
fn high_watermark_regresses_after_restart_but_nothing_is_cut() {
    let mut h = cluster(orders(3, "2"));
    h.pass(secs(6));
    let conn = to_leader(&mut h);
    for at in 0..10 {
        assert_eq!(write(&mut h, conn, -1, &at.to_string()).0, 0);
    }
    let before = h.now();
    h.inject(Fault::Kill(Role::AllBrokers));
    h.converge();
    let begun: Vec<(i64, i64)> = h
        .cluster
        .trace()
        .events()
        .iter()
        .filter(|(at, _)| *at > before)
        .filter_map(|(_, event)| match event {
            Event::BecameLeader { hw, log_end, .. } => Some((*hw, *log_end)),
            _ => None,
        })
        .collect();
    assert!(
        begun.iter().any(|(hw, log_end)| *hw < 10 && *log_end == 10),
        "{begun:?}"
    );
    let conn = to_leader(&mut h);
    assert_eq!(read(&mut h, conn).len(), 10);
}

#[test]
fn a_new_leader_shows_nothing_before_it_knows_what_is_committed() {
    let mut h = cluster(orders(3, "2"));
    let (old, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    let conn = to_leader(&mut h);
    assert_eq!(write(&mut h, conn, -1, "a").0, 0);
    h.inject(Fault::Kill(Role::broker(old)));
    h.inject(cut_from_followers(followers[0], &followers[1..]));
    wait_for_successor(&mut h, old);
    let conn = to_leader(&mut h);
    assert!(
        read(&mut h, conn).is_empty(),
        "acknowledged, kept, and not visible for the moment"
    );
    h.converge();
    let conn = to_leader(&mut h);
    assert_eq!(read(&mut h, conn), ["a"]);
}
