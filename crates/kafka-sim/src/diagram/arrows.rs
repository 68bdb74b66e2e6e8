//! Messages on their way: handed over, appended, replicated, acknowledged, read.

use std::collections::{BTreeMap, BTreeSet};

use kafka_sim_check::{MessageId, Observation};
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::peer::Tp;
use serde::Serialize;

use super::data::millis;
use super::words::{broker, producer, reader};
use crate::sim::Run;

/// Something that went from one lane to another, or was said to.
#[derive(Serialize)]
pub(super) struct Arrow {
    pub(super) kind: &'static str,
    pub(super) from: String,
    pub(super) sent: f64,
    pub(super) to: String,
    pub(super) arrived: f64,
    pub(super) label: String,
    pub(super) message: String,
    /// A promise was broken for this message.
    pub(super) broken: bool,
}

/// A record of a partition as a broker holds it.
struct Append {
    at: u64,
    broker: i32,
    base: i64,
    last: i64,
}

/// All arrows about messages of one partition.
pub(super) fn arrows(run: &Run, topic: &str, tp: Tp, suspects: &BTreeSet<MessageId>) -> Vec<Arrow> {
    let appends = appends(run, tp);
    let mut found = Finder {
        suspects,
        sent: BTreeMap::new(),
        arrows: Vec::new(),
    };
    for observation in run.history.observations() {
        match observation {
            Observation::Sent {
                at, producer, message, ..
            } => drop(found.sent.insert(message, (at, producer))),
            Observation::Acked {
                at,
                message,
                partition,
                offset: Some(offset),
            } if partition == tp.partition => found.acked(at, message, offset, &appends),
            Observation::Read {
                at,
                reader,
                topic: read,
                partition,
                offset,
                message: Some(message),
                ..
            } if *read == *topic && partition == tp.partition => found.read(run, tp, at, reader, message, offset),
            _ => {}
        }
    }
    found.replicated(run, tp, &appends);
    found.arrows
}

fn appends(run: &Run, tp: Tp) -> Vec<Append> {
    let appended = run.events.iter().filter_map(|(at, event)| match event {
        Event::Appended {
            broker,
            tp: there,
            base,
            last,
            duplicate: false,
            ..
        } if *there == tp => Some(Append {
            at: at.as_nanos(),
            broker: broker.0,
            base: *base,
            last: *last,
        }),
        _ => None,
    });
    appended.collect()
}

struct Finder<'a> {
    suspects: &'a BTreeSet<MessageId>,
    sent: BTreeMap<MessageId, (u64, u32)>,
    arrows: Vec<Arrow>,
}

impl Finder<'_> {
    /// From the producer to the leader that appended it last before it was acknowledged, and back.
    fn acked(&mut self, at: u64, message: MessageId, offset: i64, appends: &[Append]) {
        let append = appends
            .iter()
            .rfind(|append| append.at <= at && (append.base..=append.last).contains(&offset));
        let (Some(append), Some((sent, index))) = (append, self.sent.get(&message).copied()) else {
            return;
        };
        let (client, leader) = (producer(index), broker(append.broker));
        let place = format!("{message} at offset {offset}");
        self.push(
            "send",
            (client.clone(), sent),
            (leader.clone(), append.at),
            format!("{place}: sent and appended"),
            message,
        );
        self.push(
            "ack",
            (leader, append.at),
            (client, at),
            format!("{place}: acknowledged"),
            message,
        );
    }

    fn read(&mut self, run: &Run, tp: Tp, at: u64, index: u32, message: MessageId, offset: i64) {
        let answer = run.events.iter().rev().find_map(|(when, event)| match event {
            Event::FetchAnswered {
                broker,
                tp: there,
                from,
                next,
                ..
            } if *there == tp && when.as_nanos() <= at && (*from..*next).contains(&offset) => {
                Some((broker.0, when.as_nanos()))
            }
            _ => None,
        });
        if let Some((id, when)) = answer {
            let label = format!("{message} at offset {offset}: read");
            self.push("read", (broker(id), when), (reader(index), at), label, message);
        }
    }

    /// From the broker that appended it as a leader to every follower.
    fn replicated(&mut self, run: &Run, tp: Tp, appends: &[Append]) {
        let mut told = BTreeMap::new();
        for arrow in self.arrows.iter().filter(|arrow| arrow.kind == "send") {
            told.insert(
                (arrow.to.clone(), arrow.arrived.to_bits()),
                (arrow.message.clone(), arrow.broken),
            );
        }
        for (at, event) in &run.events {
            let Event::Replicated {
                broker: follower,
                tp: there,
                base,
                last,
                ..
            } = event
            else {
                continue;
            };
            let source = appends
                .iter()
                .rfind(|append| *there == tp && append.at <= at.as_nanos() && (*base..=*last).contains(&append.base));
            let Some(source) = source else { continue };
            let leader = broker(source.broker);
            let (message, broken) = told
                .get(&(leader.clone(), millis(source.at).to_bits()))
                .cloned()
                .unwrap_or_default();
            self.arrows.push(Arrow {
                kind: "replicate",
                from: leader,
                sent: millis(source.at),
                to: broker(follower.0),
                arrived: millis(at.as_nanos()),
                label: format!("offsets {base} to {last}: replicated"),
                message,
                broken,
            });
        }
    }

    fn push(&mut self, kind: &'static str, from: (String, u64), to: (String, u64), label: String, message: MessageId) {
        self.arrows.push(Arrow {
            kind,
            from: from.0,
            sent: millis(from.1),
            to: to.0,
            arrived: millis(to.1),
            label,
            message: message.to_string(),
            broken: self.suspects.contains(&message),
        });
    }
}
