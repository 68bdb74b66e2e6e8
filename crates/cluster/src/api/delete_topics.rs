//! DeleteTopics (20), versions 1 to 6. Forwarded to the controller, which decides.
//!
//! v2 quotas; v3 TOPIC_DELETION_DISABLED; v4 flexible; v5 error messages (KIP-599); v6 by id (KIP-516).

use std::sync::Arc;

use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, RequestKind, ResponseKind, TopicName};
use kafka_sim_core::ErrorCode;
use uuid::Uuid;

use super::forwarded::{error_fields, forward, invalid, patience, repeated, text, timed_out};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::peer::{AdminRequest, AdminResponse, Refusal, TopicRef};

/// What the controller said about one topic.
type Outcome = (TopicRef, Option<Arc<str>>, Option<Uuid>, Result<(), Refusal>);

/// A topic as the request names it.
#[derive(Clone, PartialEq)]
struct Asked {
    name: Option<TopicName>,
    id: Uuid,
    target: Result<TopicRef, Refusal>,
}

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: DeleteTopicsRequest) -> Answer {
    let targets: Vec<TopicRef> = asked(&request)
        .into_iter()
        .filter_map(|topic| topic.target.ok())
        .collect();
    if targets.is_empty() {
        let response = render(broker, call.head.version, &request, None);
        return call.ready(response);
    }
    let timeout = patience(request.timeout_ms);
    forward(
        broker,
        ctx,
        call,
        RequestKind::DeleteTopics(request),
        AdminRequest::DeleteTopics(targets),
        timeout,
    )
}

pub(crate) fn render(
    _broker: &Broker,
    version: i16,
    request: &DeleteTopicsRequest,
    response: Option<AdminResponse>,
) -> ResponseKind {
    ResponseKind::DeleteTopics(results(version, request, response))
}

fn results(version: i16, request: &DeleteTopicsRequest, response: Option<AdminResponse>) -> DeleteTopicsResponse {
    let outcomes = match response {
        Some(AdminResponse::DeleteTopics(outcomes)) => outcomes,
        _ => Vec::new(),
    };
    let results = asked(request)
        .into_iter()
        .map(|topic| result(version, topic, &outcomes));
    DeleteTopicsResponse::default().with_responses(results.collect())
}

/// The topics of a request, each once. Up to v5 they are a list of names, from v6 on each has a name or an id.
fn asked(request: &DeleteTopicsRequest) -> Vec<Asked> {
    let named = request.topic_names.iter().map(|name| (Some(name), Uuid::nil()));
    let either = request.topics.iter().map(|topic| (topic.name.as_ref(), topic.topic_id));
    let topics: Vec<(Option<&TopicName>, Uuid)> = named.chain(either).collect();
    let names = repeated(topics.iter().filter_map(|(name, _)| name.map(|name| name.as_str())));
    let ids = repeated(topics.iter().map(|(_, id)| *id).filter(|id| !id.is_nil()));
    let mut asked: Vec<Asked> = Vec::with_capacity(topics.len());
    for (name, id) in topics {
        let again = name.is_some_and(|name| names.contains(name.as_str())) || ids.contains(&id);
        let target = match name {
            Some(_) if !id.is_nil() => Err(invalid("the topic is given by name and by id")),
            None if id.is_nil() => Err(invalid("the topic has neither name nor id")),
            _ if again => Err(invalid("the topic is listed more than once")),
            Some(name) => Ok(TopicRef::Name(Arc::from(name.as_str()))),
            None => Ok(TopicRef::Id(id)),
        };
        let topic = Asked {
            name: name.cloned(),
            id,
            target,
        };
        if topic.target.is_ok() || !asked.contains(&topic) {
            asked.push(topic);
        }
    }
    asked
}

