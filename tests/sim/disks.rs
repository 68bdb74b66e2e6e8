//! What a killed process keeps, what a machine without power loses, and what syncing buys.

use kafka_sim_cluster::Topic;
use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_tests::Harness;

use crate::story::*;

/// One replica with ten acknowledged records.
fn ten_records(topic: Topic) -> (Harness, i32) {
    let mut h = cluster(topic);
    let leader = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    for at in 0..10 {
        assert_eq!(write(&mut h, conn, -1, &at.to_string()).0, 0);
    }
    (h, leader)
}

/// How many records are left after the fault and the restart.
fn left_after(topic: Topic, fault: impl Fn(Role) -> Fault) -> usize {
    let (mut h, leader) = ten_records(topic);
    h.inject(fault(Role::broker(leader)));
    h.converge();
    let conn = to_leader(&mut h);
    read(&mut h, conn).len()
}

fn power_loss(target: Role) -> Fault {
    Fault::PowerLoss {
        target,
        survivors: Survivors::None,
    }
}

#[test]
fn a_kill_loses_nothing_that_was_written() {
    assert_eq!(left_after(orders(1, "1"), Fault::Kill), 10);
}

#[test]
fn a_power_loss_loses_what_was_not_synced() {
    assert_eq!(left_after(orders(1, "1"), power_loss), 0);
}

#[test]
fn a_power_loss_after_write_back_loses_nothing() {
    let all = |target| Fault::PowerLoss {
        target,
        survivors: Survivors::All,
    };
    assert_eq!(left_after(orders(1, "1"), all), 10);
}

#[test]
fn syncing_every_record_survives_the_loss_of_power() {
    assert_eq!(left_after(orders(1, "1").config("flush.messages", "1"), power_loss), 10);
}

#[test]
fn syncing_to_a_disk_that_lies_does_not() {
    let mut h = cluster(orders(1, "1").config("flush.messages", "1"));
    let leader = h.leader("orders", 0);
    h.inject(Fault::LyingFsync(Role::broker(leader)));
    let conn = to_leader(&mut h);
    assert_eq!(write(&mut h, conn, -1, "a").0, 0);
    h.inject(power_loss(Role::broker(leader)));
    h.converge();
    let conn = to_leader(&mut h);
    assert!(read(&mut h, conn).is_empty());
}

#[test]
fn a_clean_stop_syncs_everything() {
    let (mut h, leader) = ten_records(orders(1, "1"));
    h.inject(Fault::CleanStop(Role::broker(leader)));
    h.pass(secs(1));
    h.inject(power_loss(Role::broker(leader)));
    h.converge();
    let conn = to_leader(&mut h);
    assert_eq!(read(&mut h, conn).len(), 10);
}

#[test]
fn two_other_replicas_survive_the_leaders_loss_of_power() {
    let (mut h, leader) = ten_records(orders(3, "2"));
    h.inject(power_loss(Role::broker(leader)));
    wait_for_successor(&mut h, leader);
    h.converge();
    let conn = to_leader(&mut h);
    assert_eq!(read(&mut h, conn).len(), 10);
    assert_eq!(
        h.replica("orders", 0, leader).log_end,
        10,
        "and the old leader fetched its records back"
    );
}

#[test]
fn a_power_loss_of_all_loses_what_nobody_synced() {
    let (mut h, _) = ten_records(orders(3, "2"));
    h.inject(power_loss(Role::AllBrokers));
    h.converge();
    let conn = to_leader(&mut h);
    assert!(read(&mut h, conn).is_empty(), "three copies in three page caches");
}

#[test]
fn a_leader_that_lost_power_and_returns_at_once_takes_the_followers_records_with_it() {
    let (mut h, leader) = ten_records(orders(3, "1"));
    for follower in h.followers("orders", 0) {
        h.inject(Fault::Kill(Role::broker(follower)));
    }
    h.wait(secs(30), "the leader alone", |h| h.isr("orders", 0) == [leader]);
    h.inject(power_loss(Role::broker(leader)));
    h.inject(Fault::Restart(Role::broker(leader)));
    h.wait(secs(60), "its return", |h| {
        h.cluster.view().partition("orders", 0).is_some_and(|p| {
            p.leader.is_some_and(|l| l.0 == leader) && p.replicas.iter().any(|r| r.leads && r.log_end == 0)
        })
    });
    h.converge();
    assert!(
        (0..3).all(|id| h.replica("orders", 0, id).log_end == 0),
        "the last in-sync replica decides, empty as it is"
    );
}

#[test]
fn unclean_restart_cuts_the_log_at_the_first_bad_batch() {
    let (mut h, leader) = ten_records(orders(1, "1"));
    h.inject(Fault::CorruptTail {
        target: Role::broker(leader),
        topic: "orders".into(),
        partition: 0,
    });
    h.inject(Fault::Kill(Role::broker(leader)));
    h.converge();
    let conn = to_leader(&mut h);
    assert_eq!(read(&mut h, conn).len(), 9);
}

#[test]
fn a_torn_last_write_is_cut_off_and_the_rest_is_kept() {
    let torn = |target| Fault::PowerLoss {
        target,
        survivors: Survivors::TornTail,
    };
    assert_eq!(left_after(orders(1, "1"), torn), 9);
}

#[test]
fn a_wiped_follower_fetches_everything_again() {
    let (mut h, leader) = ten_records(orders(3, "2"));
    let follower = h.followers("orders", 0)[0];
    h.inject(Fault::Wipe(Role::broker(follower)));
    h.converge();
    assert_eq!(
        (h.leader("orders", 0), h.replica("orders", 0, follower).log_end),
        (leader, 10)
    );
}
