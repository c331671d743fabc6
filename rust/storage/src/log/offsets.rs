//! The positions of a log and the one order that holds between them, always:
//! `log start <= last stable <= high watermark <= flushed <= log end`.

use base::Offset;

/// The positions of a log. Only [`LogOffsets::checked`] lets a change through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogOffsets {
    /// The first offset that can be read.
    pub log_start: Offset,
    /// Below it no transaction is open.
    pub last_stable: Offset,
    /// Below it every in-sync replica holds the records: what consumers see.
    pub high_watermark: Offset,
    /// Below it the records have the durability that the topic asks for, on this replica.
    pub flushed: Offset,
    /// The offset of the next record.
    pub log_end: Offset,
}

impl LogOffsets {
    /// A log that starts and ends at `offset`.
    pub fn empty_at(offset: Offset) -> Self {
        Self {
            log_start: offset,
            last_stable: offset,
            high_watermark: offset,
            flushed: offset,
            log_end: offset,
        }
    }

    /// The same positions, if they are in order.
    ///
    /// # Panics
    /// If they are not: then the log would serve what it may lose, and stopping is the better
    /// answer.
    #[must_use]
    pub fn checked(self) -> Self {
        assert!(self.log_start.0 >= 0, "the log starts at a negative offset: {self:?}");
        assert!(self.log_start <= self.last_stable, "the log starts above stable: {self:?}");
        assert!(self.last_stable <= self.high_watermark, "stable above the watermark: {self:?}");
        assert!(self.high_watermark <= self.flushed, "the watermark is above flushed: {self:?}");
        assert!(self.flushed <= self.log_end, "flushed lies above the log's end: {self:?}");
        self
    }

    /// The positions after everything from `end` on was cut off.
    #[must_use]
    pub fn cut_to(self, end: Offset) -> Self {
        Self {
            log_start: self.log_start.min(end),
            last_stable: self.last_stable.min(end),
            high_watermark: self.high_watermark.min(end),
            flushed: self.flushed.min(end),
            log_end: end,
        }
        .checked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets([log_start, last_stable, high_watermark, flushed, log_end]: [i64; 5]) -> LogOffsets {
        LogOffsets {
            log_start: Offset(log_start),
            last_stable: Offset(last_stable),
            high_watermark: Offset(high_watermark),
            flushed: Offset(flushed),
            log_end: Offset(log_end),
        }
    }

    #[test]
    fn positions_in_order_pass() {
        assert_eq!(offsets([1, 2, 3, 4, 5]).checked(), offsets([1, 2, 3, 4, 5]));
        assert_eq!(LogOffsets::empty_at(Offset(7)).checked(), offsets([7; 5]));
    }

    #[test]
    fn each_pair_out_of_order_is_caught() {
        for broken in
            [[-1, 0, 0, 0, 0], [2, 1, 3, 4, 5], [1, 3, 2, 4, 5], [1, 2, 4, 3, 5], [1, 2, 3, 5, 4]]
        {
            let caught = std::panic::catch_unwind(|| offsets(broken).checked());
            assert!(caught.is_err(), "{broken:?}");
        }
    }

    #[test]
    fn a_cut_takes_every_position_along() {
        assert_eq!(offsets([1, 2, 3, 4, 5]).cut_to(Offset(3)), offsets([1, 2, 3, 3, 3]));
        assert_eq!(offsets([1, 2, 3, 4, 5]).cut_to(Offset(0)), offsets([0; 5]));
    }
}
