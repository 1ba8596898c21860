//! Figures of the notices of this process, for who watches it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use channels::SendOutcome;

use crate::error::NoticeError;
use crate::follow::locked;
use crate::outbox::{OpenNotices, Outbox};
use crate::rules::NoticeChannel;

/// What one channel has open, and how its sends ended since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelFigures {
    pub open: OpenNotices,
    pub delivered: u64,
    /// Known not to have arrived; tried again.
    pub failed: u64,
    /// Known not to have arrived, and not tried again.
    pub refused: u64,
    pub not_known: u64,
}

/// Shared by whoever sends and whoever shows them.
#[derive(Debug, Default)]
pub struct NoticeFigures(Mutex<BTreeMap<NoticeChannel, ChannelFigures>>);

impl NoticeFigures {
    #[must_use]
    pub fn by_channel(&self) -> BTreeMap<NoticeChannel, ChannelFigures> {
        locked(&self.0).clone()
    }

    pub(crate) fn on_outcome(&self, channel: NoticeChannel, outcome: &SendOutcome) {
        let mut all = locked(&self.0);
        let figures = all.entry(channel).or_default();
        match outcome {
            SendOutcome::Delivered { .. } => figures.delivered += 1,
            SendOutcome::Failed { .. } => figures.failed += 1,
            SendOutcome::Refused { .. } | SendOutcome::Gone { .. } => figures.refused += 1,
            SendOutcome::NotKnown { .. } => figures.not_known += 1,
        }
    }

    /// Counts what is open, of each channel: of one that is off, too.
    pub(crate) fn count(&self, outbox: &Outbox) -> Result<(), NoticeError> {
        for channel in NoticeChannel::ALL {
            let open = outbox.open_of(channel)?;
            let mut all = locked(&self.0);
            if open != OpenNotices::default() || all.contains_key(&channel) {
                all.entry(channel).or_default().open = open;
            }
        }
        Ok(())
    }
}
