//! Themes: short stories about what a cluster promises under faults, and what it loses when a promise is not asked for.

mod compaction;
mod consumer_groups;
mod consumer_groups_modern;
mod consumer_walks;
mod deletion;
mod determinism;
mod disks;
mod fleet;
mod high_watermark;
mod isr;
mod leadership;
mod links;
mod offsets_compaction;
mod story;
