//! What happened on a lane at one instant, and faults with their duration.

use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::peer::Tp;
use serde::Serialize;

use super::data::millis;
use super::words::broker;
use crate::sim::Run;

/// A point on a lane.
#[derive(Serialize)]
pub(super) struct Note {
    pub(super) kind: &'static str,
    pub(super) lane: String,
    pub(super) at: f64,
    pub(super) label: String,
}

/// A fault from its striking to its healing.
#[derive(Serialize)]
pub(super) struct Bar {
    pub(super) lanes: Vec<String>,
    pub(super) from: f64,
    pub(super) until: f64,
    pub(super) label: String,
}

/// Faults in the order in which they struck. One that strikes no broker has no lanes.
pub(super) fn fault_bars(run: &Run) -> Vec<Bar> {
    let healed = |fault: u32| {
        let healing = run
            .events
            .iter()
            .find(|(_, event)| matches!(event, Event::FaultHealed { index } if *index == fault));
        healing.map_or(run.healed_at, |(at, _)| *at)
    };
    let fired = run.events.iter().filter_map(|(at, event)| match event {
        Event::FaultFired {
            index,
            description,
            brokers,
        } => Some(Bar {
            lanes: brokers.iter().map(|id| broker(id.0)).collect(),
            from: millis(at.as_nanos()),
            until: millis(healed(*index).max(*at).as_nanos()),
            label: description.to_string(),
        }),
        _ => None,
    });
    fired.collect()
}

/// Notes about a partition, or, without one, about brokers as a whole.
pub(super) fn notes(run: &Run, about: Option<Tp>) -> Vec<Note> {
    let told = run.events.iter().filter_map(|(at, event)| {
        let (kind, id, label) = match about {
            Some(tp) => of_partition(event, tp)?,
            None => of_broker(event)?,
        };
        Some(Note {
            kind,
            lane: broker(id),
            at: millis(at.as_nanos()),
            label,
        })
    });
    told.collect()
}

fn of_broker(event: &Event) -> Option<(&'static str, i32, String)> {
    let (kind, id, label) = match event {
        Event::BrokerKilled { broker } => ("down", broker, "killed".to_owned()),
        Event::BrokerPowerLost { broker, lost_bytes } => (
            "down",
            broker,
            format!("power lost, and {lost_bytes} bytes that were not on the platter"),
        ),
        Event::BrokerStopped { broker, .. } => ("down", broker, "stopped".to_owned()),
        Event::BrokerWiped { broker } => ("down", broker, "disk replaced by an empty one".to_owned()),
        Event::LogDirOffline { broker } => ("down", broker, "log directory failed".to_owned()),
        Event::BrokerPaused { broker } => ("down", broker, "stands still".to_owned()),
        Event::BrokerResumed { broker } => ("up", broker, "goes on".to_owned()),
        Event::BrokerStarted { broker } => ("up", broker, "started".to_owned()),
        Event::BrokerFenced { broker } => ("fenced", broker, "fenced by the controller".to_owned()),
        Event::BrokerUnfenced { broker } => ("up", broker, "unfenced".to_owned()),
        _ => return None,
    };
    Some((kind, id.0, label))
}

fn of_partition(event: &Event, tp: Tp) -> Option<(&'static str, i32, String)> {
    match event {
        Event::LeaderElected {
            tp: there,
            leader: Some(leader),
            leader_epoch,
            unclean,
        } if *there == tp => {
            let how = if *unclean {
                "elected, although not in sync"
            } else {
                "elected"
            };
            Some(("elected", leader.0, format!("{how}, leader epoch {leader_epoch}")))
        }
        Event::Truncated {
            broker,
            tp: there,
            from,
            to,
        } if *there == tp => Some(("truncated", broker.0, format!("log cut from offset {from} to {to}"))),
        Event::NotEnoughReplicas {
            broker, tp: there, isr, ..
        } if *there == tp => Some(("refused", broker.0, format!("refused a write: {} in sync", isr.len()))),
        _ => None,
    }
}
