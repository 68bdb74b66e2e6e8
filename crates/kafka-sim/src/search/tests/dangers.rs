use kafka_sim_core::SimTime;

use crate::search::{Profile, World};
use crate::{Fault, Peer, Role, Seed};

fn dangers(fault: Fault) -> kafka_sim_check::Dangers {
    let world = World {
        records: 20,
        ..Profile::ALL[0].world()
    };
    let fault = fault.at(SimTime::from_secs(2));
    let schedule = vec![fault.healed_after(std::time::Duration::from_secs(1))].into();
    world.outcome(Seed(1), &schedule).unwrap().dangers
}

#[test]
fn faults_of_links_are_counted() {
    let leader = || Role::leader_of("orders", 0);
    let held = Fault::Hold {
        from: Peer::Clients,
        to: Peer::Brokers(leader()),
    };
    let reset = Fault::Reset {
        a: Peer::Clients,
        b: Peer::Brokers(leader()),
    };
    for fault in [held, reset, Fault::Isolate(leader())] {
        assert_eq!(dangers(fault.clone()).link_faults, 1, "{fault}");
    }
    assert_eq!(dangers(Fault::Kill(leader())).link_faults, 0);
}

#[test]
fn stops_of_applications_are_counted() {
    let host = || "producer-0".to_owned();
    assert_eq!(dangers(Fault::KillClient(host())).kills, 1);
    assert_eq!(dangers(Fault::PauseClient(host())).pauses, 1);
}
