//! Encoding Produce responses straight from what became of the records.

use bytes::Bytes;
use kafka_sim_core::BrokerId;
use kafka_sim_core::wire::{FieldWriter, RequestHead, ResponseWriter};

use super::endpoints::{Endpoint, put_endpoints};
use crate::broker::ProduceOutcome;

/// Bytes that most responses take.
const USUAL_SIZE: usize = 128;

/// The frame, size prefix included. `leaders`: per partition, where to go instead; empty: nowhere.
pub(super) fn encode(
    responses: &mut ResponseWriter,
    head: &RequestHead,
    outcomes: &[ProduceOutcome],
    leaders: &[Option<(BrokerId, i32)>],
    endpoints: &[Endpoint],
) -> Bytes {
    let frame = responses.write(head, USUAL_SIZE, |fields| {
        put_topics(fields, head.version, outcomes, leaders);
        fields.i32(0);
        put_endpoints(fields, endpoints);
    });
    frame.expect("the version is served, and what is said of each batch is short")
}

fn put_topics(
    fields: &mut FieldWriter<'_>,
    version: i16,
    outcomes: &[ProduceOutcome],
    leaders: &[Option<(BrokerId, i32)>],
) {
    let same_topic =
        |a: &ProduceOutcome, b: &ProduceOutcome| a.topic_id == b.topic_id && a.topic.as_str() == b.topic.as_str();
    fields.count(outcomes.chunk_by(same_topic).count());
    let mut leaders = leaders.iter();
    for group in outcomes.chunk_by(same_topic) {
        if version >= 13 {
            fields.uuid(group[0].topic_id);
        } else {
            fields.nullable_string(Some(&group[0].topic));
        }
        fields.count(group.len());
        for outcome in group {
            put_partition(fields, version, outcome, leaders.next().copied().flatten());
        }
        fields.no_tags();
    }
}

fn put_partition(
    fields: &mut FieldWriter<'_>,
    version: i16,
    outcome: &ProduceOutcome,
    elsewhere: Option<(BrokerId, i32)>,
) {
    fields.i32(outcome.index);
    fields.i16(outcome.error.0);
    fields.i64(outcome.base_offset);
    fields.i64(outcome.log_append_time);
    if version >= 5 {
        fields.i64(outcome.log_start);
    }
    if version >= 8 {
        fields.count(outcome.record_errors.len());
        for (index, message) in &outcome.record_errors {
            fields.i32(*index);
            fields.nullable_string(Some(message));
            fields.no_tags();
        }
        fields.nullable_string(outcome.message.as_deref());
    }
    fields.tags(usize::from(elsewhere.is_some()));
    if let Some((id, epoch)) = elsewhere {
        fields.tagged(0, |leader| {
            leader.i32(id.0);
            leader.i32(epoch);
            leader.no_tags();
        });
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{ApiKey, ResponseKind};
    use kafka_protocol::protocol::StrBytes;
    use kafka_sim_core::{ErrorCode, wire};
    use uuid::Uuid;

    use super::super::endpoints::testing::{head, somewhere};
    use super::*;
    use crate::peer::Tp;

    fn outcome(topic: &'static str, index: i32, error: ErrorCode) -> ProduceOutcome {
        let topic_id = Uuid::from_u128(7 + topic.len() as u128);
        ProduceOutcome {
            topic: StrBytes::from_static_str(topic),
            topic_id,
            index,
            tp: Some(Tp {
                topic: topic_id,
                partition: index,
            }),
            error,
            message: (!error.is_ok()).then(|| "not here".to_owned()),
            record_errors: if error.is_ok() {
                Vec::new()
            } else {
                vec![(3, "no key".to_owned())]
            },
            base_offset: 40 + i64::from(index),
            last_offset: 50,
            log_append_time: 60,
            log_start: 5,
            pending: false,
        }
    }

    #[test]
    fn every_version_decodes_to_what_was_meant() {
        let outcomes = [
            outcome("orders", 0, ErrorCode::NONE),
            outcome("orders", 1, ErrorCode::NOT_LEADER_OR_FOLLOWER),
            outcome("users", 0, ErrorCode::NONE),
        ];
        for version in 3..=13_i16 {
            let told = version >= 10;
            let leaders = [None, told.then_some((BrokerId(2), 9)), None];
            let named = [somewhere(2)];
            let endpoints = if told { &named[..] } else { &[] };
            let head = head(ApiKey::Produce, version);
            let frame = encode(&mut ResponseWriter::default(), &head, &outcomes, &leaders, endpoints);
            let (correlation_id, body) = wire::decode_response(ApiKey::Produce, version, frame.slice(4..)).unwrap();
            let ResponseKind::Produce(response) = body else {
                panic!("not a produce response")
            };
            assert_eq!((correlation_id, response.responses.len()), (5, 2), "version {version}");
            let orders = &response.responses[0];
            if version >= 13 {
                assert_eq!(orders.topic_id, outcomes[0].topic_id);
            } else {
                assert_eq!(orders.name.as_str(), "orders");
            }
            let (first, second) = (&orders.partition_responses[0], &orders.partition_responses[1]);
            assert_eq!((first.index, first.base_offset, first.log_append_time_ms), (0, 40, 60));
            assert_eq!(first.log_start_offset, if version >= 5 { 5 } else { -1 });
            assert_eq!((second.index, second.error_code), (1, 6));
            if version >= 8 {
                assert_eq!(second.error_message.as_deref(), Some("not here"));
                assert_eq!(second.record_errors[0].batch_index, 3);
                let message = second.record_errors[0].batch_index_error_message.as_deref();
                assert_eq!(message, Some("no key"));
            }
            if version >= 10 {
                let told = &second.current_leader;
                assert_eq!((told.leader_id.0, told.leader_epoch), (2, 9));
                assert_eq!(first.current_leader.leader_id.0, -1);
                let endpoint = &response.node_endpoints[0];
                assert_eq!((endpoint.host.as_str(), endpoint.port), ("host", 9092));
                assert_eq!(endpoint.rack.as_deref(), Some("rack"));
            }
        }
    }
}
