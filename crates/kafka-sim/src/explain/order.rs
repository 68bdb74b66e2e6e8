//! Why a message is there twice, in the wrong order, or replaced by another.

use std::sync::Arc;

use kafka_sim_check::{Cause, MessageId, Outcome, Place, Setting, Stage};
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::peer::Tp;
use kafka_sim_core::{Offset, SimTime};

use super::Explainer;
use super::loss::clock;

const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";
const FAILED_FIRST: &str = "the first attempt of the earlier record failed while a later request was already in flight";
/// Kafka's `ProducerAppendInfo.checkSequence`: only transactional producers of version 2 must begin with 0.
const OVERTAKEN: &str = "the earlier record was on its way to a broker that had ceased to lead when later ones were sent \
                         to the new leader, which knew nothing of this producer and so took a sequence number above 0";

impl Explainer<'_> {
    pub(super) fn explain_duplicate(
        &self,
        producer: Option<u32>,
        topic: &str,
        places: &[Place],
    ) -> (Vec<String>, Cause) {
        let mut story = Vec::new();
        let mut producers = Vec::new();
        for place in places {
            if let Some((at, broker, producer_id)) = self
                .tp(topic, place.partition)
                .and_then(|tp| self.append_of(tp, place.offset))
            {
                story.push(format!(
                    "{} broker {broker} appended it to {topic}-{} at offset {}",
                    clock(at),
                    place.partition,
                    place.offset
                ));
                producers.push(producer_id);
            }
        }
        let first = places
            .first()
            .and_then(|place| self.append_of(self.tp(topic, place.partition)?, place.offset));
        if let Some((at, sentence)) = first.and_then(|(at, ..)| self.answer_lost_after(at)) {
            story.push(format!("{} {sentence}, so the producer sent it again", clock(at)));
        }
        let idempotent = producer
            .and_then(|index| self.settings.producer(index))
            .is_some_and(|p| p.idempotent);
        let (allowed, prevents) = if !idempotent {
            (
                Setting::new("enable.idempotence", "false"),
                Setting::new("enable.idempotence", "true"),
            )
        } else if producers.windows(2).any(|pair| pair[0] != pair[1]) {
            (
                Setting::new("application", "uses a new producer"),
                Setting::new("application", "drops repeats by business key"),
            )
        } else {
            let expiry = self.settings.broker("producer.id.expiration.ms", "86400000");
            (
                Setting::new("producer.id.expiration.ms", expiry),
                Setting::new("producer.id.expiration.ms", "longer than delivery.timeout.ms"),
            )
        };
        let cause = Cause {
            fault: self.last_fault(SimTime::MAX),
            setting_allowed: vec![allowed],
            setting_prevents: vec![prevents],
            ..Cause::in_stage(Stage::Production)
        };
        (story, cause)
    }

    /// When what is at this offset was appended, by whom, and under which producer id. An earlier append there was cut off.
    fn append_of(&self, tp: Tp, offset: Offset) -> Option<(SimTime, i32, i64)> {
        self.events.iter().rev().find_map(|(at, event)| match event {
            Event::Appended {
                broker,
                tp: there,
                base,
                last,
                producer_id,
                duplicate: false,
                ..
            } if *there == tp && (*base..=*last).contains(&offset) => Some((*at, broker.0, *producer_id)),
            _ => None,
        })
    }

    fn answer_lost_after(&self, since: SimTime) -> Option<(SimTime, &'static str)> {
        self.events
            .iter()
            .filter(|(at, _)| *at >= since)
            .find_map(|(at, event)| match event {
                Event::ResponseDropped { .. } => Some((*at, "the response was lost")),
                Event::ConnectionClosed { .. } => Some((*at, "the connection ended before the response")),
                Event::ProduceAnswered { error, .. } if !error.is_ok() => {
                    Some((*at, "the answer was an error although the records were in the log"))
                }
                Event::BrokerPaused { .. } => Some((*at, "the broker stood still")),
                Event::BrokerPowerLost { .. } => Some((*at, "the broker lost power")),
                _ => None,
            })
    }

    pub(super) fn explain_reordering(
        &self,
        producer: u32,
        topic: &str,
        partition: i32,
        earlier_offset: Offset,
        later_offset: Offset,
    ) -> (Vec<String>, Cause) {
        let mut story = Vec::new();
        if let Some(tp) = self.tp(topic, partition) {
            for (what, offset) in [
                ("the later record", later_offset),
                ("the earlier record", earlier_offset),
            ] {
                if let Some((at, broker, _)) = self.append_of(tp, offset) {
                    story.push(format!(
                        "{} broker {broker} appended {what} at offset {offset}",
                        clock(at)
                    ));
                }
            }
        }
        let settings = self.settings.producer(producer);
        let in_flight = settings.map_or(5, |s| s.max_in_flight).to_string();
        let one_by_one = Setting::new(IN_FLIGHT, "1");
        let in_flight = Setting::new(IN_FLIGHT, in_flight);
        let (why, allowed, prevents) = if settings.is_some_and(|s| s.idempotent) {
            (OVERTAKEN, vec![in_flight], vec![one_by_one])
        } else {
            let switch = |value| Setting::new("enable.idempotence", value);
            (FAILED_FIRST, vec![switch("false"), in_flight], vec![switch("true")])
        };
        story.push(why.into());
        let cause = Cause {
            fault: self.last_fault(SimTime::MAX),
            setting_allowed: allowed,
            setting_prevents: prevents,
            ..Cause::in_stage(Stage::Production)
        };
        (story, cause)
    }

    pub(super) fn explain_inconsistency(
        &self,
        topic: &str,
        partition: i32,
        offset: Offset,
        messages: &[Option<MessageId>],
    ) -> (Vec<String>, Cause) {
        let Some(tp) = self.tp(topic, partition) else {
            return (Vec::new(), Cause::in_stage(Stage::Storage));
        };
        let appends = self.events.iter().filter_map(|(at, event)| match event {
            Event::Appended {
                broker,
                tp: there,
                base,
                last,
                leader_epoch,
                duplicate: false,
                ..
            } if *there == tp && (*base..=*last).contains(&offset) => Some(format!(
                "{} broker {} appended a record at offset {offset} in leader epoch {leader_epoch}",
                clock(*at),
                broker.0
            )),
            _ => None,
        });
        let story = appends.collect();
        let unclean = self
            .events
            .iter()
            .any(|(_, event)| matches!(event, Event::LeaderElected { tp: there, unclean: true, .. } if *there == tp));
        let min_isr = self
            .settings
            .topic(topic, "min.insync.replicas", "min.insync.replicas", "1");
        let acks = self.weakest_acks(messages);
        let (allowed, prevents) = if let (false, Some(acks @ (0 | 1))) = (unclean, acks) {
            (Setting::new("acks", acks.to_string()), Setting::new("acks", "all"))
        } else if unclean {
            (
                Setting::new("unclean.leader.election.enable", "true"),
                Setting::new("unclean.leader.election.enable", "false"),
            )
        } else if min_isr == "1" {
            (
                Setting::new("min.insync.replicas", "1"),
                Setting::new("min.insync.replicas", "2"),
            )
        } else {
            (
                Setting::new("flush.messages", "9223372036854775807"),
                Setting::new("flush.messages", "1"),
            )
        };
        (
            story,
            Cause {
                fault: self.last_fault(SimTime::MAX),
                setting_allowed: vec![allowed],
                setting_prevents: vec![prevents],
                ..Cause::in_stage(Stage::Storage)
            },
        )
    }

    /// The least that any producer of these messages asked for, of 0 and 1; `None` if all waited for every replica.
    fn weakest_acks(&self, messages: &[Option<MessageId>]) -> Option<i16> {
        let producers = messages
            .iter()
            .flatten()
            .filter_map(|id| self.history.message(*id))
            .map(|message| message.producer);
        producers
            .filter_map(|index| self.settings.producer(index))
            .map(|settings| settings.acks)
            .filter(|acks| *acks >= 0)
            .min()
    }

    /// The application handed the same content over again although the first attempt had arrived, or was yet to arrive.
    pub(super) fn explain_repetition(&self, appearances: &[(Arc<str>, Place, MessageId)]) -> (Vec<String>, Cause) {
        let mut told: Vec<(SimTime, String)> = Vec::new();
        for (topic, place, id) in appearances {
            if let Some((at, broker, _)) = self
                .tp(topic, place.partition)
                .and_then(|tp| self.append_of(tp, place.offset))
            {
                told.push((
                    at,
                    format!(
                        "broker {broker} appended {id} to {topic}-{} at offset {}",
                        place.partition, place.offset
                    ),
                ));
            }
            let Some(message) = self.history.message(*id) else {
                continue;
            };
            if let Some(first) = message.resend_of {
                told.push((SimTime::from_nanos(message.sent_at), format!("the application handed over the content of {first} again, as a new record {id} that no producer id can recognise")));
            }
            if let Some(Outcome::Unknown { at, error }) = message.outcome {
                told.push((
                    SimTime::from_nanos(at),
                    format!("the application was told that {id} had failed: {error}"),
                ));
            }
        }
        told.sort_by_key(|(at, _)| *at);
        let story = told
            .into_iter()
            .map(|(at, sentence)| format!("{} {sentence}", clock(at)))
            .collect();
        let cause = Cause {
            fault: self.last_fault(SimTime::MAX),
            setting_allowed: vec![Setting::new("application", "sends again")],
            setting_prevents: vec![
                Setting::new("application", "drops repeats by business key"),
                Setting::new("delivery.timeout.ms", "longer than any outage"),
            ],
            ..Cause::in_stage(Stage::Production)
        };
        (story, cause)
    }

    pub(super) fn explain_moved_key(&self) -> (Vec<String>, Cause) {
        let story =
            vec!["the key was mapped to a partition by the number of partitions, and that number changed".into()];
        let growth = self.events.iter().find_map(|(at, event)| match event {
            Event::FaultFired { description, .. } if description.starts_with("growth of") => {
                Some(format!("{description} at {}", clock(*at)))
            }
            _ => None,
        });
        let cause = Cause {
            fault: growth,
            setting_allowed: vec![Setting::new("partitions", "added later")],
            setting_prevents: vec![Setting::new("partitions", "fixed from the start")],
            ..Cause::in_stage(Stage::Production)
        };
        (story, cause)
    }
}
