//! CreateTopics and DeleteTopics: each answer.

use super::*;
use crate::controller::{INTERNAL_TOPICS, internal_topic};

fn code(outcome: Result<CreatedTopic, Refusal>) -> ErrorCode {
    outcome.map_or_else(|refusal| refusal.code, |_| ErrorCode::NONE)
}

fn with_config(key: &str, value: Option<&str>) -> NewTopic {
    NewTopic {
        configs: vec![(Arc::from(key), value.map(Arc::from))],
        ..automatic("orders", 1, 1)
    }
}

#[test]
fn a_created_topic_has_an_id_its_replicas_in_sync_and_its_overrides() {
    let mut rig = Rig::new(3, &[]);
    let mut topic = automatic("orders", 3, 3);
    topic.configs.push((Arc::from("retention.ms"), Some(Arc::from("5"))));
    let created = rig.create_topic(topic).unwrap();
    assert_eq!((created.partitions, created.replication_factor), (3, 3));
    assert_eq!(rig.controller.image().topics[&created.id].partitions.len(), 3);
    let state = rig.state("orders");
    assert_eq!(state.isr, state.replicas);
    assert_eq!(state.leader, Some(state.replicas[0]));
    assert_eq!((state.leader_epoch, state.partition_epoch), (0, 0));
    let overrides = &rig.controller.image().configs[&ConfigResource::Topic(Arc::from("orders"))];
    assert_eq!(overrides["retention.ms"], Arc::from("5"));
    assert!(
        rig.events()
            .iter()
            .any(|e| matches!(e, ControllerEvent::TopicCreated { partitions: 3, .. }))
    );
}

#[test]
fn minus_one_means_the_controllers_defaults() {
    let mut rig = Rig::new(3, &[("num.partitions", "4"), ("default.replication.factor", "2")]);
    let created = rig.create_topic(automatic("orders", -1, -1)).unwrap();
    assert_eq!((created.partitions, created.replication_factor), (4, 2));
}

#[test]
fn fenced_replicas_are_assigned_and_not_in_sync() {
    let mut rig = Rig::new(2, &[]);
    rig.fence(0);
    rig.create("orders", &[&[0, 1]]);
    assert_eq!(rig.roles(), (Some(1), vec![1], vec![]));
}

#[test]
fn names_must_be_legal_new_and_free_of_collisions() {
    let mut rig = Rig::new(1, &[]);
    rig.create("my.topic", &[&[0]]);
    for (name, expected) in [
        ("my topic", ErrorCode::INVALID_TOPIC_EXCEPTION),
        ("..", ErrorCode::INVALID_TOPIC_EXCEPTION),
        ("", ErrorCode::INVALID_TOPIC_EXCEPTION),
        ("my_topic", ErrorCode::INVALID_TOPIC_EXCEPTION),
        ("my.topic", ErrorCode::TOPIC_ALREADY_EXISTS),
        ("__cluster_metadata", ErrorCode::INVALID_REQUEST),
        ("my-topic", ErrorCode::NONE),
    ] {
        assert_eq!(code(rig.create_topic(automatic(name, 1, 1))), expected, "{name}");
    }
    let both = rig.create_topics(vec![automatic("a.b", 1, 1), automatic("a_b", 1, 1)], false);
    let codes: Vec<ErrorCode> = both.into_iter().map(|(_, outcome)| code(outcome)).collect();
    assert_eq!(codes, [ErrorCode::NONE, ErrorCode::INVALID_TOPIC_EXCEPTION]);
}

#[test]
fn a_topic_listed_twice_is_refused_once_and_does_not_hurt_others() {
    let mut rig = Rig::new(1, &[]);
    let answers = rig.create_topics(
        vec![automatic("a", 1, 1), automatic("b", 1, 1), automatic("a", 1, 1)],
        false,
    );
    let codes: Vec<(&str, ErrorCode)> = answers
        .iter()
        .map(|(name, outcome)| (&**name, code(outcome.clone())))
        .collect();
    assert_eq!(codes, [("a", ErrorCode::INVALID_REQUEST), ("b", ErrorCode::NONE)]);
}

