//! Waits for a future from a thread that is not the runtime's, and stays interruptible while it
//! does.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long a wait goes on before the caller is asked whether it should.
pub const INTERRUPT_CHECK_MAX: Duration = Duration::from_millis(50);

/// Somebody who may want a wait to end: Python looks for signals here.
pub trait Interrupt {
    /// Whether to go on waiting. Called on the waiting thread, at least every
    /// [`INTERRUPT_CHECK_MAX`].
    fn check(&mut self) -> Result<(), Interrupted>;
}

/// The wait was interrupted; the future was dropped, and whatever it had begun goes on or not as
/// its own text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Nobody interrupts.
#[derive(Clone, Copy, Debug, Default)]
pub struct NeverInterrupted;

impl Interrupt for NeverInterrupted {
    fn check(&mut self) -> Result<(), Interrupted> {
        Ok(())
    }
}

/// Why a wait ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BlockError {
    /// Its time was over.
    #[error("timed out")]
    TimedOut,
    /// It was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Runs `future` to its end, to `deadline`, or to an interrupt.
pub fn block_on<F: Future>(
    runtime: &Handle,
    deadline: Option<Instant>,
    interrupt: &mut dyn Interrupt,
    future: F,
) -> Result<F::Output, BlockError> {
    let mut future = pin!(future);
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let slice = left.unwrap_or(INTERRUPT_CHECK_MAX).min(INTERRUPT_CHECK_MAX);
        if let Ok(output) = runtime.block_on(async { timeout(slice, future.as_mut()).await }) {
            return Ok(output);
        }
        interrupt.check()?;
        if left.is_some_and(|left| left.is_zero()) {
            return Err(BlockError::TimedOut);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    struct AfterThree(u32);

    impl Interrupt for AfterThree {
        fn check(&mut self) -> Result<(), Interrupted> {
            self.0 += 1;
            if self.0 < 3 { Ok(()) } else { Err(Interrupted) }
        }
    }

    #[test]
    fn a_result_is_returned_even_if_the_time_is_over() {
        let runtime = runtime();
        let now = Some(Instant::now());
        assert_eq!(block_on(runtime.handle(), now, &mut NeverInterrupted, ready(7)), Ok(7));
    }

    #[test]
    fn a_wait_ends_at_its_deadline() {
        let runtime = runtime();
        let deadline = Some(Instant::now() + Duration::from_millis(5));
        let waited = block_on(runtime.handle(), deadline, &mut NeverInterrupted, pending::<()>());
        assert_eq!(waited, Err(BlockError::TimedOut));
    }

    #[test]
    fn a_wait_without_a_deadline_ends_with_an_interrupt() {
        let runtime = runtime();
        let mut interrupt = AfterThree(0);
        let waited = block_on(runtime.handle(), None, &mut interrupt, pending::<()>());
        assert_eq!(waited, Err(BlockError::Interrupted(Interrupted)));
    }
}
