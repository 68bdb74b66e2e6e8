//! What consumers say inside of the classic protocol (ConsumerProtocol): subscriptions and assignments.

use bytes::{Buf, Bytes};

use super::codec::text;
use crate::group::words::Text;

/// Topics that the metadata of a consumer's protocol subscribes to (ConsumerProtocolSubscription); `None` if it is not
/// such metadata.
pub(crate) fn subscribed_topics(mut metadata: Bytes) -> Option<Vec<Text>> {
    let version = metadata.try_get_i16().ok()?;
    if version < 0 {
        return None;
    }
    let count = metadata.try_get_i32().ok()?;
    (0..count).map(|_| text(&mut metadata)).collect()
}
