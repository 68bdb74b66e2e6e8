//! DescribeConfigs (32), versions 1 to 4.
//!
//! v1 sources and synonyms (KIP-226); v3 types and documentation (KIP-569); v4 flexible.
//!
//! Served are topics, groups, this broker, and the default of all brokers, for which only overrides are listed.
//!
//! Divergence: loggers and client metrics are refused with INVALID_REQUEST, and documentation is always null.

use std::sync::Arc;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse, ResponseKind};
use kafka_sim_core::ErrorCode;

use super::alter_configs::parse_resource;
use super::forwarded::{error_fields, refusal, text};
use super::{Answer, Call};
use crate::broker::{Broker, BrokerSpec, Ctx};
use crate::config::{
    BrokerConfig, ConfigSource, ConfigSynonym, DescribedConfig, describe_broker, describe_group, describe_topic,
};
use crate::peer::{ConfigResource, MetadataImage, Refusal};

/// What the answers are taken from.
struct Known<'a> {
    spec: &'a BrokerSpec,
    config: &'a BrokerConfig,
    image: &'a MetadataImage,
}

pub(crate) fn handle(broker: &mut Broker, _ctx: &mut Ctx<'_>, call: Call, request: DescribeConfigsRequest) -> Answer {
    let known = Known {
        spec: &broker.spec,
        config: &broker.config,
        image: &broker.image,
    };
    let response = render(&known, call.head.version, &request);
    call.ready(ResponseKind::DescribeConfigs(response))
}

fn render(known: &Known<'_>, version: i16, request: &DescribeConfigsRequest) -> DescribeConfigsResponse {
    let results = request.resources.iter().map(|resource| {
        let described = describe(known, resource);
        let (code, message) = error_fields(&described);
        let asked = |config: &DescribedConfig| match &resource.configuration_keys {
            Some(keys) if !keys.is_empty() => keys.iter().any(|key| key.as_str() == config.name),
            _ => true,
        };
        let configs = described.unwrap_or_default().into_iter().filter(asked);
        DescribeConfigsResult::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
            .with_configs(
                configs
                    .map(|config| entry(version, request.include_synonyms, &config))
                    .collect(),
            )
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn describe(known: &Known<'_>, resource: &DescribeConfigsResource) -> Result<Vec<DescribedConfig>, Refusal> {
    let resource = parse_resource(known.spec.id, resource.resource_type, &resource.resource_name)?;
    let overrides = known.image.configs.get(&resource);
    match resource {
        ConfigResource::Topic(name) if known.image.topic_named(&name).is_some() => {
            Ok(describe_topic(known.config, overrides))
        }
        ConfigResource::Topic(_) => Err(refusal(
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            "this broker knows no such topic",
        )),
        ConfigResource::Group(_) => Ok(describe_group(known.config, overrides)),
        ConfigResource::Broker(_) => Ok(with_identity(known.spec, describe_broker(known.config))),
        ConfigResource::ClusterDefault => Ok(cluster_default(known.config, known.image)),
    }
}

/// Who a broker is and where it listens is part of its properties in Kafka.
fn with_identity(spec: &BrokerSpec, mut configs: Vec<DescribedConfig>) -> Vec<DescribedConfig> {
    let id = spec.id.to_string();
    let listener = usize::try_from(spec.id.0).ok().and_then(|at| spec.listeners.get(at));
    let listener = listener.map(|(host, port)| format!("PLAINTEXT://{host}:{port}"));
    for config in configs.iter_mut().filter(|config| config.is_default) {
        let value = match config.name {
            "node.id" | "broker.id" => Some(id.as_str()),
            "listeners" | "advertised.listeners" => listener.as_deref(),
            "broker.rack" => spec.rack.as_deref(),
            _ => None,
        };
        if let Some(value) = value {
            let (value, source): (Arc<str>, _) = (Arc::from(value), ConfigSource::StaticBroker);
            config.synonyms.insert(
                0,
                ConfigSynonym {
                    name: config.name,
                    value: Some(value.clone()),
                    source,
                },
            );
            config.value = Some(value);
            config.source = source;
            config.is_default = false;
        }
    }
    configs
}

/// What all brokers were told at run time, and nothing else.
fn cluster_default(config: &BrokerConfig, image: &MetadataImage) -> Vec<DescribedConfig> {
    let Some(overrides) = image.configs.get(&ConfigResource::ClusterDefault) else {
        return Vec::new();
    };
    let all = describe_broker(config).into_iter();
    let set = all.filter_map(|mut config| {
        let value = overrides.get(config.name)?;
        config
            .synonyms
            .retain(|synonym| synonym.source > ConfigSource::DynamicBroker);
        config.value = (!config.sensitive).then(|| value.clone());
        config.source = ConfigSource::DynamicDefaultBroker;
        config.is_default = false;
        Some(config)
    });
    set.collect()
}

fn entry(version: i16, with_synonyms: bool, config: &DescribedConfig) -> DescribeConfigsResourceResult {
    let synonyms = config.synonyms.iter().filter(|_| with_synonyms).map(|synonym| {
        DescribeConfigsSynonym::default()
            .with_name(text(synonym.name))
            .with_value(synonym.value.as_deref().map(text))
            .with_source(synonym.source as i8)
    });
    let entry = DescribeConfigsResourceResult::default()
        .with_name(text(config.name))
        .with_value(config.value.as_deref().map(text))
        .with_read_only(config.read_only)
        .with_config_source(config.source as i8)
        .with_is_sensitive(config.sensitive)
        .with_synonyms(synonyms.collect())
        .with_documentation(None);
    if version >= 3 {
        entry.with_config_type(config.kind.wire_type())
    } else {
        entry
    }
}

#[cfg(test)]
mod tests;
