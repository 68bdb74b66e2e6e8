//! A server for code that is not async.

use std::time::Duration;

use kafka_sim_cluster::fault::{Fault, Schedule};
use kafka_sim_cluster::view::View;
use kafka_sim_core::BrokerId;
use tokio::sync::oneshot;

use super::command::Command;
use super::{Server, THREAD_ALIVE};

/// The methods of a [`Server`] as calls that block. Made by [`Server::blocking`].
///
/// Each panics when called inside an async runtime, whose thread must not be blocked.
#[derive(Clone, Copy, Debug)]
pub struct Blocking<'a> {
    server: &'a Server,
}

impl<'a> Blocking<'a> {
    pub(super) fn new(server: &'a Server) -> Blocking<'a> {
        Blocking { server }
    }

    /// See [`Server::inject`].
    pub fn inject(self, fault: Fault) -> Vec<BrokerId> {
        self.ask(|done| Command::Inject {
            fault,
            heal_after: None,
            done,
        })
    }

    /// See [`Server::inject_for`].
    pub fn inject_for(self, fault: Fault, heal_after: Duration) -> Vec<BrokerId> {
        self.ask(|done| Command::Inject {
            fault,
            heal_after: Some(heal_after),
            done,
        })
    }

    /// See [`Server::schedule`].
    pub fn schedule(self, schedule: impl Into<Schedule>) {
        let schedule = schedule.into();
        self.ask(|done| Command::Schedule { schedule, done });
    }

    /// See [`Server::heal_all`].
    pub fn heal_all(self) {
        self.ask(Command::HealAll);
    }

    /// See [`Server::view`].
    pub fn view(self) -> View {
        self.ask(Command::View)
    }

    /// See [`Server::dump`].
    pub fn dump(self) -> String {
        crate::dump::dump(&self.view())
    }

    /// See [`Server::trace_hash`].
    pub fn trace_hash(self) -> u64 {
        self.ask(Command::TraceHash)
    }

    fn ask<T>(self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> T {
        self.server.send(command).blocking_recv().expect(THREAD_ALIVE)
    }
}
