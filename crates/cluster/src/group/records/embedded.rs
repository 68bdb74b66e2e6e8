//! What consumers say inside of the classic protocol (ConsumerProtocol): subscriptions and assignments.

use std::collections::BTreeSet;

use bytes::{Buf, BufMut, Bytes};

use super::codec::{blob, maybe_text, put_text, text};
use crate::group::words::Text;

/// The highest version there is.
const HIGHEST: i16 = 3;

/// Partitions by name of the topic.
pub(crate) type NamedParts = Vec<(Text, BTreeSet<i32>)>;

/// What a consumer joins with (ConsumerProtocolSubscription).
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Subscription {
    pub(crate) topics: BTreeSet<Text>,
    /// From version 1 on.
    pub(crate) owned: NamedParts,
    /// From version 3 on.
    pub(crate) rack: Option<Text>,
}

/// Topics that the metadata of a consumer's protocol subscribes to; `None` if it is not such metadata.
pub(crate) fn subscribed_topics(mut metadata: Bytes) -> Option<Vec<Text>> {
    let version = metadata.try_get_i16().ok()?;
    if version < 0 {
        return None;
    }
    topics(&mut metadata)
}

/// The version of a subscription or an assignment.
pub(crate) fn embedded_version(mut metadata: Bytes) -> Option<i16> {
    metadata.try_get_i16().ok().filter(|version| *version >= 0)
}

/// Reads a subscription; `None` if it is none. A newer version is read as far as it is known.
pub(crate) fn subscription(mut metadata: Bytes) -> Option<Subscription> {
    let version = metadata.try_get_i16().ok().filter(|version| *version >= 0)?;
    let mut subscription = Subscription {
        topics: topics(&mut metadata)?.into_iter().collect(),
        ..Subscription::default()
    };
    user_data(&mut metadata)?;
    if version >= 1 && metadata.has_remaining() {
        subscription.owned = named_parts(&mut metadata)?;
    }
    if version >= 3 {
        metadata.try_get_i32().ok()?;
        subscription.rack = maybe_text(&mut metadata)?.filter(|rack| !rack.is_empty());
    }
    Some(subscription)
}

/// Reads an assignment, which nobody has added data of their own to. `None` if it is not that.
pub(crate) fn assignment(mut bytes: Bytes) -> Option<NamedParts> {
    if bytes.is_empty() {
        return Some(NamedParts::new());
    }
    bytes.try_get_i16().ok().filter(|version| *version >= 0)?;
    let parts = named_parts(&mut bytes)?;
    user_data(&mut bytes)?.is_empty().then_some(parts)
}

/// Writes an assignment (ConsumerProtocolAssignment).
pub(crate) fn put_assignment(version: i16, parts: &NamedParts) -> Bytes {
    let mut buf = Vec::new();
    buf.put_i16(version.min(HIGHEST));
    put_count(&mut buf, parts.len());
    for (topic, indexes) in parts {
        put_text(&mut buf, topic);
        put_count(&mut buf, indexes.len());
        indexes.iter().for_each(|index| buf.put_i32(*index));
    }
    buf.put_i32(-1);
    buf.into()
}

fn put_count(buf: &mut Vec<u8>, count: usize) {
    buf.put_i32(i32::try_from(count).expect("an assignment fits into a frame"));
}

fn topics(buf: &mut Bytes) -> Option<Vec<Text>> {
    let count = buf.try_get_i32().ok()?;
    (0..count).map(|_| text(buf)).collect()
}

/// Null is as good as none.
fn user_data(buf: &mut Bytes) -> Option<Bytes> {
    if buf.clone().try_get_i32().ok()? < 0 {
        buf.advance(4);
        return Some(Bytes::new());
    }
    blob(buf)
}

fn named_parts(buf: &mut Bytes) -> Option<NamedParts> {
    let count = buf.try_get_i32().ok()?;
    let mut parts = NamedParts::new();
    for _ in 0..count {
        let topic = text(buf)?;
        let indexes = buf.try_get_i32().ok()?;
        let indexes = (0..indexes).map(|_| buf.try_get_i32().ok()).collect::<Option<_>>()?;
        parts.push((topic, indexes));
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_read_as_it_was_written() {
        let parts: NamedParts = vec![("orders".into(), BTreeSet::from([0, 3]))];
        let bytes = put_assignment(9, &parts);
        assert_eq!(embedded_version(bytes.clone()), Some(3));
        assert_eq!(assignment(bytes.clone()), Some(parts));
        for len in 1..bytes.len() {
            assert_eq!(assignment(bytes.slice(..len)), None);
        }
        assert_eq!(assignment(Bytes::new()), Some(NamedParts::new()));
    }

    #[test]
    fn an_assignment_with_data_of_its_own_is_not_understood() {
        let mut bytes = put_assignment(0, &NamedParts::new())[..6].to_vec();
        bytes.extend_from_slice(&[0, 0, 0, 1, 9]);
        assert_eq!(assignment(bytes.into()), None);
    }

    #[test]
    fn a_subscription_of_version_3_has_owned_partitions_and_a_rack() {
        let bytes = b"\0\x03\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x05\0\0\0\x07\0\x01r";
        let read = subscription(Bytes::from_static(bytes)).unwrap();
        assert_eq!(read.topics, BTreeSet::from(["t".into()]));
        assert_eq!(read.owned, [("t".into(), BTreeSet::from([5]))]);
        assert_eq!(read.rack.as_deref(), Some("r"));
        assert_eq!(subscription(Bytes::from_static(&bytes[..9])), None);
    }
}
