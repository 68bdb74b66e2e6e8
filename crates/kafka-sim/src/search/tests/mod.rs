//! The search finds what is there to be found, and nothing in the safe profile.

mod dangers;
mod failures;
mod finding;
mod groups;
mod reports;
mod schedules;
mod seeds;
mod shrinking;
mod steering;