#[test]
fn counts_must_be_possible() {
    let mut rig = Rig::new(2, &[]);
    for (partitions, factor, expected) in [
        (0, 1, ErrorCode::INVALID_PARTITIONS),
        (-2, 1, ErrorCode::INVALID_PARTITIONS),
        (1, 0, ErrorCode::INVALID_REPLICATION_FACTOR),
        (1, -2, ErrorCode::INVALID_REPLICATION_FACTOR),
        (1, 3, ErrorCode::INVALID_REPLICATION_FACTOR),
        (10_001, 1, ErrorCode::POLICY_VIOLATION),
        (i32::MAX, 1, ErrorCode::POLICY_VIOLATION),
        (1, 2, ErrorCode::NONE),
    ] {
        let outcome = rig.create_topic(automatic("orders", partitions, factor));
        assert_eq!(code(outcome), expected, "{partitions} partitions, factor {factor}");
    }
    let mut fenced = Rig::new(1, &[]);
    fenced.fence(0);
    assert_eq!(
        code(fenced.create_topic(automatic("a", 1, 1))),
        ErrorCode::INVALID_REPLICATION_FACTOR
    );
}

#[test]
fn replicas_given_by_hand_must_make_sense() {
    let mut rig = Rig::new(3, &[]);
    rig.fence(2);
    let invalid = ErrorCode::INVALID_REPLICA_ASSIGNMENT;
    for (replicas, expected) in [
        (&[&[0, 1][..], &[1]][..], invalid),
        (&[&[]], invalid),
        (&[&[0, 0]], invalid),
        (&[&[0, 9]], invalid),
        (&[&[2]], invalid),
        (&[&[0, 1], &[1, 2]], ErrorCode::NONE),
    ] {
        assert_eq!(
            code(rig.create_topic(manual("orders", replicas))),
            expected,
            "{replicas:?}"
        );
    }
    let gap = NewTopic {
        assignment: vec![(0, ids(&[0])), (2, ids(&[0]))],
        ..automatic("gap", -1, -1)
    };
    assert_eq!(code(rig.create_topic(gap)), invalid);
    let twice = NewTopic {
        assignment: vec![(0, ids(&[0])), (0, ids(&[1]))],
        ..automatic("twice", -1, -1)
    };
    assert_eq!(code(rig.create_topic(twice)), invalid);
    for (partitions, factor) in [(1, -1), (-1, 1)] {
        let both = NewTopic {
            partitions,
            replication_factor: factor,
            ..manual("both", &[&[0]])
        };
        assert_eq!(code(rig.create_topic(both)), ErrorCode::INVALID_REQUEST);
    }
}

#[test]
fn overrides_are_checked_before_anything_exists() {
    let mut rig = Rig::new(1, &[]);
    for topic in [
        with_config("retention.ms", None),
        with_config("retention.msec", Some("1")),
        with_config("retention.ms", Some("soon")),
        with_config("min.compaction.lag.ms", Some("9223372036854775807")),
    ] {
        let expected = if topic.configs[0].0.starts_with("min") {
            ErrorCode::NONE
        } else {
            ErrorCode::INVALID_CONFIG
        };
        assert_eq!(code(rig.create_topic(topic)), expected);
    }
    let mut lags = with_config("min.compaction.lag.ms", Some("5"));
    lags.name = Arc::from("lags");
    lags.configs
        .push((Arc::from("max.compaction.lag.ms"), Some(Arc::from("4"))));
    assert_eq!(code(rig.create_topic(lags)), ErrorCode::INVALID_CONFIG);
}

