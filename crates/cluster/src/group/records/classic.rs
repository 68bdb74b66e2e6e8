//! The value of a classic group, version 3.

use bytes::{Buf, BufMut, Bytes};

use super::codec::{blob, maybe_text, put_bytes, put_maybe_text, put_text, text};
use crate::group::words::Text;

/// A group as its record holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GroupValue {
    pub(crate) protocol_type: Text,
    pub(crate) generation: i32,
    pub(crate) protocol: Option<Text>,
    pub(crate) leader: Option<Text>,
    /// When the group entered its state, if known.
    pub(crate) state_since_ms: Option<i64>,
    pub(crate) members: Vec<MemberValue>,
}

/// A member as its group's record holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MemberValue {
    pub(crate) id: Text,
    pub(crate) instance: Option<Text>,
    pub(crate) client_id: Text,
    pub(crate) client_host: Text,
    pub(crate) rebalance_timeout: i32,
    pub(crate) session_timeout: i32,
    pub(crate) subscription: Bytes,
    pub(crate) assignment: Bytes,
}

pub(super) fn put_group(buf: &mut Vec<u8>, value: &GroupValue) {
    buf.put_i16(3);
    put_text(buf, &value.protocol_type);
    buf.put_i32(value.generation);
    put_maybe_text(buf, value.protocol.as_ref());
    put_maybe_text(buf, value.leader.as_ref());
    buf.put_i64(value.state_since_ms.unwrap_or(-1));
    buf.put_i32(i32::try_from(value.members.len()).expect("a group has few members"));
    for member in &value.members {
        put_text(buf, &member.id);
        put_maybe_text(buf, member.instance.as_ref());
        put_text(buf, &member.client_id);
        put_text(buf, &member.client_host);
        buf.put_i32(member.rebalance_timeout);
        buf.put_i32(member.session_timeout);
        put_bytes(buf, &member.subscription);
        put_bytes(buf, &member.assignment);
    }
}

pub(super) fn group(mut buf: Bytes) -> Option<GroupValue> {
    let version = buf.try_get_i16().ok()?;
    if !(0..=3).contains(&version) {
        return None;
    }
    let mut value = GroupValue {
        protocol_type: text(&mut buf)?,
        generation: buf.try_get_i32().ok()?,
        protocol: maybe_text(&mut buf)?,
        leader: maybe_text(&mut buf)?,
        state_since_ms: None,
        members: Vec::new(),
    };
    if version >= 2 {
        value.state_since_ms = Some(buf.try_get_i64().ok()?).filter(|at| *at >= 0);
    }
    for _ in 0..buf.try_get_i32().ok()? {
        value.members.push(member(&mut buf, version)?);
    }
    Some(value)
}

fn member(buf: &mut Bytes, version: i16) -> Option<MemberValue> {
    let id = text(buf)?;
    let instance = if version >= 3 { maybe_text(buf)? } else { None };
    let (client_id, client_host) = (text(buf)?, text(buf)?);
    let rebalance_timeout = if version >= 1 {
        Some(buf.try_get_i32().ok()?)
    } else {
        None
    };
    let session_timeout = buf.try_get_i32().ok()?;
    Some(MemberValue {
        id,
        instance,
        client_id,
        client_host,
        rebalance_timeout: rebalance_timeout.unwrap_or(session_timeout),
        session_timeout,
        subscription: blob(buf)?,
        assignment: blob(buf)?,
    })
}
