//! Notices are outside the books. The books say who had them sent again.

use crate::books::{Books, Now};
use crate::command::{NoticeOwner, RetryNotices};
use crate::event::{CommandOutcome, Event};
use crate::refusal::{MissingRecord, Refusal};

impl Books {
    pub(crate) fn retry_notices(
        &mut self,
        command: &RetryNotices,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let missing = match command.owner {
            NoticeOwner::Seller(id) if self.any_account_of(id).is_none() => {
                MissingRecord::Seller(id)
            }
            NoticeOwner::Firm(id) if self.firms.number(id).is_none() => MissingRecord::Firm(id),
            NoticeOwner::Courier(id) if self.couriers.number(id).is_none() => {
                MissingRecord::Courier(id)
            }
            NoticeOwner::Buyer(id) if self.parcel_slot(id).is_none() => MissingRecord::Parcel(id),
            _ => {
                out.events.push(Event::Registered);
                return Ok(());
            }
        };
        Err(Refusal::NotFound(missing))
    }
}
