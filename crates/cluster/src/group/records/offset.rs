//! The value of a committed offset: version 3, or 1 with an explicit retention.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::codec::{put_text, text};
use crate::group::words::Committed;

pub(super) fn put_offset(buf: &mut BytesMut, value: &Committed) {
    let version = if value.expire_ms.is_some() { 1 } else { 3 };
    buf.put_i16(version);
    buf.put_i64(value.offset);
    if version == 3 {
        buf.put_i32(value.leader_epoch);
    }
    put_text(buf, &value.metadata);
    buf.put_i64(value.commit_ms);
    if let Some(at) = value.expire_ms {
        buf.put_i64(at);
    }
}

pub(super) fn offset(mut buf: Bytes) -> Option<Committed> {
    let version = buf.try_get_i16().ok()?;
    if !(0..=3).contains(&version) {
        return None;
    }
    let offset = buf.try_get_i64().ok()?;
    let leader_epoch = if version == 3 { buf.try_get_i32().ok()? } else { -1 };
    let metadata = text(&mut buf)?;
    let commit_ms = buf.try_get_i64().ok()?;
    let expire_ms = if version == 1 {
        Some(buf.try_get_i64().ok()?).filter(|at| *at >= 0)
    } else {
        None
    };
    Some(Committed {
        offset,
        leader_epoch,
        metadata,
        commit_ms,
        expire_ms,
    })
}
