//! Writing Fetch requests straight from a session: there is one for each answer.

use kafka_sim_core::{TopicPartition, wire::FieldWriter};
use uuid::Uuid;

use super::{
    offsets::isolation_code,
    session::{Change, Held, Session},
};
use crate::config::ReaderConfig;

/// Writes the request for what the session has to say.
pub(super) fn put_fetch(
    fields: &mut FieldWriter<'_>,
    version: i16,
    config: &ReaderConfig,
    session: &Session,
    change: &Change,
) {
    if version <= 14 {
        // No follower asks.
        fields.i32(-1);
    }
    fields.i32(i32::try_from(config.fetch_max_wait.as_millis()).unwrap_or(i32::MAX));
    fields.i32(config.fetch_min_bytes);
    fields.i32(config.fetch_max_bytes);
    fields.i8(isolation_code(config.isolation));
    if version >= 7 {
        fields.i32(change.session_id);
        fields.i32(change.session_epoch);
    }
    put_topics(fields, version, config, session);
    if version >= 7 {
        fields.count(change.forgotten.len());
        for (partition, topic_id) in &change.forgotten {
            put_topic(fields, version, partition, *topic_id);
            fields.count(1);
            fields.i32(partition.partition);
            fields.no_tags();
        }
    }
    if version >= 11 {
        fields.nullable_string(Some(&config.client_rack));
    }
    fields.no_tags();
}

fn put_topics(fields: &mut FieldWriter<'_>, version: i16, config: &ReaderConfig, session: &Session) {
    if !session.names_some() {
        return fields.count(0);
    }
    fields.count(session.named_topics().count());
    for topic in session.named_topics() {
        put_topic(fields, version, &topic[0].partition, topic[0].wanted.topic_id);
        let named = || topic.iter().filter(|held| held.named);
        fields.count(named().count());
        for held in named() {
            put_partition(fields, version, held, config.max_partition_fetch_bytes);
        }
        fields.no_tags();
    }
}

fn put_topic(fields: &mut FieldWriter<'_>, version: i16, partition: &TopicPartition, topic_id: Uuid) {
    if version >= 13 {
        fields.uuid(topic_id);
    } else {
        fields.nullable_string(Some(&partition.topic));
    }
}

fn put_partition(fields: &mut FieldWriter<'_>, version: i16, held: &Held, max_bytes: i32) {
    fields.i32(held.partition.partition);
    if version >= 9 {
        fields.i32(held.wanted.leader_epoch);
    }
    fields.i64(held.wanted.offset);
    if version >= 12 {
        // The epoch of the last record fetched, which followers tell.
        fields.i32(-1);
    }
    if version >= 5 {
        // Where the log begins, which followers tell.
        fields.i64(-1);
    }
    fields.i32(max_bytes);
    fields.no_tags();
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{
        FetchRequest,
        fetch_request::{FetchPartition, FetchTopic, ForgottenTopic},
    };
    use kafka_sim_core::wire::{ApiKey, RequestHead, RequestKind, StrBytes, decode_request, write_request};

    use super::{super::session::Wanted, *};

    fn name(topic: &str) -> StrBytes {
        StrBytes::from_string(topic.to_owned())
    }

    fn id_of(topic: &str) -> Uuid {
        Uuid::from_u128(u128::from(topic.as_bytes()[0]))
    }

    /// A session in its second request: one topic has new offsets, one is as it was, and one is gone.
    fn session() -> (Session, Change) {
        let mut session = Session::default();
        let partition = |topic: &str, index: i32, offset: i64| {
            let wanted = Wanted {
                offset,
                leader_epoch: 4,
                topic_id: id_of(topic),
            };
            (TopicPartition::new(topic, index), wanted)
        };
        let before = [
            partition("a", 0, 1),
            partition("a", 1, 1),
            partition("b", 0, 1),
            partition("c", 7, 1),
        ];
        session.next(before.iter().map(|(partition, wanted)| (partition, *wanted)), false);
        session.answered(77);
        let after = [
            partition("a", 0, 300),
            partition("a", 1, 301),
            partition("b", 0, 1),
            partition("d", 2, 5),
        ];
        let change = session.next(after.iter().map(|(partition, wanted)| (partition, *wanted)), false);
        (session, change)
    }

    /// The same request by way of the generated types.
    fn generated(config: &ReaderConfig, version: i16) -> FetchRequest {
        let topic = |name_: &str, partitions: &[(i32, i64)]| {
            let partition = |&(index, offset): &(i32, i64)| {
                FetchPartition::default()
                    .with_partition(index)
                    .with_current_leader_epoch(if version >= 9 { 4 } else { -1 })
                    .with_fetch_offset(offset)
                    .with_partition_max_bytes(config.max_partition_fetch_bytes)
            };
            let topic = match version {
                ..=12 => FetchTopic::default().with_topic(name(name_).into()),
                _ => FetchTopic::default().with_topic_id(id_of(name_)),
            };
            topic.with_partitions(partitions.iter().map(partition).collect())
        };
        let request = FetchRequest::default()
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(52_428_800)
            .with_topics(vec![topic("a", &[(0, 300), (1, 301)]), topic("d", &[(2, 5)])]);
        let request = match version {
            ..=6 => request,
            _ => {
                let forgotten = ForgottenTopic::default().with_partitions(vec![7]);
                let forgotten = match version {
                    ..=12 => forgotten.with_topic(name("c").into()),
                    _ => forgotten.with_topic_id(id_of("c")),
                };
                request
                    .with_session_id(77)
                    .with_session_epoch(1)
                    .with_forgotten_topics_data(vec![forgotten])
            }
        };
        match version {
            ..=10 => request,
            _ => request.with_rack_id(name("r1")),
        }
    }

    #[test]
    fn every_version_says_what_was_meant() {
        let config = ReaderConfig::java().set("client.rack", "r1").unwrap();
        let (session, change) = session();
        for version in 4..=18 {
            let head = RequestHead {
                api_key: ApiKey::Fetch,
                version,
                correlation_id: 5,
                client_id: None,
            };
            let mut frame = b"left over".to_vec();
            write_request(&head, &mut frame, |fields| {
                put_fetch(fields, version, &config, &session, &change);
            })
            .unwrap();
            let size = i32::from_be_bytes(frame[..4].try_into().unwrap());
            assert_eq!(usize::try_from(size).unwrap() + 4, frame.len());
            let (head_read, body) = decode_request(bytes::Bytes::from(frame).slice(4..)).unwrap();
            assert_eq!(
                (head_read, body),
                (head, RequestKind::Fetch(generated(&config, version))),
                "{version}"
            );
        }
    }
}
