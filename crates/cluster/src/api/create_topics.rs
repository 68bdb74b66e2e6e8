//! CreateTopics (19), versions 2 to 7. Forwarded to the controller, which decides.
//!
//! v4 default partitions and replicas (KIP-464); v5 flexible, returns what was created (KIP-525); v6 quotas; v7 topic
//! ids (KIP-516).
//!
//! Divergence: the configuration that v5 returns is computed by the answering broker, in Kafka by the controller.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse, RequestKind, ResponseKind};
use kafka_sim_core::BrokerId;

use super::forwarded::{error_fields, forward, patience, text, timed_out};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::config::{BrokerConfig, Overrides, describe_topic};
use crate::peer::{AdminRequest, AdminResponse, CreatedTopic, NewTopic, Refusal};

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: CreateTopicsRequest) -> Answer {
    let topics = request.topics.iter().map(new_topic).collect();
    let admin = AdminRequest::CreateTopics {
        topics,
        validate_only: request.validate_only,
    };
    let timeout = patience(request.timeout_ms);
    forward(broker, ctx, call, RequestKind::CreateTopics(request), admin, timeout)
}

pub(crate) fn render(
    broker: &Broker,
    version: i16,
    request: &CreateTopicsRequest,
    response: Option<AdminResponse>,
) -> ResponseKind {
    ResponseKind::CreateTopics(results(&broker.config, version, request, response))
}

fn results(
    config: &BrokerConfig,
    version: i16,
    request: &CreateTopicsRequest,
    response: Option<AdminResponse>,
) -> CreateTopicsResponse {
    let mut outcomes: BTreeMap<Arc<str>, Result<CreatedTopic, Refusal>> = match response {
        Some(AdminResponse::CreateTopics(outcomes)) => outcomes.into_iter().collect(),
        _ => BTreeMap::new(),
    };
    // A topic that is listed twice is answered once.
    let mut seen = BTreeSet::new();
    let distinct = request.topics.iter().filter(|topic| seen.insert(topic.name.as_str()));
    let results = distinct.map(|topic| {
        let outcome = outcomes.remove(topic.name.as_str()).unwrap_or_else(|| Err(timed_out()));
        result(config, version, topic, &outcome)
    });
    CreateTopicsResponse::default().with_topics(results.collect())
}

fn new_topic(topic: &CreatableTopic) -> NewTopic {
    let assignment = topic.assignments.iter().map(|assigned| {
        (
            assigned.partition_index,
            assigned.broker_ids.iter().map(|id| BrokerId(id.0)).collect(),
        )
    });
    let configs = topic
        .configs
        .iter()
        .map(|config| (Arc::from(config.name.as_str()), config.value.as_deref().map(Arc::from)));
    NewTopic {
        name: Arc::from(topic.name.as_str()),
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignment: assignment.collect(),
        configs: configs.collect(),
    }
}

fn result(
    config: &BrokerConfig,
    version: i16,
    topic: &CreatableTopic,
    outcome: &Result<CreatedTopic, Refusal>,
) -> CreatableTopicResult {
    let (code, message) = error_fields(outcome);
    // The Java client cannot read null configurations, not even on errors: the default is an empty list.
    let result = CreatableTopicResult::default()
        .with_name(topic.name.clone())
        .with_error_code(code)
        .with_error_message(message);
    match outcome {
        Ok(created) if version >= 5 => result
            .with_topic_id(created.id)
            .with_num_partitions(created.partitions)
            .with_replication_factor(created.replication_factor)
            .with_configs(Some(effective(config, topic))),
        _ => result,
    }
}

fn effective(config: &BrokerConfig, topic: &CreatableTopic) -> Vec<CreatableTopicConfigs> {
    let set = topic
        .configs
        .iter()
        .filter_map(|set| Some((Arc::from(set.name.as_str()), Arc::from(set.value.as_deref()?))));
    let overrides: Overrides = set.collect();
    let described = describe_topic(config, Some(&overrides)).into_iter().map(|described| {
        CreatableTopicConfigs::default()
            .with_name(text(described.name))
            .with_value(described.value.as_deref().map(text))
            .with_read_only(described.read_only)
            .with_config_source(described.source as i8)
            .with_is_sensitive(described.sensitive)
    });
    described.collect()
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::create_topics_request::CreatableTopicConfig;
    use kafka_protocol::messages::{ApiKey, TopicName};
    use kafka_sim_core::ErrorCode;
    use uuid::Uuid;

    use super::super::forwarded::refusal;
    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    fn request(names: &[&str]) -> CreateTopicsRequest {
        let config = CreatableTopicConfig::default()
            .with_name(text("retention.ms"))
            .with_value(Some(text("7")));
        let topics = names.iter().map(|name| {
            CreatableTopic::default()
                .with_name(TopicName(text(name)))
                .with_configs(vec![config.clone()])
        });
        CreateTopicsRequest::default().with_topics(topics.collect())
    }

    fn created(name: &str) -> (Arc<str>, Result<CreatedTopic, Refusal>) {
        (
            Arc::from(name),
            Ok(CreatedTopic {
                id: Uuid::from_u128(5),
                partitions: 3,
                replication_factor: 2,
            }),
        )
    }

    #[test]
    fn a_topic_listed_twice_is_answered_once() {
        let refused = (Arc::from("a"), Err(refusal(ErrorCode::INVALID_REQUEST, "twice")));
        let answer = AdminResponse::CreateTopics(vec![refused, created("b")]);
        let response = results(&BrokerConfig::default(), 7, &request(&["a", "b", "a"]), Some(answer));
        let codes: Vec<_> = response
            .topics
            .iter()
            .map(|topic| (topic.name.as_str(), topic.error_code))
            .collect();
        assert_eq!(codes, [("a", 42), ("b", 0)]);
    }

    #[test]
    fn from_v5_on_the_answer_says_what_was_created() {
        for version in served_versions(ApiKey::CreateTopics) {
            let answer = AdminResponse::CreateTopics(vec![created("a")]);
            let response = results(&BrokerConfig::default(), version, &request(&["a"]), Some(answer));
            let read = over_the_wire(ApiKey::CreateTopics, version, &response);
            let topic = &read.topics[0];
            assert_eq!(topic.num_partitions, if version >= 5 { 3 } else { -1 });
            assert_eq!(topic.topic_id.is_nil(), version < 7);
            let configs = topic.configs.as_ref().unwrap();
            let retention = configs.iter().find(|config| config.name.as_str() == "retention.ms");
            assert_eq!(retention.is_some(), version >= 5);
            assert!(retention.is_none_or(|r| r.value.as_deref() == Some("7") && r.config_source == 1));
        }
    }

    #[test]
    fn silence_of_the_controller_is_a_timeout_of_every_topic_with_configs_that_are_not_null() {
        for version in served_versions(ApiKey::CreateTopics) {
            let response = results(&BrokerConfig::default(), version, &request(&["a", "b"]), None);
            let read = over_the_wire(ApiKey::CreateTopics, version, &response);
            assert_eq!(read.topics.len(), 2);
            assert!(read.topics.iter().all(|t| t.error_code == 7 && t.configs.is_some()));
        }
    }
}
