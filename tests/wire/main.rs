//! Raw bytes against a cluster in virtual time: what each API answers, and what hostile bytes achieve.

mod admin;
mod compaction;
mod configs;
mod connections;
mod delete_records;
mod fetch;
mod fetch_sessions;
mod follower_reads;
mod hostile;
mod idempotence;
mod metadata;
mod offsets;
mod produce;
mod produce_acks;
mod served;
