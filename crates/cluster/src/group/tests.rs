//! The state machine of a shard in virtual time, with a log that the test replicates by hand.

mod commits;
mod consumer_fencing;
mod consumer_joining;
mod joining;
mod loading;
mod rig;
mod sessions;
mod statics;
