//! Units that are set aside for a buyer until a time.
//!
//! Nothing has to happen at that time: from then on the units count as left, and the next command
//! that needs them takes them. [`EndReservations`] gives the rest back.

use std::collections::BTreeMap;

use books::{RECORDS_PER_COMMAND_MAX, used_identifier};
use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;

use crate::command::*;
use crate::event::MarketEvent;
use crate::ids::{BuyerToken, ReservationId};
use crate::market::{Change, Market, MarketPlan, TablePlace};
use crate::refusal::{MarketRefusal, MissingMarketRecord, not_found};

/// Units by variant, end of the reservation, and reservation.
pub(crate) type ReservedUnits = BTreeMap<(TablePlace, Timestamp, ReservationId), u32>;

/// A reservation whose units are not all given back.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct StockReservation {
    pub buyer: BuyerToken,
    pub until: Timestamp,
    pub made: Vec<CartLine>,
    /// Units that are still set aside, by variant, in the order of the variants' places.
    pub units: Vec<(TablePlace, u32)>,
}

impl Market {
    /// The units of the lines by variant, in the order of the variants' places.
    pub(crate) fn units_by_variant(
        &self,
        lines: &[CartLine],
    ) -> Result<Vec<(TablePlace, u32)>, MarketRefusal> {
        if !(1..=CART_LINES_MAX).contains(&lines.len()) {
            return Err(MarketRefusal::CartLines);
        }
        let mut units: Vec<(TablePlace, u32)> = Vec::with_capacity(lines.len());
        let mut sum = 0;
        for line in lines {
            let CartLine { variant, quantity } = *line;
            if !(1..=UNITS_PER_ORDER_MAX).contains(&quantity) {
                return Err(MarketRefusal::UnitCount);
            }
            sum += quantity;
            let place = self.variant_place(variant)?;
            match units.iter_mut().find(|(one, _)| *one == place) {
                Some((_, before)) => *before += quantity,
                None => units.push((place, quantity)),
            }
        }
        if sum > UNITS_PER_ORDER_MAX {
            return Err(MarketRefusal::UnitCount);
        }
        units.sort_unstable();
        Ok(units)
    }

    /// Units of a variant that can be ordered at a time.
    pub(crate) fn left_at(&self, place: TablePlace, at: Timestamp) -> u32 {
        let first = (place, Timestamp(0), ReservationId(0));
        let last = (place, at, ReservationId(u64::MAX));
        let ended: u32 = self.reserved_units.range(first..=last).map(|(_, units)| units).sum();
        self.variant(place).stock.left + ended
    }

    pub(crate) fn check_left(
        &self,
        place: TablePlace,
        quantity: u32,
        at: Timestamp,
    ) -> Result<(), MarketRefusal> {
        let variant = self.variant(place);
        if quantity <= variant.stock.left {
            return Ok(());
        }
        let left = self.left_at(place, at);
        if quantity <= left {
            return Ok(());
        }
        Err(MarketRefusal::NotEnoughStock(variant.id, left))
    }

    /// Makes units of ended reservations left, the oldest first, until `quantity` is left. The plan
    /// checked that there are so many.
    pub(crate) fn free_ended(&mut self, place: TablePlace, quantity: u32) {
        while self.variant(place).stock.left < quantity {
            let first = (place, Timestamp(0), ReservationId(0));
            let ended = self.reserved_units.range(first..).next();
            let (&key, _) = ended.expect("M13: the plan found enough units");
            assert_eq!(key.0, place, "M13: the plan found enough units");
            self.free_line(key);
        }
    }

    fn free_line(&mut self, key: (TablePlace, Timestamp, ReservationId)) {
        let (place, until, id) = key;
        let units = self.reserved_units.remove(&key).expect("the units are reserved");
        self.variant_mut(place).stock.end_reservation(units);
        let reservation = self.reservations.get_mut(&id).expect("the reservation has units");
        reservation.units.retain(|(one, _)| *one != place);
        if reservation.units.is_empty() {
            self.reservations.remove(&id);
            self.reservation_ends.remove(&(until, id));
        }
    }

    pub(crate) fn reserve_units(
        &self,
        command: &ReserveUnits,
        at: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        if let Some(known) = self.reservations.get(&command.reservation) {
            let same = known.buyer == command.buyer
                && known.until == command.until
                && known.made == command.lines;
            return Err(used_identifier(same).into());
        }
        let latest = at.plus_ms(RESERVATION_MINUTES_MAX * 60_000);
        if command.until <= at || command.until > latest {
            return Err(MarketRefusal::ReservationTime);
        }
        let units = self.units_by_variant(&command.lines)?;
        for &(place, quantity) in &units {
            self.check_listed(place)?;
            self.check_left(place, quantity, at)?;
        }
        Ok(Change::Reservation(command.clone(), units).into())
    }

    pub(crate) fn check_listed(&self, place: TablePlace) -> Result<(), MarketRefusal> {
        let offer = self.offer(self.variant(place).offer);
        let listed = offer.state == OfferState::Listed;
        if listed { Ok(()) } else { Err(MarketRefusal::NotListed(offer.id)) }
    }

    pub(crate) fn reserve(
        &mut self,
        command: &ReserveUnits,
        units: &[(TablePlace, u32)],
        _: Timestamp,
        out: &mut Vec<MarketEvent>,
    ) {
        let ReserveUnits { reservation: id, buyer, until, .. } = *command;
        for &(place, quantity) in units {
            self.free_ended(place, quantity);
            self.variant_mut(place).stock.reserve(quantity);
            self.reserved_units.insert((place, until, id), quantity);
        }
        let reservation =
            StockReservation { buyer, until, made: command.lines.clone(), units: units.to_vec() };
        self.reservations.insert(id, reservation);
        self.reservation_ends.insert((until, id));
        out.push(MarketEvent::UnitsReserved { reservation: id });
    }

    pub(crate) fn cancel_reservation(
        &self,
        command: &CancelReservation,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let id = command.reservation;
        if !self.reservations.contains_key(&id) {
            return Err(not_found(MissingMarketRecord::Reservation(id)));
        }
        Ok(Change::ReservationEnds(vec![id]).into())
    }

    pub(crate) fn end_reservations(
        &self,
        command: &EndReservations,
        at: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        if !(1..=RECORDS_PER_COMMAND_MAX).contains(&command.limit) {
            return Err(books::Refusal::OutOfRange(RECORDS_PER_COMMAND_MAX).into());
        }
        let most = usize::try_from(command.limit).unwrap_or(usize::MAX);
        let ended = self.reservation_ends.iter().take_while(|(until, _)| *until <= at);
        let ids = ended.take(most).map(|(_, id)| *id).collect();
        Ok(Change::ReservationEnds(ids).into())
    }

    pub(crate) fn end_all(&mut self, ids: &[ReservationId], out: &mut Vec<MarketEvent>) {
        for &id in ids {
            self.end_reservation(id);
            out.push(MarketEvent::ReservationEnded { reservation: id });
        }
    }

    pub(crate) fn end_reservation(&mut self, id: ReservationId) {
        let reservation = self.reservations.get(&id).expect("the plan found the reservation");
        let (until, units) = (reservation.until, reservation.units.clone());
        for (place, _) in units {
            self.free_line((place, until, id));
        }
    }
}
