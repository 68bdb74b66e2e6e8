//! InitProducerId (22), versions 0 to 5: ids for idempotent producers.
//!
//! v1 quotas; v2 flexible; v3 the id and epoch a producer has (KIP-360); v4 PRODUCER_FENCED (KIP-588); v5 transactions
//! (KIP-890).
//!
//! A producer without a transactional id gets a fresh id with epoch 0 each time, whatever it had before.
//!
//! Divergence: transactions are not served, so a transactional id is answered with COORDINATOR_NOT_AVAILABLE. And where
//! Kafka answers COORDINATOR_LOAD_IN_PROGRESS while it fetches a block of ids, so that the client asks again, the
//! request waits for the block here; only if none comes is it answered so.

use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId, ResponseKind};
use kafka_sim_core::ErrorCode;

use super::{Answer, Call};
use crate::broker::{Broker, Ctx};

const NONE: i64 = -1;

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: InitProducerIdRequest) -> Answer {
    if let Some(code) = refused(&request) {
        return call.ready(failed(code));
    }
    match broker.producer_ids.next() {
        Some(id) => call.ready(given(id)),
        None => {
            broker.controller.waiting_for_ids.push((call.conn, call.head));
            broker.ask_for_producer_ids(ctx);
            Answer::Later
        }
    }
}

/// A block of ids arrived, or will not arrive.
pub(crate) fn resume(broker: &mut Broker, ctx: &mut Ctx<'_>) {
    let arrived = !broker.producer_ids.is_empty();
    for (conn, head) in std::mem::take(&mut broker.controller.waiting_for_ids) {
        match broker.producer_ids.next() {
            Some(id) => broker.respond(ctx, conn, &head, &given(id)),
            None if arrived => broker.controller.waiting_for_ids.push((conn, head)),
            None => broker.respond(ctx, conn, &head, &failed(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS)),
        }
    }
    if !broker.controller.waiting_for_ids.is_empty() {
        broker.ask_for_producer_ids(ctx);
    }
}

fn refused(request: &InitProducerIdRequest) -> Option<ErrorCode> {
    if request.transactional_id.as_ref().is_some_and(|id| id.is_empty()) {
        return Some(ErrorCode::INVALID_REQUEST);
    }
    // An id without an epoch or an epoch without an id is nonsense.
    if (request.producer_id.0 == NONE) != (i64::from(request.producer_epoch) == NONE) {
        return Some(ErrorCode::INVALID_REQUEST);
    }
    request
        .transactional_id
        .is_some()
        .then_some(ErrorCode::COORDINATOR_NOT_AVAILABLE)
}

fn given(id: i64) -> ResponseKind {
    let response = InitProducerIdResponse::default()
        .with_producer_id(ProducerId(id))
        .with_producer_epoch(0);
    ResponseKind::InitProducerId(response)
}

fn failed(code: ErrorCode) -> ResponseKind {
    let response = InitProducerIdResponse::default().with_error_code(code.0);
    ResponseKind::InitProducerId(response.with_producer_id(ProducerId(NONE)).with_producer_epoch(-1))
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{ApiKey, TransactionalId};

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    fn request(transactional_id: Option<&'static str>, id: i64, epoch: i16) -> InitProducerIdRequest {
        InitProducerIdRequest::default()
            .with_transactional_id(transactional_id.map(|id| TransactionalId(id.into())))
            .with_producer_id(ProducerId(id))
            .with_producer_epoch(epoch)
    }

    #[test]
    fn only_idempotent_producers_get_an_id() {
        assert_eq!(refused(&request(None, -1, -1)), None);
        assert_eq!(refused(&request(None, 5, 3)), None);
        assert_eq!(refused(&request(None, 5, -1)), Some(ErrorCode::INVALID_REQUEST));
        assert_eq!(refused(&request(Some(""), -1, -1)), Some(ErrorCode::INVALID_REQUEST));
        assert_eq!(
            refused(&request(Some("t"), -1, -1)),
            Some(ErrorCode::COORDINATOR_NOT_AVAILABLE)
        );
    }

    #[test]
    fn every_version_reads_an_id_and_a_failure() {
        for version in served_versions(ApiKey::InitProducerId) {
            for (answer, id) in [(given(1000), 1000), (failed(ErrorCode::COORDINATOR_NOT_AVAILABLE), -1)] {
                let ResponseKind::InitProducerId(response) = answer else {
                    panic!("another response")
                };
                let read = over_the_wire(ApiKey::InitProducerId, version, &response);
                assert_eq!(
                    (read.producer_id.0, read.producer_epoch),
                    (id, if id < 0 { -1 } else { 0 })
                );
            }
        }
    }
}
