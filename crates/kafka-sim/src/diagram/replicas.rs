//! Replicas over time: log end, high watermark, durable end, and who is in sync.

use std::collections::BTreeMap;

use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::peer::Tp;
use kafka_sim_core::{BrokerId, Offset, SimTime};
use serde::Serialize;

use super::data::millis;
use super::words::broker;
use crate::sim::Run;

/// Steps of a value: from each instant on it is the given one.
type Steps = Vec<(f64, i64)>;

/// One replica.
#[derive(Serialize, Default)]
pub(super) struct Replica {
    pub(super) log_end: Steps,
    pub(super) high_watermark: Steps,
    pub(super) durable_end: Steps,
}

/// From `at` on, these brokers are in sync, and this one leads.
#[derive(Serialize)]
pub(super) struct InSync {
    pub(super) at: f64,
    pub(super) isr: Vec<i32>,
    pub(super) leader: Option<i32>,
}

/// All replicas of a partition, and its ISR.
#[derive(Serialize)]
pub(super) struct Curves {
    pub(super) replicas: BTreeMap<String, Replica>,
    pub(super) isr: Vec<InSync>,
}

pub(super) fn curves(run: &Run, tp: Tp) -> Curves {
    let mut replicas: BTreeMap<String, Replica> = BTreeMap::new();
    for (at, event) in &run.events {
        let Some((id, what, value)) = step(event, tp) else {
            continue;
        };
        let replica = replicas.entry(broker(id.0)).or_default();
        let steps = match what {
            What::LogEnd => &mut replica.log_end,
            What::HighWatermark => &mut replica.high_watermark,
            What::DurableEnd => &mut replica.durable_end,
        };
        steps.push((millis(at.as_nanos()), value));
    }
    Curves {
        replicas,
        isr: in_sync(run, tp),
    }
}

enum What {
    LogEnd,
    HighWatermark,
    DurableEnd,
}

fn step(event: &Event, tp: Tp) -> Option<(BrokerId, What, Offset)> {
    match event {
        Event::Appended {
            broker,
            tp: there,
            last,
            ..
        }
        | Event::Replicated {
            broker,
            tp: there,
            last,
            ..
        } if *there == tp => Some((*broker, What::LogEnd, last + 1)),
        Event::Truncated {
            broker, tp: there, to, ..
        } if *there == tp => Some((*broker, What::LogEnd, *to)),
        Event::Recovered {
            broker,
            tp: there,
            log_end,
            ..
        } if *there == tp => Some((*broker, What::LogEnd, *log_end)),
        Event::HighWatermark { broker, tp: there, hw } if *there == tp => Some((*broker, What::HighWatermark, *hw)),
        Event::Flushed {
            broker,
            tp: there,
            up_to,
        } if *there == tp => Some((*broker, What::DurableEnd, *up_to)),
        _ => None,
    }
}

fn in_sync(run: &Run, tp: Tp) -> Vec<InSync> {
    let mut leader = None;
    let mut isr: Vec<i32> = Vec::new();
    let mut steps: Vec<InSync> = Vec::new();
    // What it was before its first change is told by that change.
    let first = run.events.iter().find_map(|(_, event)| match event {
        Event::IsrChanged { tp: there, was, .. } if *there == tp => Some(was.iter().map(|id| id.0).collect()),
        _ => None,
    });
    let at_the_end = || {
        run.view
            .partitions
            .iter()
            .find(|view| view.partition == tp.partition && replicated_here(run, tp, &view.topic))
    };
    isr.extend(
        first.unwrap_or_else(|| at_the_end().map_or_else(Vec::new, |view| view.isr.iter().map(|id| id.0).collect())),
    );
    let mut push = |at: SimTime, isr: &[i32], leader: Option<i32>| {
        steps.push(InSync {
            at: millis(at.as_nanos()),
            isr: isr.to_vec(),
            leader,
        });
    };
    for (at, event) in &run.events {
        match event {
            Event::BecameLeader { broker, tp: there, .. } if *there == tp => leader = Some(broker.0),
            Event::LeaderElected {
                tp: there, leader: now, ..
            } if *there == tp => leader = now.map(|id| id.0),
            Event::IsrChanged {
                tp: there, isr: now, ..
            } if *there == tp => isr = now.iter().map(|id| id.0).collect(),
            _ => continue,
        }
        push(*at, &isr, leader);
    }
    steps
}

fn replicated_here(run: &Run, tp: Tp, name: &str) -> bool {
    run.events.iter().any(|(_, event)| matches!(event, Event::TopicCreated { topic, name: created, .. } if *topic == tp.topic && **created == *name))
}
