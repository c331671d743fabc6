//! Holds the messages against four independent witnesses: the contract table, a foreign codec, Kafka's own bytes, and
//! frames that nobody should have sent.

mod contract;
mod counting_allocator;
mod golden;
mod hostile_frames;
mod oracle;
mod random_message;
mod schema;
mod traps;

use counting_allocator::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
