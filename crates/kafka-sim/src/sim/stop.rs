//! Stopping a run on the way, to look at every replica.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::mark::{MarkCounter, MarkKind};
use kafka_sim_cluster::trace::Trace;
use kafka_sim_cluster::view::View;
use kafka_sim_core::{ConfigError, SimTime};
use uuid::Uuid;

use super::Sim;
use super::world::World;

/// Where a run stops.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// After everything that happened at this instant of the cluster's clock or before.
    Time(SimTime),
    /// As soon as this many events have happened.
    Events(u64),
    /// At the `nth` occurrence of a mark, counted from the start of the cluster.
    Mark {
        /// The mark.
        mark: MarkKind,
        /// Which occurrence, from 1.
        nth: u32,
    },
}

/// A run that was stopped.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// When.
    pub at: SimTime,
    /// False: the run was over before that.
    pub reached: bool,
    /// Everything that happened until then.
    pub events: Vec<(SimTime, Event)>,
    /// The cluster at that moment.
    pub view: View,
    /// Hash of the trace until then.
    pub trace_hash: u64,
}

impl Sim {
    /// Runs until `stop`, or to the end if that comes first, and shows the cluster as it was then.
    ///
    /// ```
    /// use kafka_sim::{ProducerPlan, Seed, Sim, SimTime, Stop, Topic};
    ///
    /// let sim = Sim::new(Seed(1)).topic(Topic::named("orders").replicas(3)).producer(ProducerPlan::to("orders"));
    /// let stopped = sim.run_to(Stop::Time(SimTime::from_secs(2)))?;
    /// assert!(stopped.reached && stopped.events.iter().all(|(at, _)| *at <= SimTime::from_secs(2)));
    /// # Ok::<(), kafka_sim::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn run_to(self, stop: Stop) -> Result<Stopped, ConfigError> {
        let sim = self.keep_events(true);
        let watch = RefCell::new(Watch::new(&stop));
        let limit = match stop {
            Stop::Time(at) => at,
            _ => SimTime::MAX,
        };
        let stopped = |world: &World| watch.borrow_mut().reached(world.cluster.trace());
        let over = |world: &World| stopped(world) || world.now >= limit;
        let (mut world, start) = sim.begin(limit, stopped)?;
        if !over(&world) {
            let end = start + sim.safety_phase();
            world.run_until(limit.min(end), stopped);
        }
        if !over(&world) {
            sim.settle(&mut world, limit, stopped);
        }
        Ok(Stopped {
            at: world.now,
            reached: over(&world),
            events: world.cluster.trace().events().to_vec(),
            view: world.cluster.view(),
            trace_hash: world.cluster.trace().hash(),
        })
    }
}

/// Looks at what has happened since it looked last. The trace must keep its events.
#[derive(Default)]
pub(crate) struct Watch {
    enough: Option<u64>,
    marks: MarkCounter,
    names: BTreeMap<Uuid, Arc<str>>,
    seen: usize,
    reached: bool,
}

impl Watch {
    pub(crate) fn new(stop: &Stop) -> Watch {
        let mut marks = MarkCounter::new();
        if let Stop::Mark { mark, nth } = stop {
            marks.arm(mark.clone(), *nth, 0);
        }
        Watch {
            enough: match stop {
                Stop::Events(enough) => Some(*enough),
                _ => None,
            },
            marks,
            ..Watch::default()
        }
    }

    pub(crate) fn reached(&mut self, trace: &Trace) -> bool {
        let mut triggers = Vec::new();
        for (_, event) in &trace.events()[self.seen..] {
            if let Event::TopicCreated { topic, name, .. } = event {
                self.names.insert(*topic, name.clone());
            }
            self.marks
                .observe(event, |id| self.names.get(&id).map(|name| &**name), &mut triggers);
        }
        self.seen = trace.events().len();
        self.reached |= !triggers.is_empty() || self.enough.is_some_and(|enough| trace.count() >= enough);
        self.reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, ProducerPlan, Role, Seed, Topic};

    fn sim() -> Sim {
        let kill = Fault::Kill(Role::leader_of("orders", 0)).at(SimTime::from_secs(3));
        Sim::new(Seed(4))
            .topic(Topic::named("orders").replicas(3))
            .producer(ProducerPlan::to("orders"))
            .faults(vec![kill.healed_after(std::time::Duration::from_secs(4))])
    }

    #[test]
    fn a_run_that_is_stopped_is_the_beginning_of_the_whole_run() {
        let whole = sim().run().expect("the settings are valid");
        for stop in [Stop::Time(SimTime::from_secs(4)), Stop::Events(200), third_ack()] {
            let stopped = sim().run_to(stop.clone()).expect("the settings are valid");
            let events = stopped.events.len();
            assert!(stopped.reached && events > 0 && events < whole.events.len(), "{stop:?}");
            assert_eq!(stopped.events, whole.events[..events], "{stop:?}");
        }
    }

    fn third_ack() -> Stop {
        let topic = "orders".into();
        Stop::Mark {
            mark: MarkKind::ProduceAcked { topic, partition: 0 },
            nth: 3,
        }
    }

    #[test]
    fn the_third_acknowledgement_is_the_last_thing_seen_but_for_its_instant() {
        let stopped = sim().run_to(third_ack()).expect("the settings are valid");
        let acks = stopped
            .events
            .iter()
            .filter(|(_, event)| matches!(event, Event::ProduceAnswered { .. }));
        assert_eq!(acks.count(), 3);
    }

    #[test]
    fn what_never_happens_is_not_reached() {
        let stopped = sim()
            .run_to(Stop::Events(u64::MAX - 1))
            .expect("the settings are valid");
        let whole = sim().run().expect("the settings are valid");
        assert!(!stopped.reached);
        assert_eq!(stopped.trace_hash, whole.trace_hash, "it ran to the end");
    }
}
