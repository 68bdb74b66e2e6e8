//! Controlled shutdown.

use super::*;

fn ask(rig: &mut Rig, broker: i32) -> HeartbeatAnswer {
    let offset = rig.controller.offset();
    rig.heartbeat(broker, false, true, offset).unwrap()
}

#[test]
fn a_broker_that_leads_nothing_may_stop_at_once() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0, 1]]);
    assert_eq!(
        ask(&mut rig, 1),
        HeartbeatAnswer {
            fenced: true,
            should_shut_down: true
        }
    );
    assert_eq!(rig.roles(), (Some(0), vec![0], vec![]));
}

#[test]
fn a_fenced_broker_may_stop_at_once() {
    let mut rig = Rig::elr_off(1);
    rig.fence(0);
    assert!(ask(&mut rig, 0).should_shut_down);
}

#[test]
fn leaderships_move_first_and_every_active_broker_must_know() {
    let mut rig = Rig::elr_off(3);
    rig.create("orders", &[&[0, 1, 2]]);
    let behind = rig.controller.offset();
    assert_eq!(
        ask(&mut rig, 0),
        HeartbeatAnswer {
            fenced: false,
            should_shut_down: false
        }
    );
    assert_eq!(rig.roles(), (Some(1), vec![1, 2], vec![]));
    rig.beat(1);
    rig.heartbeat(2, false, false, behind).unwrap();
    assert!(!ask(&mut rig, 0).should_shut_down, "broker 2 has not heard of it");
    rig.beat(2);
    assert_eq!(
        ask(&mut rig, 0),
        HeartbeatAnswer {
            fenced: true,
            should_shut_down: true
        }
    );
    assert!(ask(&mut rig, 0).should_shut_down);
}

#[test]
fn the_only_replica_goes_offline_though_the_stop_is_orderly() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0]]);
    ask(&mut rig, 0);
    assert_eq!(rig.roles(), (None, vec![0], vec![]));
    let epoch = rig.epochs[&0];
    rig.beat(1);
    assert!(ask(&mut rig, 0).should_shut_down);
    rig.start(0, epoch);
    assert_eq!(rig.roles(), (Some(0), vec![0], vec![]));
}

#[test]
fn an_orderly_stop_elects_uncleanly_where_the_topic_allows_it() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0, 1]]);
    rig.set_topic_config("orders", "unclean.leader.election.enable", "true");
    rig.propose(&[0]).unwrap();
    ask(&mut rig, 0);
    assert_eq!(rig.roles(), (Some(1), vec![1], vec![]));
    assert!(rig.state("orders").recovering);
}

#[test]
fn a_stopping_broker_gets_no_new_replicas() {
    let mut rig = Rig::elr_off(3);
    rig.create("orders", &[&[0, 1]]);
    ask(&mut rig, 0);
    rig.create_topic(automatic("spread", 12, 2)).unwrap();
    let topic = rig.controller.image().topic_named("spread").unwrap();
    assert!(
        topic
            .partitions
            .iter()
            .all(|state| !state.replicas.contains(&BrokerId(0)))
    );
}
