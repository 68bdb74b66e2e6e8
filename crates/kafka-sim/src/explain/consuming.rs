//! What groups did wrong: why a stored message was not processed, and why an effect took place again.

use kafka_sim_check::{Cause, Completion, MessageId, Observation, Stage};
use kafka_sim_core::{Offset, SimTime};

use super::Explainer;
use super::loss::clock;
use super::patterns::ConsumerSettings;

/// A place in a log.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    topic: &'a str,
    partition: i32,
    offset: Offset,
}

impl<'a> Spot<'a> {
    pub(super) fn new(topic: &'a str, partition: i32, offset: Offset) -> Spot<'a> {
        Spot {
            topic,
            partition,
            offset,
        }
    }
}

/// What a group's consumers did with a record: when, and which.
#[derive(Default)]
struct Tale {
    given: Option<(SimTime, u32)>,
    /// The first commit that passed it.
    passed: Option<(SimTime, u32)>,
    /// The end of the process that was given it last.
    died: Option<(SimTime, u32)>,
    processed: bool,
}

impl Explainer<'_> {
    /// A message that is in the log and that the group never processed, or passed over.
    pub(super) fn explain_unprocessed(&self, group: &str, spot: Option<Spot<'_>>) -> (Vec<String>, Cause) {
        let tale = spot.map(|spot| self.tale(group, spot)).unwrap_or_default();
        let mut told = Vec::new();
        if let Some((at, reader)) = tale.given {
            told.push((at, format!("{} was given it", self.consumer(reader))));
        } else {
            told.push((SimTime::ZERO, format!("no consumer of group {group} was ever given it")));
        }
        if let Some((at, reader)) = tale.passed {
            told.push((at, format!("{} committed an offset beyond it", self.consumer(reader))));
        }
        if let Some((at, reader)) = tale.died.filter(|_| !tale.processed) {
            told.push((
                at,
                format!("{} died without having processed it", self.consumer(reader)),
            ));
        }
        told.sort_by_key(|(at, _)| *at);
        let story = told
            .into_iter()
            .map(|(at, sentence)| format!("{} {sentence}", clock(at)));
        let settings = self.settings.consumer(group);
        let (allowed, prevents) = match settings {
            Some(settings) if tale.given.is_none() => settings.resetting(),
            Some(settings) => settings.passing(),
            None => Default::default(),
        };
        let cause = Cause {
            fault: tale.died.and_then(|(at, reader)| self.fault_of_consumer(reader, at)),
            setting_allowed: allowed,
            setting_prevents: prevents,
            ..Cause::in_stage(Stage::Consumption)
        };
        (story.collect(), cause)
    }

    /// An effect that took place again.
    pub(super) fn explain_repeated_effect(
        &self,
        group: Option<&str>,
        times: &[(u64, u32, MessageId)],
    ) -> (Vec<String>, Cause) {
        let story = times.iter().map(|(at, reader, message)| {
            let at = clock(SimTime::from_nanos(*at));
            format!("{at} the effect of {message} took place in {}", self.consumer(*reader))
        });
        let mut story: Vec<String> = story.collect();
        let died = times.first().and_then(|(_, reader, _)| self.death_of(*reader));
        if let Some((at, reader)) = died {
            story.push(format!(
                "{} {} died before its progress was committed",
                clock(at),
                self.consumer(reader)
            ));
        }
        let settings = group.and_then(|group| self.settings.consumer(group));
        let (allowed, prevents) = settings.map(ConsumerSettings::repeating).unwrap_or_default();
        let cause = Cause {
            fault: died.and_then(|(at, reader)| self.fault_of_consumer(reader, at)),
            setting_allowed: allowed,
            setting_prevents: prevents,
            ..Cause::in_stage(Stage::Consumption)
        };
        (story, cause)
    }

    fn tale(&self, group: &str, spot: Spot<'_>) -> Tale {
        let mut tale = Tale::default();
        let mut members = Vec::new();
        let here = |topic: &str, partition: i32| topic == spot.topic && partition == spot.partition;
        for seen in self.history.observations() {
            match seen {
                Observation::Joined { reader, group: of, .. } if *of == *group => members.push(reader),
                Observation::Read {
                    at,
                    reader,
                    topic,
                    partition,
                    offset,
                    ..
                } if here(&topic, partition) && offset == spot.offset && members.contains(&reader) => {
                    tale.given = Some((SimTime::from_nanos(at), reader));
                    tale.died = None;
                }
                Observation::Processed {
                    reader,
                    topic,
                    partition,
                    offset,
                    ..
                } if here(&topic, partition) && offset == spot.offset && members.contains(&reader) => {
                    tale.processed = true;
                }
                Observation::Committed {
                    at,
                    reader,
                    topic,
                    partition,
                    offset,
                    completion: Completion::Ok,
                } if here(&topic, partition) && offset > spot.offset && members.contains(&reader) => {
                    tale.passed.get_or_insert((SimTime::from_nanos(at), reader));
                }
                Observation::Died { at, reader } if tale.given.is_some_and(|(_, given)| given == reader) => {
                    tale.died = Some((SimTime::from_nanos(at), reader));
                }
                _ => {}
            }
        }
        tale
    }

    fn death_of(&self, reader: u32) -> Option<(SimTime, u32)> {
        self.history.observations().find_map(|seen| match seen {
            Observation::Died { at, reader: dead } if dead == reader => Some((SimTime::from_nanos(at), reader)),
            _ => None,
        })
    }

    /// The place of a message that somebody read.
    pub(super) fn place_seen(&self, message: MessageId, topic: &str, partition: i32) -> Option<Offset> {
        self.history.observations().find_map(|seen| match seen {
            Observation::Read {
                message: Some(read),
                topic: of,
                partition: index,
                offset,
                ..
            } if read == message && *of == *topic && index == partition => Some(offset),
            _ => None,
        })
    }

    /// A consumer in words: its host, and which of its processes it is.
    fn consumer(&self, reader: u32) -> String {
        match self.settings.host_of(reader) {
            Some((host, 0)) => host,
            Some((host, life)) => format!("{host} (process {})", life + 1),
            None => format!("consumer {reader}"),
        }
    }

    /// The fault that ended the process of a consumer at that instant.
    fn fault_of_consumer(&self, reader: u32, died_at: SimTime) -> Option<String> {
        let (host, _) = self.settings.host_of(reader)?;
        self.fault_of_client(&host, died_at, died_at)
    }
}
