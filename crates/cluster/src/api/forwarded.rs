//! What the APIs that the controller executes have in common: forwarding, refusals made before that, error fields.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::messages::RequestKind;
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::ErrorCode;

use super::{Answer, Call};
use crate::broker::{AdminCall, Broker, Ctx};
use crate::peer::{AdminRequest, Refusal};

/// Hands a request to the controller; `request` is what the answer will be rendered from.
pub(super) fn forward(
    broker: &mut Broker,
    ctx: &mut Ctx<'_>,
    call: Call,
    request: RequestKind,
    admin: AdminRequest,
    timeout: Duration,
) -> Answer {
    broker.forward(
        ctx,
        AdminCall {
            conn: call.conn,
            head: call.head,
            request,
        },
        admin,
        timeout,
    );
    Answer::Later
}

/// The `timeout_ms` of a request; a negative one gives no time at all.
pub(super) fn patience(timeout_ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0))
}

/// The values that occur more than once.
pub(super) fn repeated<T: Ord + Copy>(values: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    values.filter(|value| !seen.insert(*value)).collect()
}

/// The controller did not answer in time. What was asked may still happen.
pub(super) fn timed_out() -> Refusal {
    refusal(ErrorCode::REQUEST_TIMED_OUT, "the controller did not answer in time")
}

/// INVALID_REQUEST
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    refusal(ErrorCode::INVALID_REQUEST, message)
}

pub(super) fn refusal(code: ErrorCode, message: impl Into<String>) -> Refusal {
    Refusal {
        code,
        message: Some(message.into()),
    }
}

/// Error code and error message of one item of a response.
pub(super) fn error_fields<T>(outcome: &Result<T, Refusal>) -> (i16, Option<StrBytes>) {
    match outcome {
        Ok(_) => (ErrorCode::NONE.0, None),
        Err(refusal) => (refusal.code.0, refusal.message.clone().map(StrBytes::from_string)),
    }
}

/// Text for the wire.
pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

#[cfg(test)]
pub(super) mod testing {
    use kafka_protocol::messages::ApiKey;
    use kafka_protocol::protocol::{Decodable, Encodable};
    use kafka_sim_core::wire::encode_response;

    use crate::api::versions;

    /// What a client of `version` reads. Fails if the version cannot carry what was rendered.
    pub(in crate::api) fn over_the_wire<T: Encodable + Decodable>(key: ApiKey, version: i16, body: &T) -> T {
        let mut frame = encode_response(key, version, 7, body).expect("every served version can be encoded");
        let head = if key.response_header_version(version) >= 1 {
            9
        } else {
            8
        };
        let mut body = frame.split_off(head);
        T::decode(&mut body, version).expect("what was encoded can be decoded")
    }

    /// Every version of an API that is served.
    pub(in crate::api) fn served_versions(key: ApiKey) -> std::ops::RangeInclusive<i16> {
        let row = versions::served(key as i16).expect("the API is served");
        row.min..=row.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_that_occurs_again_is_repeated_and_no_other() {
        assert_eq!(
            repeated(["a", "b", "a", "c", "a", "c"].into_iter()),
            BTreeSet::from(["a", "c"])
        );
        assert!(repeated(["a", "b"].into_iter()).is_empty());
    }

    #[test]
    fn a_negative_timeout_gives_no_time() {
        assert_eq!(patience(-1), Duration::ZERO);
        assert_eq!(patience(1500), Duration::from_millis(1500));
    }
}
