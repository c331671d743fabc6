//! A clerk of the bank: each transaction takes an amount from one account and pays it into another,
//! or is aborted halfway. Who is killed, or loses the producer, begins anew with the same
//! transactional id; sometimes the next one begins while the one before is at it, and only one of
//! them may have its way.

use std::rc::Rc;
use std::time::Duration;

use base::{Rng, SplitMix64};
use client::TransactionError;
use history::workload::bank::Bank;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::hosts::transactor::Transactor;
use crate::hosts::{ACCOUNTS, LOOK_INTERVAL, RETRY_PAUSE, partitions_of};
use crate::world::World;

/// The longest that a clerk who has been replaced dawdles before it commits.
const DAWDLE_MAX_MS: u32 = 400;

struct Clerk {
    world: Rc<World>,
    index: usize,
    transactor: Transactor,
    bank: Bank,
    rng: SplitMix64,
}

pub(crate) async fn run(world: Rc<World>, clerk: usize) -> turmoil::Result {
    while !world.books.is_open() {
        sleep(LOOK_INTERVAL).await;
    }
    while world.books.transfers_left(clerk) > 0 {
        if work(&world, clerk).await.is_err() {
            sleep(RETRY_PAUSE).await;
        }
    }
    Ok(())
}

/// One incarnation, until nothing is left to do or it has to make place for another.
async fn work(world: &Rc<World>, clerk: usize) -> Result<(), TransactionError> {
    let plan = &world.plan.clerks[clerk];
    let name = format!("clerk-{clerk}");
    let transactor = Transactor::begin(world, &name, plan.seed).await?;
    let seed = u64::from(transactor.scribe.process().0);
    let mut clerk = Clerk {
        world: Rc::clone(world),
        index: clerk,
        transactor,
        bank: Bank::new(partitions_of(ACCOUNTS), seed),
        rng: SplitMix64::new(plan.seed ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
    };
    while world.books.transfers_left(clerk.index) > 0 {
        let pause = clerk.rng.below(plan.pause_max_ms + 1);
        sleep(Duration::from_millis(u64::from(pause))).await;
        clerk.write_transfer().await?;
        match clerk.rng.below(12) {
            0 => {
                world.books.note_transfer(clerk.index);
                spawn_local(clerk.dawdle());
                return Ok(());
            }
            1 | 2 => clerk.transactor.abort().await?,
            _ => {
                clerk.transactor.commit().await?;
            }
        }
        world.books.note_transfer(clerk.index);
    }
    Ok(())
}

impl Clerk {
    async fn write_transfer(&mut self) -> Result<(), TransactionError> {
        self.transactor.open().await?;
        let transfer = self.bank.transfer();
        for (account, value) in transfer.records() {
            self.transactor.send(account, value).await;
            let pause = self.rng.below(self.world.plan.clerks[self.index].pause_max_ms + 1);
            sleep(Duration::from_millis(u64::from(pause))).await;
        }
        Ok(())
    }

    /// Goes on although another one has begun, or is about to.
    async fn dawdle(mut self) {
        let pause = self.rng.below(DAWDLE_MAX_MS);
        sleep(Duration::from_millis(u64::from(pause))).await;
        // Whether it was in time the history tells.
        let _ = self.transactor.commit().await;
    }
}
