//! Reading and changing settings of topics and brokers.

use std::time::Duration;

use kafka_protocol::messages::alter_configs_request::{AlterConfigsResource, AlterableConfig as FullConfig};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource as Resource, AlterableConfig};
use kafka_protocol::messages::{AlterConfigsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_cluster::Topic;
use kafka_sim_core::ConnId;
use kafka_sim_tests::{Harness, batch};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

fn change(op: i8, key: &'static str, value: Option<&'static str>) -> AlterableConfig {
    AlterableConfig::default()
        .with_name(key.into())
        .with_config_operation(op)
        .with_value(value.map(StrBytes::from_static_str))
}

fn alter(h: &mut Harness, conn: ConnId, kind: i8, name: &'static str, configs: Vec<AlterableConfig>) -> i16 {
    let resource = Resource::default()
        .with_resource_type(kind)
        .with_resource_name(name.into())
        .with_configs(configs);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let code = h.ask(conn, 1, &request).responses[0].error_code;
    h.pass(Duration::from_millis(100));
    code
}

/// Value and source of a setting.
fn describe(
    h: &mut Harness,
    conn: ConnId,
    kind: i8,
    name: &'static str,
    key: &'static str,
) -> (i16, Option<(String, i8)>) {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(name.into());
    let resource = resource.with_configuration_keys(Some(vec![key.into()]));
    let response = h.ask(
        conn,
        4,
        &DescribeConfigsRequest::default().with_resources(vec![resource]),
    );
    let result = &response.results[0];
    let found = result.configs.iter().find(|config| *config.name == *key);
    (
        result.error_code,
        found.map(|config| {
            (
                config.value.clone().unwrap_or_default().to_string(),
                config.config_source,
            )
        }),
    )
}

fn orders() -> (Harness, ConnId) {
    let mut h = Harness::with_topic(Topic::named("orders").config("retention.ms", "1000000"));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    (h, conn)
}

#[test]
fn a_topic_setting_is_changed_and_taken_back() {
    let (mut h, conn) = orders();
    assert_eq!(
        describe(&mut h, conn, TOPIC, "orders", "retention.ms"),
        (0, Some(("1000000".to_owned(), 1)))
    );
    assert_eq!(
        alter(
            &mut h,
            conn,
            TOPIC,
            "orders",
            vec![change(SET, "retention.ms", Some("77"))]
        ),
        0
    );
    assert_eq!(
        describe(&mut h, conn, TOPIC, "orders", "retention.ms").1,
        Some(("77".to_owned(), 1))
    );
    assert_eq!(
        alter(
            &mut h,
            conn,
            TOPIC,
            "orders",
            vec![change(DELETE, "retention.ms", None)]
        ),
        0
    );
    assert_eq!(
        describe(&mut h, conn, TOPIC, "orders", "retention.ms").1,
        Some(("604800000".to_owned(), 5))
    );
}

#[test]
fn a_changed_limit_holds_for_the_next_batch() {
    let (mut h, conn) = orders();
    assert_eq!(h.produce(conn, "orders", 0, 1, batch(&"x".repeat(900))).error_code, 0);
    assert_eq!(
        alter(
            &mut h,
            conn,
            TOPIC,
            "orders",
            vec![change(SET, "max.message.bytes", Some("500"))]
        ),
        0
    );
    assert_eq!(h.produce(conn, "orders", 0, 1, batch(&"x".repeat(900))).error_code, 10);
}

#[test]
fn lists_are_appended_to_and_subtracted_from() {
    let (mut h, conn) = orders();
    let policy = |h: &mut Harness| {
        describe(h, conn, TOPIC, "orders", "cleanup.policy")
            .1
            .map(|(value, _)| value)
    };
    assert_eq!(
        alter(
            &mut h,
            conn,
            TOPIC,
            "orders",
            vec![change(APPEND, "cleanup.policy", Some("compact"))]
        ),
        0
    );
    assert_eq!(policy(&mut h).as_deref(), Some("delete,compact"));
    assert_eq!(
        alter(
            &mut h,
            conn,
            TOPIC,
            "orders",
            vec![change(SUBTRACT, "cleanup.policy", Some("delete"))]
        ),
        0
    );
    assert_eq!(policy(&mut h).as_deref(), Some("compact"));
}

#[test]
fn changes_that_make_no_sense_are_refused() {
    let (mut h, conn) = orders();
    let mut one = |op, key, value| alter(&mut h, conn, TOPIC, "orders", vec![change(op, key, value)]);
    assert_eq!(one(SET, "no.such.key", Some("1")), 40);
    assert_eq!(one(SET, "retention.ms", Some("soon")), 40);
    assert_eq!(one(SET, "retention.ms", None), 42);
    assert_eq!(one(APPEND, "retention.ms", Some("1")), 40);
    assert_eq!(one(9, "retention.ms", Some("1")), 42);
    let twice = vec![
        change(SET, "retention.ms", Some("1")),
        change(DELETE, "retention.ms", None),
    ];
    assert_eq!(alter(&mut h, conn, TOPIC, "orders", twice), 42);
    assert_eq!(
        alter(
            &mut h,
            conn,
            TOPIC,
            "nothing",
            vec![change(SET, "retention.ms", Some("1"))]
        ),
        3
    );
    assert_eq!(
        alter(
            &mut h,
            conn,
            BROKER,
            "one",
            vec![change(SET, "log.retention.ms", Some("1"))]
        ),
        42
    );
    assert_eq!(alter(&mut h, conn, 77, "orders", vec![]), 42);
    assert_eq!(
        describe(&mut h, conn, TOPIC, "orders", "retention.ms").1,
        Some(("1000000".to_owned(), 1))
    );
}

#[test]
fn a_resource_named_twice_is_refused() {
    let (mut h, conn) = orders();
    let resource = Resource::default()
        .with_resource_type(TOPIC)
        .with_resource_name("orders".into());
    let resource = resource.with_configs(vec![change(SET, "retention.ms", Some("5"))]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource.clone(), resource]);
    let codes: Vec<i16> = h
        .ask(conn, 1, &request)
        .responses
        .iter()
        .map(|r| r.error_code)
        .collect();
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == 42), "{codes:?}");
}

