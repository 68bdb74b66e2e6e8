//! Groups over the wire: members, commits, and what becomes of them when coordinators die.

mod classic;
mod commits;
mod consumer;
mod coordinators;
mod failover;
mod member;
mod topic_ids;
mod world;
