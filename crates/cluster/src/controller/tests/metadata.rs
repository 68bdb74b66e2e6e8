//! Deltas and snapshots.

use super::*;

#[test]
fn deltas_reach_every_registered_broker_and_lead_to_the_same_image() {
    let mut rig = Rig::elr_on(2);
    rig.starts += 1;
    rig.register(2, 77, -1).unwrap();
    let mut followed = rig.controller.image().clone();
    let mut offset = rig.controller.offset();
    rig.create("orders", &[&[0, 1]]);
    let pushes: Vec<i32> = rig.pushes().iter().map(|(to, _)| *to).collect();
    assert_eq!(pushes, [0, 1, 2], "fenced brokers too");
    for step in 0..3 {
        match step {
            0 => {}
            1 => rig.fence(0),
            _ => rig.set_topic_config("orders", "retention.ms", "5"),
        }
        for (_, msg) in rig.pushes().into_iter().filter(|(to, _)| *to == 2) {
            let FromController::Delta { from, to, records } = msg else {
                panic!()
            };
            assert_eq!((*from, *to), (offset, offset + records.len() as u64));
            records.iter().for_each(|record| followed.apply(record));
            offset = *to;
        }
    }
    assert_eq!(&followed, rig.controller.image());
    assert_eq!(offset, rig.controller.offset());
}

#[test]
fn a_registering_broker_gets_the_image_after_its_answer() {
    let mut rig = Rig::new(1, &[]);
    rig.register(1, 9, -1).unwrap();
    assert!(matches!(rig.out[0], ControllerOutput::Reply { .. }));
    let FromController::Snapshot { offset, image } = rig.pushes()[0].1 else {
        panic!()
    };
    assert_eq!((*offset, &**image), (rig.controller.offset(), rig.controller.image()));
    assert_eq!(rig.pushes().iter().map(|(to, _)| *to).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn a_broker_that_missed_a_delta_gets_the_image_one_interval_later() {
    let mut rig = Rig::new(1, &[]);
    let behind = rig.controller.offset();
    rig.create("orders", &[&[0]]);
    rig.heartbeat(0, false, false, behind).unwrap();
    assert!(rig.pushes().is_empty(), "the delta may still be on its way");
    rig.wait(Duration::from_secs(2));
    rig.heartbeat(0, false, false, behind).unwrap();
    assert!(matches!(rig.pushes()[..], [(0, FromController::Snapshot { .. })]));
    rig.heartbeat(0, false, false, behind).unwrap();
    assert!(rig.pushes().is_empty());
}

#[test]
fn the_image_can_be_asked_for() {
    let mut rig = Rig::new(1, &[]);
    let FromController::Snapshot { offset, image } = rig.send(0, ToController::FetchMetadata) else {
        panic!()
    };
    assert_eq!((offset, &*image), (rig.controller.offset(), rig.controller.image()));
}

#[test]
fn with_elr_the_cluster_holds_the_minimum_isr_from_the_start() {
    let key = "min.insync.replicas";
    let held = |rig: &Rig| {
        rig.controller
            .image()
            .configs
            .get(&ConfigResource::ClusterDefault)?
            .get(key)
            .cloned()
    };
    assert_eq!(held(&Rig::elr_on(0)).as_deref(), Some("2"));
    assert_eq!(held(&Rig::elr_off(0)), None);
}

#[test]
fn the_same_requests_and_seed_give_the_same_image() {
    let run = || {
        let mut rig = Rig::elr_on(5);
        rig.create_topic(automatic("orders", 20, 3)).unwrap();
        rig.fence(3);
        rig.wait(Duration::from_secs(400));
        rig.controller.image().clone()
    };
    assert_eq!(run(), run());
}
