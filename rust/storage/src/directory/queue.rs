//! A queue with a limit on both its items and their bytes, between threads that must not wait for
//! each other.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::wake::Wake;

/// What a queue may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// The most items.
    pub items_max: usize,
    /// The most bytes; one item alone may have more.
    pub bytes_max: usize,
}

/// Why a queue did not take an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full,
    Closed,
}

/// A bounded queue with one consumer. An item counts until the consumer is [done](Queue::done) with
/// it.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    limits: QueueLimits,
    state: Mutex<State<T>>,
    consumer: Arc<Wake>,
    producer: Arc<Wake>,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<(T, usize)>,
    held: Held,
    closed: bool,
    /// The producer has looked for room and found none.
    room_wanted: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    items: usize,
    bytes: usize,
}

impl<T> Queue<T> {
    /// An empty queue whose consumer is woken when something arrives, and whose producer when there
    /// is room after it [has found none](Self::has_room).
    pub(crate) fn new(limits: QueueLimits, consumer: Arc<Wake>, producer: Arc<Wake>) -> Self {
        let (items, held) = (VecDeque::new(), Held::default());
        let state = State { items, held, closed: false, room_wanted: false };
        Self { limits, state: Mutex::new(state), consumer, producer }
    }

    /// Adds an item that stands for `bytes` bytes, or gives it back.
    pub(crate) fn push(&self, item: T, bytes: usize) -> Result<(), (T, Refusal)> {
        let mut state = self.state.lock();
        if state.closed {
            return Err((item, Refusal::Closed));
        }
        if !state.held.has_room(self.limits, bytes) {
            return Err((item, Refusal::Full));
        }
        state.add(item, bytes);
        drop(state);
        self.consumer.wake();
        Ok(())
    }

    /// Adds an item whatever the queue holds, unless it is closed: what is not a batch is rare and
    /// small, and what was made of a batch had its room looked for before.
    pub(crate) fn push_control(&self, item: T) -> Result<(), T> {
        self.push_over(item, 0)
    }

    /// Adds an item that stands for `bytes` bytes, whatever the queue holds.
    pub(crate) fn push_over(&self, item: T, bytes: usize) -> Result<(), T> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(item);
        }
        state.add(item, bytes);
        drop(state);
        self.consumer.wake();
        Ok(())
    }

    /// Whether an item would be taken. If not, the producer is woken when there is room.
    pub(crate) fn has_room(&self) -> bool {
        let mut state = self.state.lock();
        state.room_wanted = !state.held.has_room(self.limits, 0);
        !state.room_wanted
    }

    /// The oldest item and its bytes, which count on until [`Self::done`].
    pub(crate) fn pop(&self) -> Option<(T, usize)> {
        self.state.lock().items.pop_front()
    }

    /// Counts an item that the consumer has made itself, until it is done with it.
    pub(crate) fn hold(&self) {
        self.state.lock().held.items += 1;
    }

    /// Makes room: one item of so many bytes is dealt with.
    pub(crate) fn done(&self, bytes: usize) {
        let mut state = self.state.lock();
        assert!(state.held.items > 0 && state.held.bytes >= bytes, "an item is done with once");
        state.held.items -= 1;
        state.held.bytes -= bytes;
        if state.room_wanted && state.held.has_room(self.limits, 0) {
            state.room_wanted = false;
            drop(state);
            self.producer.wake();
        }
    }

    /// Takes nothing more from now on.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.consumer.wake();
    }

    /// Whether it takes nothing more and everything it took is done with.
    pub(crate) fn is_finished(&self) -> bool {
        let state = self.state.lock();
        state.closed && state.held.items == 0
    }
}

impl<T> State<T> {
    fn add(&mut self, item: T, bytes: usize) {
        self.held.items += 1;
        self.held.bytes += bytes;
        self.items.push_back((item, bytes));
    }
}

impl Held {
    fn has_room(self, limits: QueueLimits, bytes: usize) -> bool {
        self.items == 0
            || (self.items < limits.items_max
                && self.bytes.saturating_add(bytes) <= limits.bytes_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue<u32> {
        let limits = QueueLimits { items_max: 3, bytes_max: 10 };
        Queue::new(limits, Arc::default(), Arc::default())
    }

    #[test]
    fn items_come_out_as_they_went_in() {
        let queue = queue();
        queue.push(1, 1).unwrap();
        queue.push(2, 1).unwrap();
        assert_eq!(queue.pop(), Some((1, 1)));
        assert_eq!(queue.pop(), Some((2, 1)));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn too_many_items_or_bytes_are_given_back() {
        let queue = queue();
        queue.push(1, 9).unwrap();
        assert_eq!(queue.push(2, 2), Err((2, Refusal::Full)));
        queue.push(3, 0).unwrap();
        queue.push(4, 0).unwrap();
        assert_eq!(queue.push(5, 0), Err((5, Refusal::Full)));
        queue.push_control(6).unwrap();
    }

    #[test]
    fn an_item_counts_until_it_is_done_with() {
        let queue = queue();
        queue.push(1, 10).unwrap();
        queue.pop().unwrap();
        assert_eq!(queue.push(2, 1), Err((2, Refusal::Full)));
        queue.done(10);
        queue.push(2, 1).unwrap();
    }

    #[test]
    fn an_item_larger_than_the_limit_passes_alone() {
        let queue = queue();
        queue.push(1, 11).unwrap();
        assert_eq!(queue.push(2, 0), Err((2, Refusal::Full)));
    }

    #[test]
    fn a_closed_queue_is_finished_when_all_it_took_is_done_with() {
        let queue = queue();
        queue.push(1, 1).unwrap();
        queue.close();
        assert_eq!(queue.push(2, 1), Err((2, Refusal::Closed)));
        assert_eq!(queue.push_control(3), Err(3));
        queue.pop().unwrap();
        assert!(!queue.is_finished());
        queue.done(1);
        assert!(queue.is_finished());
    }
}
