use std::collections::BTreeMap;

use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::BrokerId;
use uuid::Uuid;

use super::super::forwarded::testing::{over_the_wire, served_versions};
use super::*;
use crate::peer::TopicState;

fn spec() -> BrokerSpec {
    BrokerSpec {
        id: BrokerId(1),
        rack: Some(Arc::from("north")),
        cluster_id: Arc::from("c"),
        listeners: Arc::from([(Arc::from("h0"), 9092), (Arc::from("h1"), 9093)]),
        config: BrokerConfig::default(),
        #[cfg(feature = "mutants")]
        mutant: None,
    }
}

fn image() -> MetadataImage {
    let mut image = MetadataImage::default();
    let (id, name): (_, Arc<str>) = (Uuid::from_u128(1), Arc::from("orders"));
    image.names.insert(name.clone(), id);
    image.topics.insert(
        id,
        TopicState {
            id,
            name: name.clone(),
            partitions: Vec::new(),
        },
    );
    let overrides = |key: &str, value: &str| BTreeMap::from([(Arc::from(key), Arc::from(value))]);
    image
        .configs
        .insert(ConfigResource::Topic(name), overrides("retention.ms", "7"));
    image.configs.insert(
        ConfigResource::ClusterDefault,
        overrides("message.max.bytes", "2000000"),
    );
    image
}

fn answer(version: i16, kind: i8, name: &'static str, keys: Option<&[&'static str]>) -> DescribeConfigsResult {
    let (spec, image) = (spec(), image());
    let config = spec.config.with_dynamic(&image, spec.id);
    let keys = keys.map(|keys| keys.iter().map(|key| StrBytes::from_static_str(key)).collect());
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(name.into());
    let request = DescribeConfigsRequest::default().with_include_synonyms(true);
    let request = request.with_resources(vec![resource.with_configuration_keys(keys)]);
    let response = render(
        &Known {
            spec: &spec,
            config: &config,
            image: &image,
        },
        version,
        &request,
    );
    over_the_wire(ApiKey::DescribeConfigs, version, &response)
        .results
        .remove(0)
}

fn find<'a>(result: &'a DescribeConfigsResult, key: &str) -> &'a DescribeConfigsResourceResult {
    result
        .configs
        .iter()
        .find(|config| config.name.as_str() == key)
        .expect("the key is listed")
}

#[test]
fn a_topic_is_described_with_its_override_first_in_every_version() {
    for version in served_versions(ApiKey::DescribeConfigs) {
        let result = answer(
            version,
            2,
            "orders",
            Some(&["retention.ms", "max.message.bytes", "unheard.of"]),
        );
        assert_eq!((result.error_code, result.configs.len()), (0, 2));
        let retention = find(&result, "retention.ms");
        assert_eq!((retention.value.as_deref(), retention.config_source), (Some("7"), 1));
        assert_eq!(retention.synonyms[0].source, 1);
        assert_eq!(retention.config_type, if version >= 3 { 5 } else { 0 });
        let size = find(&result, "max.message.bytes");
        assert_eq!((size.value.as_deref(), size.config_source), (Some("2000000"), 3));
    }
}

#[test]
fn no_keys_and_null_keys_both_mean_all() {
    let all = answer(4, 2, "orders", None).configs.len();
    assert!(all > 20);
    assert_eq!(answer(4, 2, "orders", Some(&[])).configs.len(), all);
}

#[test]
fn a_broker_tells_who_it_is_and_where_it_listens() {
    let result = answer(4, 4, "1", None);
    let expected = [
        ("node.id", "1"),
        ("advertised.listeners", "PLAINTEXT://h1:9093"),
        ("broker.rack", "north"),
    ];
    for (key, value) in expected {
        let config = find(&result, key);
        assert_eq!(
            (config.value.as_deref(), config.config_source),
            (Some(value), 4),
            "{key}"
        );
        assert_eq!(config.synonyms[0].value.as_deref(), Some(value));
    }
}

#[test]
fn the_default_of_all_brokers_lists_only_what_was_set() {
    let result = answer(4, 4, "", None);
    assert_eq!(result.configs.len(), 1);
    let size = find(&result, "message.max.bytes");
    assert_eq!((size.value.as_deref(), size.config_source), (Some("2000000"), 3));
}

#[test]
fn what_is_not_there_is_refused_by_itself() {
    for (kind, name, code) in [(2, "x", 3), (2, "a b", 17), (4, "0", 42), (4, "x", 42), (16, "m", 42)] {
        let result = answer(4, kind, name, None);
        assert_eq!((result.error_code, result.configs.len()), (code, 0), "{kind} {name}");
    }
}
