//! Faults that strike applications: what becomes of their processes.

use kafka_sim_cluster::ClientFate;
use kafka_sim_cluster::disk::Survivors;

use super::consuming::Around;
use super::world::{Client, Standing, World};

impl Client {
    /// Sends and records that an application is busy with.
    fn in_hand(&self) -> u64 {
        let in_hand = match self {
            Client::Producer(app) => app.in_hand(),
            Client::Consumer(process, _) => process.in_hand(),
            Client::Reader(_) => 0,
        };
        in_hand as u64
    }
}

impl World {
    /// The hosts of applications. The readers of a run are none.
    pub(super) fn applications(&self) -> impl Iterator<Item = &str> {
        let places = self.places.iter().zip(&self.clients);
        let applications = places.filter(|(_, client)| !matches!(client, Client::Reader(_)));
        applications.map(|(place, _)| &*place.host)
    }

    /// Something befalls the application on a host. The readers of a run are no applications: nothing befalls them.
    pub(super) fn befall(&mut self, host: &str, fate: ClientFate) {
        let at = self.places.iter().position(|place| *place.host == *host);
        let Some(index) = at.filter(|index| !matches!(self.clients[*index], Client::Reader(_))) else {
            return;
        };
        match fate {
            ClientFate::Killed => self.kill(index, None),
            ClientFate::PowerLost { survivors } => self.kill(index, Some(survivors)),
            ClientFate::Paused => {
                let standing = &mut self.places[index].standing;
                if *standing == Standing::Running {
                    *standing = Standing::Paused(Vec::new());
                }
            }
            ClientFate::Resumed => self.resume(index),
            ClientFate::Started => self.restart(index),
            _ => {}
        }
        self.look_at(index);
    }

    fn kill(&mut self, index: usize, power: Option<Survivors>) {
        let now = self.now;
        let was_dead = self.places[index].standing == Standing::Dead;
        self.places[index].standing = Standing::Dead;
        // What it wanted to say at this instant is not said any more.
        self.moved.retain(|(client, _)| *client != index);
        if !was_dead {
            self.cut_short += self.clients[index].in_hand();
        }
        match &mut self.clients[index] {
            Client::Producer(app) if !was_dead => app.die(now, power, &mut self.history),
            Client::Producer(app) => {
                if let Some(survivors) = power {
                    app.lose_power(now, survivors, &mut self.history);
                }
            }
            Client::Consumer(process, desk) if !was_dead => process.die(&mut Around {
                now,
                history: &mut self.history,
                desk: &mut self.desks[*desk],
                out: &mut Vec::new(),
            }),
            Client::Consumer(..) | Client::Reader(_) => {}
        }
    }

    /// A process runs on, beginning with what arrived meanwhile.
    fn resume(&mut self, index: usize) {
        let standing = &mut self.places[index].standing;
        if let Standing::Paused(_) = standing
            && let Standing::Paused(waiting) = std::mem::replace(standing, Standing::Running)
        {
            for input in waiting {
                self.with_client(index, Some(input));
            }
        }
    }

    fn restart(&mut self, index: usize) {
        if self.places[index].standing != Standing::Dead {
            return;
        }
        self.places[index].standing = Standing::Running;
        self.places[index].process = self.owners.len();
        self.owners.push(index);
        match &mut self.clients[index] {
            Client::Producer(app) => app.restart(self.now),
            Client::Consumer(process, _) => process.restart(self.now),
            Client::Reader(_) => {}
        }
    }
}
