//! ElectLeaders (43), versions 0 to 2. Forwarded to the controller, which decides.
//!
//! v0 preferred elections (KIP-183); v1 unclean elections and an error of the whole request (KIP-460); v2 flexible.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse, RequestKind, ResponseKind, TopicName};
use kafka_sim_core::ErrorCode;

use super::forwarded::{error_fields, forward, invalid, patience, text, timed_out};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::peer::{AdminRequest, AdminResponse, ElectionType, Refusal};

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: ElectLeadersRequest) -> Answer {
    let election = match request.election_type {
        PREFERRED => ElectionType::Preferred,
        UNCLEAN => ElectionType::Unclean,
        other => {
            let refusal = invalid(format!("{other} is no type of election"));
            let response = refused(call.head.version, &request, &refusal);
            return call.ready(ResponseKind::ElectLeaders(response));
        }
    };
    let partitions = request.topic_partitions.is_some().then(|| asked(&request).collect());
    let admin = AdminRequest::ElectLeaders { election, partitions };
    let timeout = patience(request.timeout_ms);
    forward(broker, ctx, call, RequestKind::ElectLeaders(request), admin, timeout)
}

pub(crate) fn render(
    _broker: &Broker,
    version: i16,
    request: &ElectLeadersRequest,
    response: Option<AdminResponse>,
) -> ResponseKind {
    ResponseKind::ElectLeaders(match response {
        Some(AdminResponse::ElectLeaders(Ok(outcomes))) => {
            ElectLeadersResponse::default().with_replica_election_results(by_topic(outcomes))
        }
        Some(AdminResponse::ElectLeaders(Err(refusal))) => refused(version, request, &refusal),
        _ => refused(version, request, &timed_out()),
    })
}

fn asked(request: &ElectLeadersRequest) -> impl Iterator<Item = (Arc<str>, i32)> {
    request.topic_partitions.iter().flatten().flat_map(|topic| {
        let name: Arc<str> = Arc::from(topic.topic.as_str());
        topic.partitions.iter().map(move |partition| (name.clone(), *partition))
    })
}

/// Everything failed for the same reason, which v0 can say of single partitions only.
fn refused(version: i16, request: &ElectLeadersRequest, refusal: &Refusal) -> ElectLeadersResponse {
    let outcomes = asked(request)
        .map(|(topic, partition)| (topic, partition, Err(refusal.clone())))
        .collect();
    let code = if version >= 1 { refusal.code } else { ErrorCode::NONE };
    ElectLeadersResponse::default()
        .with_error_code(code.0)
        .with_replica_election_results(by_topic(outcomes))
}

fn by_topic(outcomes: Vec<(Arc<str>, i32, Result<(), Refusal>)>) -> Vec<ReplicaElectionResult> {
    let mut topics: BTreeMap<Arc<str>, Vec<PartitionResult>> = BTreeMap::new();
    for (topic, partition, outcome) in outcomes {
        let (code, message) = error_fields(&outcome);
        let result = PartitionResult::default().with_partition_id(partition);
        topics
            .entry(topic)
            .or_default()
            .push(result.with_error_code(code).with_error_message(message));
    }
    let results = topics.into_iter().map(|(topic, results)| {
        ReplicaElectionResult::default()
            .with_topic(TopicName(text(&topic)))
            .with_partition_result(results)
    });
    results.collect()
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;
    use kafka_protocol::messages::elect_leaders_request::TopicPartitions;

    use super::super::forwarded::refusal;
    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    fn request() -> ElectLeadersRequest {
        let topic = TopicPartitions::default()
            .with_topic(TopicName(text("a")))
            .with_partitions(vec![0, 1]);
        ElectLeadersRequest::default().with_topic_partitions(Some(vec![topic]))
    }

    fn codes(response: &ElectLeadersResponse) -> Vec<i16> {
        let results = response
            .replica_election_results
            .iter()
            .flat_map(|topic| &topic.partition_result);
        results.map(|result| result.error_code).collect()
    }

    #[test]
    fn a_refusal_of_the_request_is_repeated_for_every_partition() {
        for version in served_versions(ApiKey::ElectLeaders) {
            let read = over_the_wire(
                ApiKey::ElectLeaders,
                version,
                &refused(version, &request(), &timed_out()),
            );
            assert_eq!(codes(&read), [7, 7]);
            assert_eq!(read.error_code, if version >= 1 { 7 } else { 0 });
        }
    }

    #[test]
    fn outcomes_are_grouped_by_topic() {
        let needless = Err(refusal(
            ErrorCode::ELECTION_NOT_NEEDED,
            "the leader is the preferred one",
        ));
        let outcomes = vec![
            (Arc::from("b"), 0, Ok(())),
            (Arc::from("a"), 3, needless),
            (Arc::from("b"), 1, Ok(())),
        ];
        let response = ElectLeadersResponse::default().with_replica_election_results(by_topic(outcomes));
        let topics: Vec<_> = response
            .replica_election_results
            .iter()
            .map(|result| result.topic.as_str())
            .collect();
        assert_eq!(topics, ["a", "b"]);
        assert_eq!(codes(&response), [84, 0, 0]);
    }
}