#[test]
fn validate_only_says_the_same_and_creates_nothing() {
    let mut rig = Rig::new(1, &[]);
    let offset = rig.controller.offset();
    let answers = rig.create_topics(vec![automatic("orders", 2, 1), automatic("bad name", 2, 1)], true);
    let created = answers[0].1.clone().unwrap();
    assert!(created.id.is_nil() && created.partitions == 2);
    assert_eq!(code(answers[1].1.clone()), ErrorCode::INVALID_TOPIC_EXCEPTION);
    assert_eq!(rig.controller.offset(), offset);
    assert!(rig.out.is_empty());
}

#[test]
fn internal_topics_follow_the_brokers_settings() {
    let mut rig = Rig::new(
        3,
        &[
            ("offsets.topic.num.partitions", "7"),
            ("transaction.state.log.min.isr", "1"),
        ],
    );
    for name in INTERNAL_TOPICS {
        let topic = internal_topic(rig.controller.defaults(), name).unwrap();
        let created = rig.create_topic(topic).unwrap();
        let expected = if name == "__consumer_offsets" { 7 } else { 50 };
        assert_eq!((created.partitions, created.replication_factor), (expected, 3));
    }
    let overrides = |name: &str| &rig.controller.image().configs[&ConfigResource::Topic(Arc::from(name))];
    assert_eq!(overrides("__consumer_offsets")["cleanup.policy"], Arc::from("compact"));
    assert_eq!(overrides("__consumer_offsets")["segment.bytes"], Arc::from("104857600"));
    assert_eq!(overrides("__transaction_state")["min.insync.replicas"], Arc::from("1"));
    assert_eq!(internal_topic(rig.controller.defaults(), "orders"), None);
}

fn delete(rig: &mut Rig, topics: Vec<TopicRef>) -> Vec<ErrorCode> {
    let AdminResponse::DeleteTopics(answers) = rig.admin(AdminRequest::DeleteTopics(topics)) else {
        panic!()
    };
    answers
        .into_iter()
        .map(|(.., outcome)| outcome.err().map_or(ErrorCode::NONE, |refusal| refusal.code))
        .collect()
}

#[test]
fn a_topic_that_is_deleted_and_created_again_has_another_id_and_no_overrides() {
    let mut rig = Rig::new(1, &[]);
    rig.create("orders", &[&[0]]);
    rig.set_topic_config("orders", "retention.ms", "5");
    let id = rig.tp("orders", 0).topic;
    assert_eq!(
        delete(&mut rig, vec![TopicRef::Name(Arc::from("orders"))]),
        [ErrorCode::NONE]
    );
    assert!(rig.controller.image().topics.is_empty());
    rig.create("orders", &[&[0]]);
    assert_ne!(rig.tp("orders", 0).topic, id);
    assert!(
        !rig.controller
            .image()
            .configs
            .contains_key(&ConfigResource::Topic(Arc::from("orders")))
    );
}

#[test]
fn deletions_are_answered_one_by_one() {
    let mut rig = Rig::new(1, &[]);
    rig.create("a", &[&[0]]);
    rig.create("b", &[&[0]]);
    let (a, b) = (rig.tp("a", 0).topic, rig.tp("b", 0).topic);
    let answers = delete(
        &mut rig,
        vec![
            TopicRef::Name(Arc::from("a")),
            TopicRef::Name(Arc::from("nope")),
            TopicRef::Id(a),
            TopicRef::Id(uuid::Uuid::nil()),
            TopicRef::Id(b),
        ],
    );
    let twice = ErrorCode::INVALID_REQUEST;
    let (unknown_name, unknown_id) = (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, ErrorCode::UNKNOWN_TOPIC_ID);
    assert_eq!(answers, [twice, unknown_name, twice, unknown_id, ErrorCode::NONE]);
}

#[test]
fn topics_stay_where_deletion_is_disabled() {
    let mut rig = Rig::new(1, &[("delete.topic.enable", "false")]);
    rig.create("orders", &[&[0]]);
    let answers = delete(&mut rig, vec![TopicRef::Name(Arc::from("orders"))]);
    assert_eq!(answers, [ErrorCode::TOPIC_DELETION_DISABLED]);
    assert!(rig.controller.image().topic_named("orders").is_some());
}
