//! Groups of consumers: membership, assignments and committed offsets (GroupCoordinatorService, GroupMetadataManager,
//! OffsetMetadataManager). Classic groups are here, consumer groups (KIP-848) in [`consumer`].
//!
//! Each partition of `__consumer_offsets` that this broker leads is a [`Shard`] with the groups whose id falls on it. A
//! shard is a state machine of its own: it appends records through a [`Journal`], answers through
//! [`Act::replies`](turn::Act), keeps its timers, and is told when the high watermark moves. [`host`] connects it to the
//! broker's partitions and connections.
//!
//! What a member is told waits until its record is on every in-sync replica, and nothing else protects it: there is no
//! check of `min.insync.replicas` before the append, and an offsets topic without replicas loses commits with its
//! leader's disk.
//!
//! The departure of a classic group's last member is not taken back when its write fails: the next coordinator finds the
//! old members, whose sessions run out.
//!
//! Divergence:
//! - Share and streams groups are not served.
//! - Records are appended one request at a time, as with `group.coordinator.append.linger.ms=0`.
//! - Loading reads `offsets.load.buffer.size` bytes per millisecond; an empty log is loaded at once.

mod classic;
mod commit;
mod compare;
mod consumer;
mod deed;
mod expiry;
pub(crate) mod host;
mod join;
mod journal;
mod lead;
mod load;
mod look;
mod member;
mod offsets;
mod rebalance;
mod records;
mod session;
mod shard;
mod static_member;
mod sync;
#[cfg(test)]
mod tests;
mod turn;
mod view;
pub(crate) mod words;
mod writes;

pub(crate) use classic::Group;
pub(crate) use consumer::{ConsumerGroup, ConsumerMember, assignors};
pub(crate) use deed::{Accepted, Deed};
pub(crate) use host::{Coordinators, shard_of};
pub(crate) use lead::read_records;
pub(crate) use records::Record;
#[cfg(test)]
pub(crate) use records::{Change, Current, GroupValue, MemberMetadata};
pub(crate) use shard::Shard;
#[cfg(test)]
pub(crate) use words::Committed;
pub(crate) use words::{Parts, Text, Waiter};