#[test]
fn the_old_call_replaces_everything() {
    let (mut h, conn) = orders();
    let config = FullConfig::default()
        .with_name("max.message.bytes".into())
        .with_value(Some("999".into()));
    let resource = AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name("orders".into())
        .with_configs(vec![config]);
    let request = AlterConfigsRequest::default().with_resources(vec![resource]);
    assert_eq!(
        h.ask(conn, 2, &request.clone().with_validate_only(true)).responses[0].error_code,
        0
    );
    h.pass(Duration::from_millis(100));
    assert_eq!(
        describe(&mut h, conn, TOPIC, "orders", "retention.ms").1,
        Some(("1000000".to_owned(), 1))
    );
    assert_eq!(h.ask(conn, 2, &request).responses[0].error_code, 0);
    h.pass(Duration::from_millis(100));
    assert_eq!(
        describe(&mut h, conn, TOPIC, "orders", "retention.ms").1,
        Some(("604800000".to_owned(), 5))
    );
    assert_eq!(
        describe(&mut h, conn, TOPIC, "orders", "max.message.bytes").1,
        Some(("999".to_owned(), 1))
    );
}

#[test]
fn what_is_not_there_cannot_be_described() {
    let (mut h, conn) = orders();
    assert_eq!(describe(&mut h, conn, TOPIC, "nothing", "retention.ms").0, 3);
    assert_eq!(describe(&mut h, conn, TOPIC, "a b", "retention.ms").0, 17);
    assert_eq!(describe(&mut h, conn, BROKER, "one", "log.retention.ms").0, 42);
}
