//! The account of a variant's units.

use borsh::{BorshDeserialize, BorshSerialize};

/// Units of a variant. `granted` is the sum of the four others, always (M13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StockAccount {
    /// Added by adjustments, less what adjustments and write-offs took away.
    pub granted: u32,
    /// Can be ordered.
    pub left: u32,
    /// Set aside for flash prices.
    pub allotted: u32,
    /// Set aside for buyers who want to think.
    pub reserved: u32,
    /// In orders, or on their way back from one.
    pub sold: u32,
}

impl StockAccount {
    /// # Panics
    /// If units appeared or disappeared (M13).
    #[inline]
    pub(crate) fn assert_whole(&self) {
        assert!(self.is_whole(), "M13: units appeared or disappeared: {self:?}");
    }

    #[must_use]
    pub(crate) fn is_whole(&self) -> bool {
        let parts = [self.left, self.allotted, self.reserved, self.sold];
        parts.iter().map(|&part| u64::from(part)).sum::<u64>() == u64::from(self.granted)
    }

    pub(crate) fn grant(&mut self, quantity: u32) {
        self.granted += quantity;
        self.left += quantity;
        self.assert_whole();
    }

    pub(crate) fn withdraw(&mut self, quantity: u32) {
        self.left = minus(self.left, quantity);
        self.granted = minus(self.granted, quantity);
        self.assert_whole();
    }

    pub(crate) fn allot(&mut self, quantity: u32) {
        self.left = minus(self.left, quantity);
        self.allotted += quantity;
        self.assert_whole();
    }

    pub(crate) fn end_allotment(&mut self, quantity: u32) {
        self.allotted = minus(self.allotted, quantity);
        self.left += quantity;
        self.assert_whole();
    }

    pub(crate) fn reserve(&mut self, quantity: u32) {
        self.left = minus(self.left, quantity);
        self.reserved += quantity;
        self.assert_whole();
    }

    pub(crate) fn end_reservation(&mut self, quantity: u32) {
        self.reserved = minus(self.reserved, quantity);
        self.left += quantity;
        self.assert_whole();
    }

    pub(crate) fn sell(&mut self, quantity: u32) {
        self.left = minus(self.left, quantity);
        self.sold += quantity;
        self.assert_whole();
    }

    pub(crate) fn sell_allotted(&mut self, quantity: u32) {
        self.allotted = minus(self.allotted, quantity);
        self.sold += quantity;
        self.assert_whole();
    }

    /// A unit that was sold is stock again.
    pub(crate) fn take_back(&mut self, allotted: bool) {
        self.sold = minus(self.sold, 1);
        *(if allotted { &mut self.allotted } else { &mut self.left }) += 1;
        self.assert_whole();
    }

    /// A unit that was sold came back and cannot be sold again.
    pub(crate) fn write_off(&mut self) {
        self.sold = minus(self.sold, 1);
        self.granted = minus(self.granted, 1);
        self.assert_whole();
    }
}

/// # Panics
/// Below zero (M13).
pub(crate) fn minus(from: u32, quantity: u32) -> u32 {
    from.checked_sub(quantity).expect("M13: below zero")
}
