//! What holds after any history of crashes, stops and ISR changes.

use super::*;

const BROKERS: i32 = 4;

/// One random step; brokers that are out of service may come back cleanly or not.
fn step(rig: &mut Rig, rng: &mut kafka_sim_core::SimRng) {
    let broker = rng.below(BROKERS as u64) as i32;
    let alive = rig.controller.image().is_alive(BrokerId(broker));
    match rng.below(8) {
        action @ 0..=2 if alive => {
            let offset = rig.controller.offset();
            rig.heartbeat(broker, action < 2, action == 2, offset).unwrap();
        }
        3 if alive => rig.lose_log_dir(broker),
        0 | 1 if !alive => rig.crash_and_return(broker),
        2 | 3 if !alive => rig.stop_and_return(broker),
        4 => _ = rig.elect(ElectionType::Preferred),
        5 if rng.chance(1, 8) => _ = rig.elect(ElectionType::Unclean),
        6 => {
            let seconds = rng.below(8);
            rig.wait(Duration::from_secs(seconds));
            for broker in 0..BROKERS {
                if rng.chance(5, 6) && rig.controller.image().is_alive(BrokerId(broker)) {
                    let offset = rig.controller.offset();
                    rig.heartbeat(broker, false, false, offset).unwrap();
                }
            }
        }
        _ => propose_at_random(rig, rng),
    }
}

fn propose_at_random(rig: &mut Rig, rng: &mut kafka_sim_core::SimRng) {
    let state = rig.state("orders");
    if let Some(leader) = state.leader {
        let joins = |replica: &BrokerId, rng: &mut kafka_sim_core::SimRng| *replica == leader || rng.chance(1, 2);
        let isr: Vec<i32> = state
            .replicas
            .iter()
            .filter(|replica| joins(replica, rng))
            .map(|replica| replica.0)
            .collect();
        _ = rig.propose(&isr);
    }
}

fn check(rig: &Rig, before: &PartitionState, elr_on: bool) {
    let state = rig.state("orders");
    let image = rig.controller.image();
    if let Some(leader) = state.leader {
        assert!(state.isr.contains(&leader), "{state:?}");
        assert!(rig.controller.is_active(leader), "{state:?}");
        assert!(state.last_known_elr.is_empty());
    }
    let alone = state.isr.len() == 1 && state.leader.is_none() && !elr_on;
    assert!(
        alone || state.isr.iter().all(|&replica| image.is_alive(replica)),
        "{state:?}"
    );
    assert!(elr_on || (!state.isr.is_empty() && state.elr.is_empty()), "{state:?}");
    assert!(
        state.isr.iter().all(|replica| !state.elr.contains(replica)),
        "{state:?}"
    );
    assert!(state.isr.len() < 2 || state.elr.is_empty(), "{state:?}");
    assert!(
        state
            .isr
            .iter()
            .chain(&state.elr)
            .all(|replica| state.replicas.contains(replica))
    );
    if state == *before {
        return;
    }
    assert!(state.partition_epoch > before.partition_epoch);
    assert!(state.leader_epoch >= before.leader_epoch);
    assert!(state.leader == before.leader || state.leader_epoch > before.leader_epoch);
}

fn run(elr_on: bool) {
    let mut leaders_lost = 0;
    for seed in 0..150 {
        let mut rng = Seed(seed).stream("steps", 0);
        let mut rig = if elr_on {
            Rig::elr_on(BROKERS)
        } else {
            Rig::elr_off(BROKERS)
        };
        rig.create("orders", &[&[0, 1, 2]]);
        for _ in 0..80 {
            let before = rig.state("orders");
            step(&mut rig, &mut rng);
            check(&rig, &before, elr_on);
            leaders_lost += usize::from(rig.state("orders").leader.is_none());
        }
    }
    assert!(leaders_lost > 0, "the histories were too tame");
}

#[test]
fn leaders_are_active_and_in_sync_with_elr_on() {
    run(true);
}

#[test]
fn leaders_are_active_and_in_sync_with_elr_off() {
    run(false);
}