fn result(version: i16, topic: Asked, outcomes: &[Outcome]) -> DeletableTopicResult {
    let outcome = match &topic.target {
        Ok(target) => outcomes.iter().find(|outcome| outcome.0 == *target),
        Err(_) => None,
    };
    let (name, id, verdict) = match (&topic.target, outcome) {
        (Err(refusal), _) => (None, None, Err(refusal.clone())),
        (Ok(_), None) => (None, None, Err(timed_out())),
        (Ok(_), Some((_, name, id, verdict))) => (name.as_deref(), *id, verdict.clone()),
    };
    let (code, message) = error_fields(&verdict);
    // TOPIC_DELETION_DISABLED is newer than v2.
    let too_new = version < 3 && code == ErrorCode::TOPIC_DELETION_DISABLED.0;
    DeletableTopicResult::default()
        .with_name(topic.name.or_else(|| name.map(|name| TopicName(text(name)))))
        .with_topic_id(id.unwrap_or(topic.id))
        .with_error_code(if too_new { ErrorCode::INVALID_REQUEST.0 } else { code })
        .with_error_message(message)
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;
    use kafka_protocol::messages::delete_topics_request::DeleteTopicState;

    use super::super::forwarded::refusal;
    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    fn by_name(names: &[&str]) -> DeleteTopicsRequest {
        DeleteTopicsRequest::default().with_topic_names(names.iter().map(|name| TopicName(text(name))).collect())
    }

    fn state(name: Option<&str>, id: u128) -> DeleteTopicState {
        let name = name.map(|name| TopicName(text(name)));
        DeleteTopicState::default()
            .with_name(name)
            .with_topic_id(Uuid::from_u128(id))
    }

    fn codes(response: &DeleteTopicsResponse) -> Vec<i16> {
        response.responses.iter().map(|result| result.error_code).collect()
    }

    #[test]
    fn name_and_id_exclude_each_other_and_one_is_needed() {
        let topics = vec![state(Some("a"), 1), state(None, 0), state(None, 2), state(Some("b"), 0)];
        let request = DeleteTopicsRequest::default().with_topics(topics);
        let targets: Vec<_> = asked(&request).into_iter().map(|topic| topic.target.ok()).collect();
        let expected = [
            None,
            None,
            Some(TopicRef::Id(Uuid::from_u128(2))),
            Some(TopicRef::Name(Arc::from("b"))),
        ];
        assert_eq!(targets, expected);
    }

    #[test]
    fn a_topic_listed_twice_is_refused_once() {
        let answer = AdminResponse::DeleteTopics(vec![(TopicRef::Name(Arc::from("b")), None, None, Ok(()))]);
        assert_eq!(codes(&results(1, &by_name(&["a", "b", "a"]), Some(answer))), [42, 0]);
    }

    #[test]
    fn every_version_reads_its_answer() {
        for version in served_versions(ApiKey::DeleteTopics) {
            let target = TopicRef::Name(Arc::from("a"));
            let answer = (target, Some(Arc::from("a")), Some(Uuid::from_u128(3)), Ok(()));
            let response = results(
                version,
                &by_name(&["a", "b"]),
                Some(AdminResponse::DeleteTopics(vec![answer])),
            );
            let read = over_the_wire(ApiKey::DeleteTopics, version, &response);
            assert_eq!(codes(&read), [0, 7]);
            assert_eq!(read.responses[0].topic_id.is_nil(), version < 6);
        }
    }

    #[test]
    fn an_id_is_answered_with_its_name_and_an_unknown_one_without() {
        let (known, unknown) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let request = DeleteTopicsRequest::default().with_topics(vec![state(None, 1), state(None, 2)]);
        let answer = AdminResponse::DeleteTopics(vec![
            (TopicRef::Id(known), Some(Arc::from("a")), Some(known), Ok(())),
            (
                TopicRef::Id(unknown),
                None,
                Some(unknown),
                Err(refusal(ErrorCode::UNKNOWN_TOPIC_ID, "unknown")),
            ),
        ]);
        let read = over_the_wire(ApiKey::DeleteTopics, 6, &results(6, &request, Some(answer)));
        assert_eq!(codes(&read), [0, 100]);
        let names: Vec<_> = read
            .responses
            .iter()
            .map(|r| r.name.as_ref().map(|name| name.to_string()))
            .collect();
        assert_eq!(names, [Some("a".to_owned()), None]);
    }

    #[test]
    fn forbidden_deletion_is_an_invalid_request_to_clients_that_do_not_know_the_code() {
        let answer = || {
            let refused = Err(refusal(ErrorCode::TOPIC_DELETION_DISABLED, "disabled"));
            Some(AdminResponse::DeleteTopics(vec![(
                TopicRef::Name(Arc::from("a")),
                None,
                None,
                refused,
            )]))
        };
        assert_eq!(codes(&results(2, &by_name(&["a"]), answer())), [42]);
        assert_eq!(codes(&results(3, &by_name(&["a"]), answer())), [73]);
    }
}
