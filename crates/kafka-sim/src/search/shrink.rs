//! Making a failing schedule as small as it can be while it still fails.

use kafka_sim_cluster::fault::Schedule;
use kafka_sim_core::Seed;

use super::{Claim, World, milder};

/// Runs that a shrinking may take.
const RUNS: u32 = 400;
/// Fewer messages than this make no schedule easier to understand.
const FEWEST_RECORDS: u32 = 10;

/// A failure that no single step makes smaller, unless the runs gave out before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shrunk {
    /// The world with as few messages, partitions and brokers as it takes.
    pub world: World,
    /// The faults that it takes.
    pub schedule: Schedule,
    /// Runs that were done to find out.
    pub runs: u32,
}

/// Shrinks a failure towards fewer faults, milder kinds, shorter and earlier ones, smaller counts, fewer messages, fewer
/// partitions, and fewer brokers, though never fewer than replicas, which promises depend on. The seed stays, and so does
/// the claim that breaks. Equal arguments give equal results.
pub fn shrink(world: &World, seed: Seed, schedule: &Schedule, claim: Claim) -> Shrunk {
    let fails = |world: &World, schedule: &Schedule| {
        let outcome = world.outcome(seed, schedule);
        outcome.is_ok_and(|outcome| outcome.broken.contains(&claim))
    };
    shrink_while(world, schedule, &fails)
}

/// Shrinks as long as `fails` says that what is left still does.
pub(super) fn shrink_while(world: &World, schedule: &Schedule, fails: &dyn Fn(&World, &Schedule) -> bool) -> Shrunk {
    let mut shrinking = Shrinking {
        fails,
        runs: 0,
        world: world.clone(),
        schedule: schedule.clone(),
    };
    while shrinking.drop_faults() | shrinking.soften_faults() | shrinking.send_less() | shrinking.narrow() {}
    Shrunk {
        world: shrinking.world,
        schedule: shrinking.schedule,
        runs: shrinking.runs,
    }
}

struct Shrinking<'a> {
    fails: &'a dyn Fn(&World, &Schedule) -> bool,
    runs: u32,
    world: World,
    schedule: Schedule,
}

impl Shrinking<'_> {
    fn still_fails(&mut self, world: &World, schedule: &Schedule) -> bool {
        if self.runs >= RUNS {
            return false;
        }
        self.runs += 1;
        (self.fails)(world, schedule)
    }

    /// Takes the schedule if it fails as well.
    fn take(&mut self, schedule: Schedule) -> bool {
        let world = self.world.clone();
        let fails = self.still_fails(&world, &schedule);
        if fails {
            self.schedule = schedule;
        }
        fails
    }

    fn drop_faults(&mut self) -> bool {
        let mut any = false;
        while milder::fewer(&self.schedule)
            .into_iter()
            .any(|schedule| self.take(schedule))
        {
            any = true;
        }
        any
    }

    fn soften_faults(&mut self) -> bool {
        let mut any = false;
        for index in 0..self.schedule.faults.len() {
            let world = self.world.clone();
            while milder::of(&self.schedule.faults[index], &world)
                .into_iter()
                .any(|fault| {
                    let mut schedule = self.schedule.clone();
                    schedule.faults[index] = fault;
                    self.take(schedule)
                })
            {
                any = true;
            }
        }
        any
    }

    fn send_less(&mut self) -> bool {
        let mut any = false;
        while self.world.records / 2 >= FEWEST_RECORDS {
            let less = World {
                records: self.world.records / 2,
                ..self.world.clone()
            };
            let schedule = self.schedule.clone();
            if !self.still_fails(&less, &schedule) {
                break;
            }
            self.world = less;
            any = true;
        }
        any
    }

    /// Partitions and brokers, from the fewest that make a world.
    fn narrow(&mut self) -> bool {
        let fewer_partitions = (1..self.world.partitions).map(|partitions| World {
            partitions,
            ..self.world.clone()
        });
        let replicas = usize::from(self.world.replicas.unsigned_abs());
        let fewer_brokers = (replicas..self.world.brokers).map(|brokers| World {
            brokers,
            ..self.world.clone()
        });
        let narrower: Vec<World> = fewer_partitions.chain(fewer_brokers).collect();
        for world in narrower {
            let schedule = milder::folded(&self.schedule, &world);
            if self.still_fails(&world, &schedule) {
                (self.world, self.schedule) = (world, schedule);
                return true;
            }
        }
        false
    }
}
