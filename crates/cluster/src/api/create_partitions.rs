//! CreatePartitions (37), versions 0 to 3. Forwarded to the controller, which decides.
//!
//! v1 quotas; v2 flexible; v3 quotas on mutations (KIP-599).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse, RequestKind, ResponseKind};
use kafka_sim_core::BrokerId;

use super::forwarded::{error_fields, forward, patience, timed_out};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::peer::{AdminRequest, AdminResponse, Refusal};

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: CreatePartitionsRequest) -> Answer {
    let topics = request.topics.iter().map(growth).collect();
    let admin = AdminRequest::CreatePartitions {
        topics,
        validate_only: request.validate_only,
    };
    let timeout = patience(request.timeout_ms);
    forward(
        broker,
        ctx,
        call,
        RequestKind::CreatePartitions(request),
        admin,
        timeout,
    )
}

pub(crate) fn render(
    _broker: &Broker,
    _version: i16,
    request: &CreatePartitionsRequest,
    response: Option<AdminResponse>,
) -> ResponseKind {
    ResponseKind::CreatePartitions(results(request, response))
}

fn results(request: &CreatePartitionsRequest, response: Option<AdminResponse>) -> CreatePartitionsResponse {
    let mut outcomes: BTreeMap<Arc<str>, Result<(), Refusal>> = match response {
        Some(AdminResponse::CreatePartitions(outcomes)) => outcomes.into_iter().collect(),
        _ => BTreeMap::new(),
    };
    // A topic that is listed twice is answered once.
    let mut seen = BTreeSet::new();
    let distinct = request.topics.iter().filter(|topic| seen.insert(topic.name.as_str()));
    let results = distinct.map(|topic| {
        let outcome = outcomes.remove(topic.name.as_str()).unwrap_or_else(|| Err(timed_out()));
        let (code, message) = error_fields(&outcome);
        let result = CreatePartitionsTopicResult::default().with_name(topic.name.clone());
        result.with_error_code(code).with_error_message(message)
    });
    CreatePartitionsResponse::default().with_results(results.collect())
}

/// Name, new total, and the replicas of the added partitions if the client chose them.
fn growth(topic: &CreatePartitionsTopic) -> (Arc<str>, i32, Option<Vec<Vec<BrokerId>>>) {
    let assignments = topic.assignments.as_ref().map(|assignments| {
        assignments
            .iter()
            .map(|assigned| assigned.broker_ids.iter().map(|id| BrokerId(id.0)).collect())
            .collect()
    });
    (Arc::from(topic.name.as_str()), topic.count, assignments)
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{ApiKey, TopicName};

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::super::forwarded::{invalid, text};
    use super::*;

    fn request(names: &[&str]) -> CreatePartitionsRequest {
        let topics = names
            .iter()
            .map(|name| CreatePartitionsTopic::default().with_name(TopicName(text(name))));
        CreatePartitionsRequest::default().with_topics(topics.collect())
    }

    #[test]
    fn a_topic_listed_twice_is_answered_once_and_an_unanswered_one_timed_out() {
        let refused = Err(invalid("twice"));
        for version in served_versions(ApiKey::CreatePartitions) {
            let answer =
                AdminResponse::CreatePartitions(vec![(Arc::from("b"), Ok(())), (Arc::from("a"), refused.clone())]);
            let response = results(&request(&["a", "b", "a", "c"]), Some(answer));
            let read = over_the_wire(ApiKey::CreatePartitions, version, &response);
            let codes: Vec<i16> = read.results.iter().map(|result| result.error_code).collect();
            assert_eq!(codes, [42, 0, 7]);
        }
    }

    #[test]
    fn no_assignment_is_told_apart_from_an_empty_one() {
        let topic = CreatePartitionsTopic::default().with_count(4);
        assert_eq!(growth(&topic.clone().with_assignments(None)).2, None);
        assert_eq!(growth(&topic.with_assignments(Some(Vec::new()))).2, Some(Vec::new()));
    }
}
