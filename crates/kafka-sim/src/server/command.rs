//! What a [`Server`](super::Server) asks of the thread that runs its cluster.

use std::time::Duration;

use kafka_sim_cluster::Input;
use kafka_sim_cluster::fault::{Fault, Schedule, ScheduledFault, Trigger};
use kafka_sim_cluster::view::View;
use kafka_sim_core::{BrokerId, SimTime};
use tokio::sync::{mpsc, oneshot};

use super::driver::Driver;

pub(super) enum Command {
    Inject {
        fault: Fault,
        heal_after: Option<Duration>,
        done: oneshot::Sender<Vec<BrokerId>>,
    },
    Schedule {
        schedule: Schedule,
        done: oneshot::Sender<()>,
    },
    HealAll(oneshot::Sender<()>),
    View(oneshot::Sender<View>),
    TraceHash(oneshot::Sender<u64>),
    /// The sender is answered by being dropped, once the ports are free.
    Stop(Option<oneshot::Sender<()>>),
}

/// Carries out commands until one says stop; returns who wants to know that everything is over.
pub(super) async fn obey(
    driver: &Driver,
    commands: &mut mpsc::UnboundedReceiver<Command>,
) -> Option<oneshot::Sender<()>> {
    // An asker that no longer waits for its answer is no reason to stop, so failed sends are ignored.
    while let Some(command) = commands.recv().await {
        match command {
            Command::Inject {
                fault,
                heal_after,
                done,
            } => {
                let fault = ScheduledFault {
                    heal_after,
                    ..fault.at(driver.now())
                };
                let _ = done.send(driver.strike(fault));
            }
            Command::Schedule { schedule, done } => {
                let now = driver.now();
                driver.feed(
                    schedule
                        .faults
                        .into_iter()
                        .map(|fault| Input::Fault(counted_from(now, fault))),
                );
                let _ = done.send(());
            }
            Command::HealAll(done) => {
                driver.feed([Input::HealAll]);
                let _ = done.send(());
            }
            Command::View(reply) => {
                let _ = reply.send(driver.view());
            }
            Command::TraceHash(reply) => {
                let _ = reply.send(driver.trace_hash());
            }
            Command::Stop(over) => return over,
        }
    }
    None
}

fn counted_from(now: SimTime, fault: ScheduledFault) -> ScheduledFault {
    let at = match fault.at {
        Trigger::At(at) => Trigger::At(now + at.since_start()),
        nth @ Trigger::Nth { .. } => nth,
    };
    ScheduledFault { at, ..fault }
}
