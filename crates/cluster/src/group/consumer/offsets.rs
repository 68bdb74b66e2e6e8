//! Who may commit and fetch the offsets of a consumer group, and how long they are kept.

use kafka_sim_core::ErrorCode;

use super::super::words::{Caller, Committed};
use super::{ConsumerGroup, ConsumerMember};

/// The first version of OffsetCommit that members of the consumer protocol may use.
const FIRST_COMMIT_VERSION: i16 = 9;

impl ConsumerGroup {
    /// Whoever has no member epoch may commit only while the group is empty.
    pub(crate) fn check_commit(&self, caller: &Caller, epoch: i32, version: i16) -> Result<(), ErrorCode> {
        if epoch < 0 && self.members.is_empty() {
            return Ok(());
        }
        let member = self.members.get(&caller.member).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        if !member.is_classic() && version < FIRST_COMMIT_VERSION {
            return Err(ErrorCode::UNSUPPORTED_VERSION);
        }
        member.check_commit_epoch(epoch)
    }

    /// Whoever names no member may fetch.
    pub(crate) fn check_fetch(&self, member: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
        if member.is_none() && epoch < 0 {
            return Ok(());
        }
        let member = member.and_then(|id| self.members.get(id));
        member.ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?.check_commit_epoch(epoch)
    }

    /// Offsets of topics that are read do not expire, the others do some time after the commit.
    pub(crate) fn has_expired(&self, topic: &str, value: &Committed, retention_ms: i64, now_ms: i64) -> bool {
        !self.is_subscribed_to(topic)
            && match value.expire_ms {
                Some(at) => now_ms >= at,
                None => now_ms.saturating_sub(value.commit_ms) >= retention_ms,
            }
    }
}

impl ConsumerMember {
    fn check_commit_epoch(&self, epoch: i32) -> Result<(), ErrorCode> {
        match (epoch == self.epoch, self.is_classic()) {
            (true, _) => Ok(()),
            (false, true) => Err(ErrorCode::ILLEGAL_GENERATION),
            (false, false) => Err(ErrorCode::STALE_MEMBER_EPOCH),
        }
    }
}
