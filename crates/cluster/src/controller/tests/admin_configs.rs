//! AlterConfigs and IncrementalAlterConfigs: each answer.

use super::*;

fn topic() -> ConfigResource {
    ConfigResource::Topic(Arc::from("orders"))
}

fn rig() -> Rig {
    let mut rig = Rig::new(2, &[]);
    rig.create("orders", &[&[0, 1]]);
    rig
}

fn value(rig: &Rig, resource: &ConfigResource, key: &str) -> Option<String> {
    rig.controller
        .image()
        .configs
        .get(resource)?
        .get(key)
        .map(|value| value.to_string())
}

#[test]
fn overrides_are_set_and_removed() {
    let mut rig = rig();
    rig.set_topic_config("orders", "retention.ms", "5");
    assert_eq!(value(&rig, &topic(), "retention.ms").as_deref(), Some("5"));
    let removed = rig.alter_configs(vec![change(topic(), &[("retention.ms", ConfigOp::Delete, None)])]);
    assert_eq!(removed, [Ok(())]);
    assert_eq!(value(&rig, &topic(), "retention.ms"), None);
}

#[test]
fn lists_can_be_appended_to_and_subtracted_from() {
    let mut rig = rig();
    let append = change(topic(), &[("cleanup.policy", ConfigOp::Append, Some("compact"))]);
    assert_eq!(rig.alter_configs(vec![append.clone()]), [Ok(())]);
    assert_eq!(
        value(&rig, &topic(), "cleanup.policy").as_deref(),
        Some("delete,compact")
    );
    assert_eq!(rig.alter_configs(vec![append]), [Ok(())]);
    assert_eq!(
        value(&rig, &topic(), "cleanup.policy").as_deref(),
        Some("delete,compact")
    );
    let subtract = change(topic(), &[("cleanup.policy", ConfigOp::Subtract, Some("delete"))]);
    assert_eq!(rig.alter_configs(vec![subtract]), [Ok(())]);
    assert_eq!(value(&rig, &topic(), "cleanup.policy").as_deref(), Some("compact"));
    let number = change(topic(), &[("retention.ms", ConfigOp::Append, Some("1"))]);
    assert_eq!(rig.alter_configs(vec![number]), [Err(ErrorCode::INVALID_CONFIG)]);
}

#[test]
fn replacing_all_returns_unlisted_keys_to_their_defaults() {
    let mut rig = rig();
    rig.set_topic_config("orders", "retention.ms", "5");
    let mut replace = set(topic(), "segment.ms", "7");
    replace.replace_all = true;
    assert_eq!(rig.alter_configs(vec![replace]), [Ok(())]);
    assert_eq!(value(&rig, &topic(), "retention.ms"), None);
    assert_eq!(value(&rig, &topic(), "segment.ms").as_deref(), Some("7"));
}

#[test]
fn malformed_changes_are_invalid_requests() {
    let mut rig = rig();
    let bad = Err(ErrorCode::INVALID_REQUEST);
    let twice = vec![set(topic(), "retention.ms", "1"), set(topic(), "segment.ms", "1")];
    assert_eq!(rig.alter_configs(twice), [bad, bad]);
    for ops in [
        &[
            ("retention.ms", ConfigOp::Set, Some("1")),
            ("retention.ms", ConfigOp::Delete, None),
        ][..],
        &[("retention.ms", ConfigOp::Set, None)],
        &[("cleanup.policy", ConfigOp::Append, None)],
        &[("retention.ms", ConfigOp::Unknown(9), Some("1"))],
    ] {
        assert_eq!(rig.alter_configs(vec![change(topic(), ops)]), [bad], "{ops:?}");
    }
    assert_eq!(rig.controller.image().configs.get(&topic()), None);
}

#[test]
fn unknown_resources_keys_and_values_are_told_apart() {
    let mut rig = rig();
    let named = |name: &str| ConfigResource::Topic(Arc::from(name));
    let long = "x".repeat(40_000);
    for (change, expected) in [
        (
            set(named("nope"), "retention.ms", "1"),
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ),
        (
            set(named("bad name"), "retention.ms", "1"),
            ErrorCode::INVALID_TOPIC_EXCEPTION,
        ),
        (set(topic(), "retention.msec", "1"), ErrorCode::INVALID_CONFIG),
        (set(topic(), "retention.ms", "soon"), ErrorCode::INVALID_CONFIG),
        (set(topic(), "retention.ms", &long), ErrorCode::INVALID_CONFIG),
        (
            set(ConfigResource::Broker(BrokerId(9)), "num.io.threads", "1"),
            ErrorCode::BROKER_ID_NOT_REGISTERED,
        ),
        (
            set(ConfigResource::Broker(BrokerId(0)), "nonsense", "1"),
            ErrorCode::INVALID_CONFIG,
        ),
        (
            set(ConfigResource::Broker(BrokerId(0)), "num.partitions", "1"),
            ErrorCode::INVALID_REQUEST,
        ),
        (
            set(ConfigResource::Broker(BrokerId(0)), "min.insync.replicas", "1"),
            ErrorCode::INVALID_CONFIG,
        ),
    ] {
        assert_eq!(
            rig.alter_configs(vec![change.clone()]),
            [Err(expected)],
            "{:?}",
            change.resource
        );
    }
    let remove = change(
        ConfigResource::ClusterDefault,
        &[("min.insync.replicas", ConfigOp::Delete, None)],
    );
    assert_eq!(rig.alter_configs(vec![remove]), [Err(ErrorCode::INVALID_CONFIG)]);
}

#[test]
fn one_bad_key_leaves_the_whole_resource_unchanged_and_others_untouched() {
    let mut rig = rig();
    let half_bad = change(
        topic(),
        &[
            ("retention.ms", ConfigOp::Set, Some("1")),
            ("segment.ms", ConfigOp::Set, Some("x")),
        ],
    );
    let good = set(ConfigResource::ClusterDefault, "message.max.bytes", "77");
    assert_eq!(
        rig.alter_configs(vec![half_bad, good]),
        [Err(ErrorCode::INVALID_CONFIG), Ok(())]
    );
    assert_eq!(rig.controller.image().configs.get(&topic()), None);
    assert_eq!(rig.controller.defaults().message_max_bytes, 77);
}

#[test]
fn brokers_without_elr_may_have_their_own_minimum_isr() {
    let mut rig = Rig::elr_off(1);
    let own = set(ConfigResource::Broker(BrokerId(0)), "min.insync.replicas", "3");
    assert_eq!(rig.alter_configs(vec![own]), [Ok(())]);
}

#[test]
fn validate_only_changes_nothing() {
    let mut rig = rig();
    let changes = vec![set(topic(), "retention.ms", "1")];
    let response = rig.admin(AdminRequest::AlterConfigs {
        changes,
        validate_only: true,
    });
    let AdminResponse::AlterConfigs(answers) = response else {
        panic!()
    };
    assert_eq!(answers, [(topic(), Ok(()))]);
    assert_eq!(rig.controller.image().configs.get(&topic()), None);
}
