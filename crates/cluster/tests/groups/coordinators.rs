//! Coordinators that come and go.

use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_core::BrokerId;

use crate::member::{Member, joined, settle};
use crate::world::{GROUP, World};

#[test]
fn requests_are_told_to_wait_while_the_offsets_are_loaded() {
    // Every byte of the topic takes a millisecond to load.
    let mut world = World::new(3, &[("offsets.load.buffer.size", "1")]);
    for offset in 0..50 {
        world.commit_surely(offset);
    }
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::Kill(Role::broker(coordinator)));
    let next = world.coordinator().expect("another coordinator");
    assert_eq!(world.fetch(next), Err(14));
    assert_eq!(world.commit(next, "", -1, 1), 14);
    let stranger = Member {
        conn: world.connect(next),
        id: "m".to_owned(),
        generation: 1,
    };
    assert_eq!(stranger.heartbeat(&mut world), 0, "it may be a member");
    world.pass(20_000);
    assert_eq!(world.fetch(next), Ok(49));
    assert_eq!(stranger.heartbeat(&mut world), 25);
}

#[test]
fn members_carry_on_with_the_next_coordinator() {
    let mut world = World::new(3, &[]);
    let broker = world.coordinator().expect("a coordinator");
    let mut members = vec![Member::begin(&mut world, broker)];
    settle(&mut world, &mut members);
    world.fault(Fault::Kill(Role::broker(broker)));
    let mut next = world.coordinator().expect("another coordinator");
    while next == broker {
        next = world.coordinator().expect("another coordinator");
    }
    members[0].conn = world.connect(next);
    let mut code = members[0].heartbeat(&mut world);
    for _ in 0..60 {
        if code == 0 {
            break;
        }
        assert!([14, 16].contains(&code), "the member is known: {code}");
        world.pass(500);
        code = members[0].heartbeat(&mut world);
    }
    assert_eq!(code, 0);
}

#[test]
fn a_broker_that_stops_sends_parked_members_to_the_next_coordinator() {
    let mut world = World::new(3, &[("group.initial.rebalance.delay.ms", "30000")]);
    let broker = world.coordinator().expect("a coordinator");
    let member = Member::begin(&mut world, broker);
    world.fault(Fault::ControlledStop(Role::broker(broker)));
    assert_eq!(joined(world.wait(member.conn)).error_code, 16);
}

#[test]
fn without_enough_brokers_for_the_offsets_topic_there_is_no_coordinator() {
    let mut world = World::new(1, &[]);
    assert_eq!(world.coordinator(), None);
    let mut enough = World::new(1, &[("offsets.topic.replication.factor", "1")]);
    assert_eq!(enough.coordinator(), Some(0));
}

#[test]
fn a_fault_finds_the_coordinator_that_members_are_told() {
    let mut world = World::new(3, &[]);
    world.fault(Fault::Kill(Role::coordinator_of(GROUP)));
    assert_eq!(world.cluster.struck_by_newest_fault(), [], "there are no groups yet");
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::Kill(Role::coordinator_of(GROUP)));
    assert_eq!(world.cluster.struck_by_newest_fault(), [BrokerId(coordinator)]);
    assert!(!world.cluster.view().brokers[usize::try_from(coordinator).expect("ids count from 0")].running);
    world.pass(15_000);
    let next = world.coordinator().expect("another coordinator");
    assert_ne!(next, coordinator);
    world.fault(Fault::Pause(Role::coordinator_of(GROUP)));
    assert_eq!(world.cluster.struck_by_newest_fault(), [BrokerId(next)]);
}

#[test]
fn a_broker_that_does_not_coordinate_the_group_says_so() {
    let mut world = World::new(3, &[]);
    let coordinator = world.coordinator().expect("a coordinator");
    let other = (0..3).find(|id| *id != coordinator).expect("there are three");
    assert_eq!(world.commit(other, "", -1, 1), 16);
    assert_eq!(world.fetch(other), Err(16));
}
