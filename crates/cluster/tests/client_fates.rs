//! Faults that strike clients: the network acts on them, and the driver is told.

use std::sync::Arc;
use std::time::Duration;

use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::fault::Fault;
use kafka_sim_cluster::{ClientFate, Cluster, ClusterConfig, Input, Output};
use kafka_sim_core::{BrokerId, ConnId, Seed, SimTime};

const APP: &str = "app";
const CONN: ConnId = ConnId(1);

/// A cluster with one client connection, and everything its driver was told.
struct World {
    cluster: Cluster,
    now: SimTime,
    out: Vec<Output>,
}

impl World {
    fn connected() -> World {
        let cluster = Cluster::new(ClusterConfig::simulated(1), Seed(3)).expect("one broker is enough");
        let mut world = World {
            cluster,
            now: SimTime::ZERO,
            out: Vec::new(),
        };
        world.pass(20);
        world.tell(Input::Connect {
            conn: CONN,
            broker: BrokerId(0),
            host: Arc::from(APP),
        });
        world.pass(1);
        assert!(world.out.contains(&Output::Connected { conn: CONN }), "{:?}", world.out);
        world.out.clear();
        world
    }

    fn tell(&mut self, input: Input) {
        self.cluster.handle(self.now, input, &mut self.out);
    }

    fn strike(&mut self, fault: Fault, heal_after: u64) {
        let fault = fault.at(self.now).healed_after(Duration::from_secs(heal_after));
        self.tell(Input::Fault(fault));
    }

    fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(due) = self.cluster.next_due().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.cluster.advance(self.now, &mut self.out);
        }
        self.now = end;
    }

    fn fates(&self) -> Vec<ClientFate> {
        let fate = |output: &Output| match output {
            Output::Client { host, fate } if &**host == APP => Some(*fate),
            _ => None,
        };
        self.out.iter().filter_map(fate).collect()
    }

    fn is_over(&self) -> bool {
        let over = |output: &Output| matches!(output, Output::Disconnect { conn, .. } if *conn == CONN);
        self.out.iter().any(over)
    }
}

fn power_loss() -> Fault {
    Fault::PowerLossClient {
        host: APP.into(),
        survivors: Survivors::None,
    }
}

#[test]
fn a_killed_client_loses_its_connections_and_gets_a_new_process_when_healed() {
    let mut world = World::connected();
    world.strike(Fault::KillClient(APP.into()), 5);
    assert_eq!(world.fates(), [ClientFate::Killed]);
    assert!(world.is_over());
    world.pass(6);
    assert_eq!(world.fates(), [ClientFate::Killed, ClientFate::Started]);
}

#[test]
fn a_paused_client_keeps_its_connections() {
    let mut world = World::connected();
    world.strike(Fault::PauseClient(APP.into()), 5);
    world.pass(6);
    assert_eq!(world.fates(), [ClientFate::Paused, ClientFate::Resumed]);
    assert!(!world.is_over());
}

#[test]
fn a_client_without_power_reaches_nobody_before_it_has_power_again() {
    let mut world = World::connected();
    world.strike(power_loss(), 5);
    let survivors = Survivors::None;
    assert_eq!(world.fates(), [ClientFate::PowerLost { survivors }]);
    assert!(world.is_over());
    world.pass(6);
    assert_eq!(world.fates().last(), Some(&ClientFate::Started));
    let conn = ConnId(2);
    world.tell(Input::Connect {
        conn,
        broker: BrokerId(0),
        host: Arc::from(APP),
    });
    world.pass(1);
    assert!(world.out.contains(&Output::Connected { conn }));
}

#[test]
fn a_client_is_started_when_the_last_fault_that_keeps_it_down_is_healed() {
    let mut world = World::connected();
    world.strike(power_loss(), 5);
    world.strike(Fault::KillClient(APP.into()), 10);
    world.pass(7);
    assert!(!world.fates().contains(&ClientFate::Started));
    world.pass(7);
    let started = world.fates().into_iter().filter(|fate| *fate == ClientFate::Started);
    assert_eq!(started.count(), 1);
}

#[test]
fn healing_everything_starts_a_client_that_nobody_else_would() {
    let mut world = World::connected();
    let kill = Fault::KillClient(APP.into()).at(world.now);
    world.tell(Input::Fault(kill));
    world.pass(60);
    assert_eq!(world.fates(), [ClientFate::Killed]);
    world.tell(Input::HealAll);
    assert_eq!(world.fates(), [ClientFate::Killed, ClientFate::Started]);
}
