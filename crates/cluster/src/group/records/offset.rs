//! The value of a committed offset: version 4, or 1 with an explicit retention.

use bytes::{Buf, BufMut, Bytes};
use uuid::Uuid;

use super::codec::{compact, put_compact, put_no_tags, put_tag, put_text, tags, text};
use crate::group::words::Committed;

/// The tagged field of version 4.
const TOPIC_ID: u32 = 0;

pub(super) fn put_offset(buf: &mut Vec<u8>, value: &Committed) {
    if let Some(at) = value.expire_ms {
        buf.put_i16(1);
        buf.put_i64(value.offset);
        put_text(buf, &value.metadata);
        buf.put_i64(value.commit_ms);
        buf.put_i64(at);
        return;
    }
    buf.put_i16(4);
    buf.put_i64(value.offset);
    buf.put_i32(value.leader_epoch);
    put_compact(buf, value.metadata.as_bytes());
    buf.put_i64(value.commit_ms);
    match value.topic_id {
        Some(id) => put_tag(buf, TOPIC_ID, id.as_bytes()),
        None => put_no_tags(buf),
    }
}

pub(super) fn offset(mut buf: Bytes) -> Option<Committed> {
    let version = buf.try_get_i16().ok()?;
    if !(0..=4).contains(&version) {
        return None;
    }
    let offset = buf.try_get_i64().ok()?;
    let leader_epoch = if version >= 3 { buf.try_get_i32().ok()? } else { -1 };
    let metadata = if version >= 4 {
        compact(&mut buf)?
    } else {
        text(&mut buf)?
    };
    let commit_ms = buf.try_get_i64().ok()?;
    let expire_ms = if version == 1 {
        Some(buf.try_get_i64().ok()?).filter(|at| *at >= 0)
    } else {
        None
    };
    let tags = if version >= 4 { tags(&mut buf)? } else { Vec::new() };
    let id = tags.iter().find(|(tag, _)| *tag == TOPIC_ID);
    let topic_id = match id {
        Some((_, id)) => Some(Uuid::from_slice(id).ok()?).filter(|id| !id.is_nil()),
        None => None,
    };
    Some(Committed {
        offset,
        leader_epoch,
        metadata,
        commit_ms,
        expire_ms,
        topic_id,
    })
}
