//! The cluster behind real sockets: a stub broker for whatever client the code under test uses.
//!
//! ```
//! use kafka_sim::server::Server;
//! use kafka_sim::{Fault, Role, Topic};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let server = Server::builder().brokers(3).topic(Topic::named("orders").replicas(3)).start().await?;
//! // Hand `server.bootstrap_servers()` to any Kafka client, then hurt the cluster under it.
//! server.inject(Fault::Kill(Role::leader_of("orders", 0))).await;
//! let down = server.view().await.brokers.iter().filter(|broker| !broker.running).count();
//! assert_eq!(down, 1);
//! # Ok::<(), kafka_sim::server::StartError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One thread of its own runs the cluster and all sockets, so nothing waits for another thread between a request and
//! its response. Time is real: a session time-out of nine seconds takes nine seconds. The behaviour is that of the
//! simulated cluster to the last byte, because it is the same machine; this module only moves bytes and keeps the time.
//!
//! Divergence: a broker that is down keeps its port. A client that connects to it is accepted by the operating system
//! and cut off at once, where Kafka's host would refuse it. Otherwise another process could take the port meanwhile.

mod accept;
mod alarm;
mod blocking;
mod builder;
mod clock;
mod command;
mod connection;
mod driver;
mod error;
mod inbox;
mod outbox;
mod recorder;
mod thread;

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use kafka_sim_cluster::fault::{Fault, Schedule};
use kafka_sim_cluster::view::View;
use kafka_sim_core::BrokerId;
use tokio::sync::{mpsc, oneshot};

pub use blocking::Blocking;
pub use builder::ServerBuilder;
pub use error::StartError;

use command::Command;

/// A running cluster. Dropping it ends the cluster and frees its ports.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    ignored: Vec<String>,
    commands: mpsc::UnboundedSender<Command>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server of three brokers on ephemeral ports, to be changed and started.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// `bootstrap.servers` for a client: `127.0.0.1:port` of every broker, separated by commas.
    pub fn bootstrap_servers(&self) -> String {
        let addresses: Vec<String> = self.addresses.iter().map(SocketAddr::to_string).collect();
        addresses.join(",")
    }

    /// Where each broker listens, by broker id.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Keys of the broker configuration that Kafka has and that have no effect here.
    pub fn ignored_keys(&self) -> &[String] {
        &self.ignored
    }

    /// Lets a fault strike now. When this returns, it has struck the brokers returned, in order of their ids. There are
    /// none if the fault names no brokers, or if nobody holds the roles it names.
    pub async fn inject(&self, fault: Fault) -> Vec<BrokerId> {
        self.ask(|done| Command::Inject {
            fault,
            heal_after: None,
            done,
        })
        .await
    }

    /// Lets a fault strike now and heals it that long afterwards. Returns as [`Server::inject`] does.
    pub async fn inject_for(&self, fault: Fault, heal_after: Duration) -> Vec<BrokerId> {
        self.ask(|done| Command::Inject {
            fault,
            heal_after: Some(heal_after),
            done,
        })
        .await
    }

    /// Adds faults to come. Instants in the schedule count from this call; marks that have occurred before it count
    /// too.
    pub async fn schedule(&self, schedule: impl Into<Schedule>) {
        let schedule = schedule.into();
        self.ask(|done| Command::Schedule { schedule, done }).await;
    }

    /// Heals every fault that has struck, forgets those that have not, and starts every broker that is down.
    pub async fn heal_all(&self) {
        self.ask(Command::HealAll).await;
    }

    /// What no client can see.
    pub async fn view(&self) -> View {
        self.ask(Command::View).await
    }

    /// [`Server::view`] for people.
    pub async fn dump(&self) -> String {
        crate::dump::dump(&self.view().await)
    }

    /// Hash of everything that happened so far. A replay of the journal ends with the same one.
    pub async fn trace_hash(&self) -> u64 {
        self.ask(Command::TraceHash).await
    }

    /// The same methods for code that is not async.
    pub fn blocking(&self) -> Blocking<'_> {
        Blocking::new(self)
    }

    /// Ends the cluster. When this returns, the ports are free and the journal is complete.
    pub async fn shutdown(mut self) {
        let (done, over) = oneshot::channel();
        // A thread that has ended already has nothing left to stop.
        let _ = self.commands.send(Command::Stop(Some(done)));
        let _ = over.await;
        self.join();
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> T {
        self.send(command).await.expect(THREAD_ALIVE)
    }

    fn send<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        assert!(self.commands.send(command(reply)).is_ok(), "{THREAD_ALIVE}");
        answer
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the cluster panicked");
        }
    }
}

/// Only a broken invariant of the cluster ends its thread early, and that panic says which.
const THREAD_ALIVE: &str = "the thread of the cluster runs as long as the Server does, unless it panicked";

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Stop(None));
        self.join();
    }
}
