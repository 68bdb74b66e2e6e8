//! Committed offsets, and what becomes of them when coordinators die.

use kafka_sim_cluster::Input;
use kafka_sim_cluster::fault::{Fault, Role, Survivors};

use crate::world::World;

#[test]
fn commits_survive_the_death_of_their_coordinator() {
    let mut world = World::new(3, &[]);
    world.commit_surely(42);
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::Kill(Role::broker(coordinator)));
    assert_eq!(world.fetch_surely(), 42);
    assert_ne!(world.coordinator(), Some(coordinator));
}

#[test]
fn a_replicated_offsets_topic_keeps_commits_when_its_leader_loses_power() {
    let mut world = World::new(3, &[]);
    world.commit_surely(42);
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::PowerLoss {
        target: Role::broker(coordinator),
        survivors: Survivors::None,
    });
    assert_eq!(world.fetch_surely(), 42);
}

#[test]
fn an_offsets_topic_without_replicas_loses_them() {
    let mut world = World::new(3, &[("offsets.topic.replication.factor", "1")]);
    world.commit_surely(42);
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::PowerLoss {
        target: Role::broker(coordinator),
        survivors: Survivors::None,
    });
    world.pass(15_000);
    world.input(Input::HealAll);
    world.pass(15_000);
    assert_eq!(world.fetch_surely(), -1);
}

#[test]
fn an_offsets_topic_without_replicas_keeps_them_when_only_the_process_dies() {
    let mut world = World::new(3, &[("offsets.topic.replication.factor", "1")]);
    world.commit_surely(42);
    let coordinator = world.coordinator().expect("a coordinator");
    world.fault(Fault::Kill(Role::broker(coordinator)));
    world.pass(15_000);
    world.input(Input::HealAll);
    world.pass(15_000);
    assert_eq!(world.fetch_surely(), 42);
}

#[test]
fn a_commit_that_its_followers_never_get_times_out() {
    let mut world = World::new(3, &[]);
    world.commit_surely(1);
    let coordinator = world.coordinator().expect("a coordinator");
    for other in (0..3).filter(|id| *id != coordinator) {
        world.fault(Fault::Pause(Role::broker(other)));
    }
    assert_eq!(world.commit(coordinator, "", -1, 2), 15);
    assert_eq!(world.fetch(coordinator), Ok(1), "readers see what is replicated");
}
