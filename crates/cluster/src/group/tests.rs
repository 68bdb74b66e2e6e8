//! The state machine of a shard in virtual time, with a log that the test replicates by hand.

mod commits;
mod consumer_assignors;
mod consumer_converting;
mod consumer_fencing;
mod consumer_few;
mod consumer_joining;
mod consumer_loading;
mod consumer_property;
mod consumer_regex;
mod joining;
mod loading;
mod rig;
mod sessions;
mod statics;
