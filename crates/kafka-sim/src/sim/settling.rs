//! The liveness phase: everything is healed, and clients are given time to come to rest.

use std::sync::Arc;

use kafka_sim_cluster::Input;
use kafka_sim_core::SimTime;

use super::consuming::{Process, settled};
use super::world::{Client, World};
use super::{Run, Sim};

impl Sim {
    pub(super) fn heal_and_read(&self, mut world: World, start: SimTime, listeners: &[(Arc<str>, u16)]) -> Run {
        let healed_at = world.now;
        world.tell(Input::HealAll);
        let limit = world.now + self.converge_within;
        let settled = world.run_until(limit, |world| {
            world.clients.iter().all(Client::is_done) && world.cluster.is_converged() && world.groups_have_caught_up()
        });
        world.note_groups();
        self.add_reader(&mut world, listeners, true);
        let reader = world.clients.len() - 1;
        let limit = world.now + self.converge_within;
        let read = world.run_until(
            limit,
            |world| matches!(&world.clients[reader], Client::Reader(reader) if reader.is_done()),
        );
        Run::new(self, world, start, healed_at, settled && read)
    }
}

impl Client {
    /// Whether it has nothing to do by itself any more. Cheap.
    fn is_done(&self) -> bool {
        match self {
            Client::Producer(app) => app.is_done(),
            Client::Consumer(process, _) => process.has_left() || process.is_at_rest(),
            Client::Reader(_) => true,
        }
    }
}

impl World {
    fn processes(&self) -> Vec<&Process> {
        let mut processes = Vec::new();
        for client in &self.clients {
            if let Client::Consumer(process, _) = client {
                processes.push(&**process);
            }
        }
        processes
    }

    fn groups_have_caught_up(&self) -> bool {
        let processes = self.processes();
        processes.is_empty() || settled::have_caught_up(&processes, &self.cluster.view())
    }

    fn note_groups(&mut self) {
        let processes = self.processes();
        if !processes.is_empty() {
            let notes = settled::notes(&processes, &self.cluster.view(), self.now);
            self.history.extend(notes);
        }
    }
}
