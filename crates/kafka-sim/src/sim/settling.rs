//! The liveness phase: everything is healed, and clients are given time to come to rest.

use kafka_sim_cluster::Input;
use kafka_sim_core::SimTime;

use super::consuming::{Process, settled};
use super::world::{Client, World};
use super::{Run, Sim};

impl Sim {
    pub(super) fn heal_and_read(&self, mut world: World, start: SimTime) -> Run {
        let healed_at = world.now;
        let converged = self.settle(&mut world, SimTime::MAX, |_| false);
        Run::new(self, world, start, healed_at, converged)
    }

    /// Heals everything, waits until all is at rest, and reads every topic to its end. True: it came to rest and could be
    /// read; or it was stopped on the way, at the limit or by `stopped`.
    pub(super) fn settle(&self, world: &mut World, limit: SimTime, stopped: impl Fn(&World) -> bool) -> bool {
        world.tell(Input::HealAll);
        let bound = world.now + self.converge_within;
        let settled = world.run_until(bound.min(limit), |world| stopped(world) || world.is_settled());
        if stopped(world) || world.now >= limit {
            return true;
        }
        world.note_groups();
        let listeners = self.cluster.listeners.clone();
        self.add_reader(world, &listeners, true);
        let reader = world.clients.len() - 1;
        let bound = world.now + self.converge_within;
        let read = world.run_until(bound.min(limit), |world| {
            stopped(world) || matches!(&world.clients[reader], Client::Reader(reader) if reader.is_done())
        });
        settled && read || world.now >= limit
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

    fn is_settled(&self) -> bool {
        self.clients.iter().all(Client::is_done) && self.cluster.is_converged() && self.groups_have_caught_up()
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
