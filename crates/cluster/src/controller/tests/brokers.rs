//! Registration, sessions, fencing.

use super::*;

#[test]
fn a_new_broker_is_fenced_until_it_has_applied_its_own_registration() {
    let mut rig = Rig::new(0, &[]);
    let epoch = rig.register(0, 1, -1).unwrap();
    assert_eq!(epoch, rig.controller.offset() as i64);
    assert!(rig.heartbeat(0, false, false, epoch as u64 - 1).unwrap().fenced);
    assert!(rig.heartbeat(0, true, false, epoch as u64).unwrap().fenced);
    assert!(!rig.heartbeat(0, false, false, epoch as u64).unwrap().fenced);
    assert!(rig.controller.image().is_alive(BrokerId(0)));
    assert_eq!(rig.events(), [&ControllerEvent::Unfenced { broker: BrokerId(0) }]);
}

#[test]
fn broker_epochs_rise_with_the_metadata() {
    let mut rig = Rig::new(3, &[]);
    let before = rig.epochs[&2];
    rig.stop_and_return(0);
    assert!(rig.epochs[&0] > before);
}

#[test]
fn a_second_process_is_refused_while_the_session_of_the_first_lives() {
    let mut rig = Rig::new(1, &[]);
    rig.wait(Duration::from_millis(8_999));
    assert_eq!(rig.register(0, 99, -1), Err(ErrorCode::DUPLICATE_BROKER_REGISTRATION));
    rig.wait(Duration::from_millis(1));
    assert!(rig.register(0, 99, -1).is_ok());
}

#[test]
fn the_same_process_keeps_its_epoch_when_it_registers_again() {
    let mut rig = Rig::new(1, &[]);
    let offset = rig.controller.offset();
    assert_eq!(rig.register(0, 1, -1), Ok(rig.epochs[&0]));
    assert_eq!(rig.controller.offset(), offset);
    assert!(rig.controller.image().is_alive(BrokerId(0)));
}

#[test]
fn heartbeats_of_strangers_and_of_former_processes_are_refused() {
    let mut rig = Rig::new(1, &[]);
    rig.epochs.insert(7, 1);
    assert_eq!(
        rig.heartbeat(7, false, false, 0),
        Err(ErrorCode::BROKER_ID_NOT_REGISTERED)
    );
    let old = rig.epochs[&0];
    rig.crash_and_return(0);
    rig.epochs.insert(0, old);
    assert_eq!(rig.heartbeat(0, false, false, 0), Err(ErrorCode::STALE_BROKER_EPOCH));
}

#[test]
fn a_silent_broker_is_fenced_when_its_session_times_out() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0, 1]]);
    rig.wait(Duration::from_secs(5));
    rig.beat(1);
    assert_eq!(rig.controller.next_due(), Some(SimTime::ZERO + Duration::from_secs(9)));
    rig.wait(Duration::from_secs(4));
    assert!(!rig.controller.image().is_alive(BrokerId(0)));
    assert!(rig.controller.image().is_alive(BrokerId(1)));
    assert_eq!(rig.roles(), (Some(1), vec![1], vec![]));
    assert!(rig.events().contains(&&ControllerEvent::Fenced { broker: BrokerId(0) }));
}

#[test]
fn brokers_that_fall_silent_together_are_fenced_one_after_the_other() {
    let mut rig = Rig::elr_off(3);
    rig.create("orders", &[&[0, 1, 2]]);
    rig.wait(Duration::from_secs(9));
    assert_eq!(
        rig.pushes().iter().filter(|(to, _)| *to == 0).count(),
        3,
        "one delta per broker fenced"
    );
    let state = rig.state("orders");
    assert_eq!((state.leader, state.isr, state.leader_epoch), (None, ids(&[2]), 3));
}

#[test]
fn a_fenced_broker_that_is_heard_of_again_returns_without_registering() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0, 1]]);
    rig.wait(Duration::from_secs(5));
    rig.beat(1);
    rig.wait(Duration::from_secs(4));
    rig.unfence(0);
    assert_eq!(rig.roles(), (Some(1), vec![1], vec![]));
    assert_eq!(rig.propose(&[1, 0]).unwrap().isr, ids(&[1, 0]));
}

#[test]
fn a_failed_log_directory_moves_leaderships_and_bars_the_broker_from_leading() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0, 1]]);
    rig.lose_log_dir(0);
    assert_eq!(rig.roles(), (Some(1), vec![1], vec![]));
    rig.fence(1);
    rig.beat(0);
    assert_eq!(rig.roles(), (None, vec![1], vec![]));
    rig.set_topic_config("orders", "unclean.leader.election.enable", "true");
    assert_eq!(rig.roles().0, None, "not even uncleanly");
}

#[test]
fn an_empty_disk_as_last_isr_member_becomes_leader_of_an_empty_log_with_elr_off() {
    let mut rig = Rig::elr_off(2);
    rig.create("orders", &[&[0]]);
    rig.fence(0);
    let msg = ToController::Register {
        incarnation: 50,
        rack: None,
        previous_broker_epoch: -1,
        empty_disk: true,
    };
    let FromController::Registered(Ok(epoch)) = rig.send(0, msg) else {
        panic!()
    };
    rig.epochs.insert(0, epoch);
    assert_eq!(rig.roles().0, None, "it waits for the new directory to be assigned");
    rig.unfence(0);
    assert_eq!(rig.roles(), (Some(0), vec![0], vec![]));
}

#[test]
fn producer_ids_are_given_out_once_in_blocks_of_a_thousand() {
    let mut rig = Rig::new(2, &[]);
    let mut firsts = Vec::new();
    for broker in [0, 1, 0] {
        let msg = ToController::AllocateProducerIds {
            broker_epoch: rig.epochs[&broker],
        };
        firsts.push(rig.send(broker, msg));
    }
    assert_eq!(
        firsts,
        [0, 1000, 2000].map(|first| FromController::ProducerIds(Ok(first)))
    );
    let stale = rig.send(0, ToController::AllocateProducerIds { broker_epoch: 12345 });
    assert_eq!(stale, FromController::ProducerIds(Err(ErrorCode::STALE_BROKER_EPOCH)));
}
