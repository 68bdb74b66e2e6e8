//! What settings cost when nothing goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_sim_check::Observation;
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::fault::Schedule;
use kafka_sim_core::{ConfigError, Seed};
use serde::Serialize;

use crate::search::World;

/// Latency and number of requests of a run without faults, in virtual time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Cost {
    /// From send to acknowledgement, in microseconds of virtual time: half of the messages were faster.
    pub ack_p50_us: u64,
    /// Of 100 messages 99 were faster.
    pub ack_p99_us: u64,
    /// Produce requests that brokers answered. None with `acks=0`, which is not answered.
    pub produce_requests: u64,
}

impl Cost {
    /// Measures a run of seed 0 without faults.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn of(world: &World) -> Result<Cost, ConfigError> {
        let run = world.sim(Seed(0), &Schedule::default())?.run()?;
        let mut sent = BTreeMap::new();
        let mut waits = Vec::new();
        for observation in run.history.observations() {
            match observation {
                Observation::Sent { at, message, .. } => drop(sent.insert(message, at)),
                Observation::Acked { at, message, .. } => {
                    waits.extend(sent.get(&message).map(|sent| at.saturating_sub(*sent)));
                }
                _ => {}
            }
        }
        waits.sort_unstable();
        let answers: BTreeSet<_> = run
            .events
            .iter()
            .filter_map(|(at, event)| match event {
                Event::ProduceAnswered { broker, acks, .. } if *acks != 0 => Some((*at, *broker)),
                _ => None,
            })
            .collect();
        Ok(Cost {
            ack_p50_us: percentile(&waits, 50),
            ack_p99_us: percentile(&waits, 99),
            produce_requests: answers.len() as u64,
        })
    }
}

/// In microseconds; 0 of nothing.
fn percentile(sorted_nanos: &[u64], percent: usize) -> u64 {
    let at = (sorted_nanos.len() * percent / 100).min(sorted_nanos.len().saturating_sub(1));
    let nanos = sorted_nanos.get(at).copied().unwrap_or_default();
    u64::try_from(Duration::from_nanos(nanos).as_micros()).expect("runs last no centuries")
}
