//! A finished run.

use kafka_sim_check::{Dangers, History, Observation, Promise, Report, Verdict, judge};
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::fault::{Fault, Schedule};
use kafka_sim_cluster::invariant::Breach;
use kafka_sim_cluster::view::View;
use kafka_sim_core::{Seed, SimTime};

use super::world::World;
use super::{ProducerPlan, Sim};
use crate::explain::{Explainer, Settings};

/// What a run left behind.
#[derive(Clone, Debug)]
pub struct Run {
    /// What clients saw.
    pub history: History,
    /// What happened inside the cluster; only what [is rare](Event::is_rare) if the trace did not keep every event.
    /// Instants count from the start of the cluster.
    pub events: Vec<(SimTime, Event)>,
    /// Equal for equal runs, on every machine.
    pub trace_hash: u64,
    /// The cluster at the end.
    pub view: View,
    /// When the workload began.
    pub started_at: SimTime,
    /// When everything was healed.
    pub healed_at: SimTime,
    /// When the final read was through, or given up.
    pub ended_at: SimTime,
    /// Whether the cluster came to rest and could be read to its end within the bound.
    pub converged: bool,
    /// Deliveries and timers that the run consisted of.
    pub steps: u64,
    /// Invariants of the cluster that did not hold, and nothing that excuses it.
    pub breaches: Vec<Breach>,
    /// How often each mark occurred, in the order of `MarkName::ALL`.
    pub(crate) marks: Vec<u64>,
    /// The trace kept every event.
    told_in_full: bool,
    seed: Seed,
    schedule: Schedule,
    settings: Settings,
    dangers: Dangers,
}

impl Run {
    pub(super) fn new(sim: &Sim, mut world: World, started_at: SimTime, healed_at: SimTime, converged: bool) -> Run {
        let mut history = world.history;
        let breaches = world.cluster.inspect().to_vec();
        let trace_hash = world.cluster.trace().hash();
        let (view, marks) = (world.cluster.view(), world.cluster.marks().totals().to_vec());
        let steps = world.cluster.steps() + world.steps;
        let events = world.cluster.into_trace().into_events();
        for (from, until) in faulty_spans(&events, healed_at) {
            history.record(Observation::FaultActive {
                from: from.as_nanos(),
                until: until.as_nanos(),
            });
        }
        Run {
            breaches,
            dangers: Dangers {
                cut_short: world.cut_short,
                ..dangers(&events, &history, &sim.schedule)
            },
            settings: Settings::of(sim, sim.producers.iter().map(ProducerPlan::settings).collect()),
            history,
            trace_hash,
            view,
            marks,
            told_in_full: sim.cluster.keep_events,
            events,
            started_at,
            healed_at,
            ended_at: world.now,
            converged,
            steps,
            seed: sim.seed,
            schedule: sim.schedule.clone(),
        }
    }

    /// The seed the run was made from.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The faults the run was given.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Rust source that names the seed and the schedule, to be pasted into a plain test that repeats this run.
    pub fn pinned(&self) -> String {
        format!(
            "let seed = Seed({});\nlet faults = {};",
            self.seed.0,
            self.schedule.to_rust()
        )
    }

    /// What threatened the data.
    pub fn dangers(&self) -> Dangers {
        self.dangers
    }

    /// Judges the run.
    pub(crate) fn verdict(&self, promises: &[Promise]) -> Verdict {
        judge(&self.history, promises).with_dangers(self.dangers)
    }

    /// Judges the run and explains every violation from the trace, if that kept every event.
    pub fn check(&self, promises: &[Promise]) -> Report {
        let verdict = self.verdict(promises);
        if !self.told_in_full {
            return Report::new(verdict, Vec::new());
        }
        let explainer = Explainer::new(&self.history, &self.events, &self.view, &self.settings);
        let explanations = verdict
            .violations()
            .iter()
            .map(|violation| explainer.explain(violation))
            .collect();
        Report::new(verdict, explanations).with_breaches(self.breaches.iter().map(ToString::to_string).collect())
    }
}

/// From the moment each fault struck to its healing.
fn faulty_spans(events: &[(SimTime, Event)], healed_at: SimTime) -> Vec<(SimTime, SimTime)> {
    let healed = |fault: u32| {
        events
            .iter()
            .find(|(_, e)| matches!(e, Event::FaultHealed { index } if *index == fault))
            .map(|(at, _)| *at)
    };
    let fired = events.iter().filter_map(|(at, event)| match event {
        Event::FaultFired { index, .. } => Some((*at, *index)),
        _ => None,
    });
    fired
        .map(|(at, index)| (at, healed(index).unwrap_or(healed_at).max(at)))
        .collect()
}

fn dangers(events: &[(SimTime, Event)], history: &History, schedule: &Schedule) -> Dangers {
    let mut dangers = Dangers::shown_by(history);
    for (_, event) in events {
        match event {
            Event::LeaderElected {
                leader_epoch,
                unclean,
                leader: Some(_),
                ..
            } if *leader_epoch > 0 => {
                dangers.leader_changes += 1;
                dangers.unclean_elections += u64::from(*unclean);
            }
            Event::Truncated { .. } => dangers.truncations += 1,
            Event::IsrChanged { was, isr, .. } if was.iter().any(|id| !isr.contains(id)) => dangers.isr_shrinks += 1,
            Event::ResponseDropped { .. } => dangers.responses_dropped += 1,
            Event::RequestDropped { .. } => dangers.requests_dropped += 1,
            Event::BrokerPowerLost { lost_bytes, .. } => {
                dangers.power_losses += 1;
                dangers.unsynced_bytes_lost += lost_bytes;
            }
            Event::BrokerKilled { .. } => dangers.kills += 1,
            Event::BrokerPaused { .. } => dangers.pauses += 1,
            Event::BrokerWiped { .. } | Event::LogDirOffline { .. } => dangers.disk_faults += 1,
            Event::FaultFired { index, brokers, .. } => {
                let scheduled = usize::try_from(*index)
                    .ok()
                    .and_then(|index| schedule.faults.get(index));
                if let Some(scheduled) = scheduled {
                    count_struck(&scheduled.fault, !brokers.is_empty(), &mut dangers);
                }
            }
            _ => {}
        }
    }
    dangers
}

/// Counts what leaves no other event than that it struck: what is done to links and to clients.
fn count_struck(fault: &Fault, brokers: bool, dangers: &mut Dangers) {
    match fault {
        Fault::KillClient(_) => dangers.kills += 1,
        Fault::PowerLossClient { .. } => dangers.power_losses += 1,
        Fault::PauseClient(_) => dangers.pauses += 1,
        Fault::Reset { .. } | Fault::RefuseConnections(_) => dangers.link_faults += u64::from(brokers),
        fault => dangers.link_faults += u64::from(brokers && !fault.links().is_empty()),
    }
}
