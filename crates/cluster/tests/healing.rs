//! Faults that overlap: what one of them holds, the healing of another does not let go.

mod support;

use std::time::Duration;

use kafka_sim_cluster::ClusterConfig;
use kafka_sim_cluster::fault::{Fault, Role, Survivors};
use support::Machine;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn three() -> Machine {
    Machine::new(ClusterConfig::simulated(3))
}

#[test]
fn a_broker_stays_down_until_the_last_fault_that_keeps_it_down_is_healed() {
    let mut m = three();
    m.inject_for(Fault::Kill(Role::broker(1)), 5);
    m.pass(secs(2));
    let target = Role::broker(1);
    let survivors = Survivors::All;
    m.inject_for(Fault::PowerLoss { target, survivors }, 20);
    m.pass(secs(10));
    assert!(!m.broker(1).running, "the power is still off");
    m.pass(secs(13));
    assert!(m.broker(1).running);
}

#[test]
fn a_restart_ends_what_kept_the_broker_down_before() {
    let mut m = three();
    m.inject(Fault::Kill(Role::broker(1)));
    m.inject(Fault::Restart(Role::broker(1)));
    m.inject_for(Fault::Kill(Role::broker(1)), 5);
    m.pass(secs(4));
    assert!(!m.broker(1).running);
    m.pass(secs(2));
    assert!(
        m.broker(1).running,
        "the kill that nobody healed was over with the restart"
    );
}

#[test]
fn repairing_a_disk_does_not_start_a_broker_that_was_killed() {
    let mut m = three();
    let latency = Duration::from_millis(50);
    let target = Role::broker(1);
    m.inject_for(Fault::SlowFsync { target, latency }, 5);
    m.inject_for(Fault::Kill(Role::broker(1)), 20);
    m.pass(secs(10));
    assert!(!m.broker(1).running);
    m.pass(secs(11));
    assert!(m.broker(1).running);
}

#[test]
fn a_broker_that_was_paused_twice_runs_on_after_the_second_healing() {
    let mut m = three();
    m.inject_for(Fault::Pause(Role::broker(1)), 5);
    m.inject_for(Fault::Pause(Role::broker(1)), 15);
    m.pass(secs(10));
    assert!(m.broker(1).paused);
    m.pass(secs(6));
    assert!(!m.broker(1).paused);
}

#[test]
fn a_broker_that_still_waits_for_permission_to_stop_is_back_after_the_healing() {
    let mut m = three();
    m.inject_for(Fault::IsolateFromController(Role::broker(1)), 30);
    m.inject_for(Fault::ControlledStop(Role::broker(1)), 5);
    m.pass(secs(60));
    assert!(
        m.broker(1).running,
        "it was started, and does not stop again afterwards"
    );
    m.converge();
}

#[test]
fn a_broker_stops_after_five_minutes_even_if_the_controller_never_lets_it() {
    let mut m = three();
    m.inject(Fault::IsolateFromController(Role::broker(1)));
    m.inject(Fault::ControlledStop(Role::broker(1)));
    m.pass(secs(299));
    assert!(m.broker(1).running);
    m.pass(secs(2));
    assert!(!m.broker(1).running);
}
