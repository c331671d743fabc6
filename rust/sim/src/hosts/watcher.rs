//! The watcher: asks again and again where the logs end, which is their high watermark.

use std::rc::Rc;
use std::time::Duration;

use base::Rng;
use tokio::time::sleep;

use crate::history::Event;
use crate::hosts::{connect_consumer, partitions};
use crate::world::{Stage, World};

/// The longest pause between two questions.
const PAUSE_MAX_MS: u32 = 300;

pub(crate) async fn run(world: Rc<World>) -> turmoil::Result {
    let mut rng = world.plan.rng(u64::from(u32::MAX) + 1);
    let consumer = connect_consumer(rng.next_u64()).await;
    while world.stage.get() != Stage::Audited {
        let asked = world.note(Event::EndsAsked);
        // A question that was lost with the broker says nothing.
        if let Ok(ends) = consumer.end_offsets(&partitions()).await {
            let ends = ends.into_iter().map(|(name, end)| (name.partition.0, end)).collect();
            world.note(Event::EndsTold { asked, ends });
        }
        sleep(Duration::from_millis(u64::from(rng.below(PAUSE_MAX_MS)))).await;
    }
    consumer.close().await;
    Ok(())
}
